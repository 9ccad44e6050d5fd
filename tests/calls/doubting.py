"""Brings a call into doubt, and looks at it all the time: does its row ever say Paused, without a doubt, while it records?"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from tests.cast import Cast
from voicedash.bandwidth.fake import Fake, FakeCall
from voicedash.calls import board, due, recording
from voicedash.calls.due import Again
from voicedash.calls.models import Attempt, Call, Command
from voicedash.calls.rows import Row
from voicedash.calls.times import times
from voicedash.tenants.board import database_time


def until(condition: Callable[[], Any], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.02)


def resume_in_doubt(cast: Cast, bandwidth: Fake, call: Call, late: float) -> None:
    """Paused; then a resume without an answer, every attempt of it done `late` seconds later."""
    assert recording.pause(call=call, by=cast.ana, reason=cast.card).outcome == "acknowledged"
    bandwidth.late_next(late, hang=True, call_id=call.call_id, times=20)
    assert recording.resume(call=call, by=cast.ana).outcome == "unconfirmed"


def pause_over_a_doubted_resume(cast: Cast, bandwidth: Fake, call: Call, late: float) -> None:
    """Paused; then a resume without an answer, done `late` seconds later; then a pause that is acknowledged."""
    resume_in_doubt(cast, bandwidth, call, late)
    bandwidth.forget()
    assert recording.pause(call=call, by=cast.ana, reason=cast.card).outcome == "acknowledged"


def acknowledged(call: Call, wanted: str, *, by: Any, ago: float, reason: Any = None) -> Command:
    """Makes the call show what Bandwidth acknowledged `ago` seconds back."""
    at = Now() - timedelta(seconds=ago)
    command = Command.objects.create(
        call=call,
        wanted=wanted,
        by=by,
        reason=reason,
        state="closed",
        outcome="acknowledged",
        asked_at=at,
        claimed_at=at,
        attempt_at=at,
        expires_at=at,
        closed_at=at,
        version=1,
    )
    shown = {"recording": wanted, "recording_since": at, "acknowledged": command, "asserted_at": at}
    Call.objects.filter(pk=call.pk).update(**shown, **({"last_pause": command} if wanted == "paused" else {}))
    return command


def doubted(call: Call, wanted: str, *, by: Any, ago: float) -> Command:
    """A request that was sent `ago` seconds back and had no readable answer."""
    at = Now() - timedelta(seconds=ago)
    command = Command.objects.create(
        call=call,
        wanted=wanted,
        by=by,
        state="closed",
        outcome="unconfirmed",
        asked_at=at,
        attempt_at=at,
        expires_at=at,
        closed_at=at,
        version=1,
    )
    closes = Now() + timedelta(seconds=times.doubt - ago)
    Attempt.objects.create(command=command, number=1, began_at=at, result="unknown", doubt_until=closes)
    return command


def the_due(call: Call) -> Again:
    """What is due on a call, which is one thing."""
    [one] = [one for one in due.again(database_time()) if one.call_pk == call.pk]
    return one


class Watch:
    """Looks at the row of a call, and at what the stand-in does at that moment."""

    def __init__(self, call: Call, theirs: FakeCall) -> None:
        self.call, self.theirs = call, theirs
        self.lies: list[str] = []
        self.seen: list[tuple[str, bool]] = []  # what the row claimed, and whether a doubt was on it; each change once

    def look(self) -> Row:
        before = self.theirs.recorder
        row = board.row(self.call)
        claims = row.recording == "paused" and row.asking != "recording" and row.doubt_until is None
        if claims and before == self.theirs.recorder == "recording":
            self.lies.append(f"{row.word} at version {row.version}")
        one = (row.recording, row.doubt_until is not None)
        if not self.seen or self.seen[-1] != one:
            self.seen.append(one)
        return row

    def until(self, condition: Callable[[Row], Any], seconds: float = 40.0) -> None:
        until(lambda: condition(self.look()), seconds)

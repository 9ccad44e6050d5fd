"""A doubt does not just run out: what nobody asked again for is not confirmed any more."""

import time

import pytest

from voicedash.audit.models import Entry
from voicedash.calls import board, claims, recording, times


@pytest.fixture(autouse=True)
def _shorter_times():
    times.scale(0.08)  # a doubt lasts two seconds


def shown(call):
    claims.close_expired(call.tenant_id)
    return board.row(call)


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def pause_over_a_doubted_resume(cast, bandwidth, call, late):
    """Paused; then a resume without an answer, done `late` seconds later; then a pause that is acknowledged."""
    assert recording.pause(call=call, by=cast.ana, reason=cast.card).outcome == "acknowledged"
    for _ in range(20):  # every attempt of it
        bandwidth.late_next(late, hang=True)
    call.refresh_from_db()
    assert recording.resume(call=call, by=cast.ana).outcome == "unconfirmed"
    bandwidth.forget()
    assert recording.pause(call=call, by=cast.ana, reason=cast.card).outcome == "acknowledged"


def test_a_late_resume_never_leaves_a_row_paused(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    pause_over_a_doubted_resume(cast, bandwidth, call, late=1.6)
    row = shown(call)
    assert (row.recording, row.doubt_until is not None) == ("paused", True)
    until(lambda: theirs.recorder == "recording")
    until(lambda: shown(call).recording == "unconfirmed")
    assert shown(call).word == "Not confirmed: treat as recording"
    told = Entry.objects.get(verb="recording.doubted")
    assert (told.call_id, told.data["wanted"]) == (call.call_id, "recording")
    assert recording.pause(call=call, by=cast.ana, reason=cast.card).outcome == "acknowledged"
    assert shown(call).recording == "paused"
    assert theirs.recorder == "paused"


def test_what_was_acknowledged_again_after_the_doubt_stays(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    pause_over_a_doubted_resume(cast, bandwidth, call, late=0.5)
    until(lambda: board.row(call).doubt_until is None)  # nobody has looked in a way that would close it
    assert recording.pause(call=call, by=cast.ana, reason=cast.card).outcome == "acknowledged"
    assert shown(call).recording == "paused"
    assert theirs.recorder == "paused"
    assert not Entry.objects.filter(verb="recording.doubted").exists()

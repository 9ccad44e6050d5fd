"""One row of the board, with every decision about its display made: the template only draws it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from voicedash.calls import words
from voicedash.calls.models import Call, Command, Recording


@dataclass(frozen=True)
class Row:
    """What `calls/_row.html` draws. Holds nothing that belongs to one viewer, but for `outcome` and `confirm`."""

    pk: int
    call_id: str
    version: int
    recording: str
    asking: str  # "", "paused", "recording"
    state: str  # Bandwidth's call state; "" = typed, not seen yet
    ended: bool
    shape: str  # symbol in static/shapes.svg: hollow, full, bars, dashed, turning, none
    word: str  # "Paused", "Recording (assumed)", "Resuming…: treat as recording"
    since: datetime | None  # ticks beside the word while paused
    line: str  # second line under the word: "until you resume", "if this call is recorded"
    party: str  # who is on our side: number, address or the call id
    other: str  # the other party, formatted
    began: datetime | None  # the call's duration ticks from here
    ended_at: datetime | None
    note: str  # "Ana Ruiz · Card details"
    acknowledged_at: datetime | None
    took: str  # "0.2 s"
    doubt_until: datetime | None
    slot1: str  # "Pause", "Pause again"
    slot2: str  # "", "Resume", "Resume again"
    outcome: str = ""
    confirm: str = ""  # "Ana paused 12 s ago. Resume anyway?"


class Doubt(NamedTuple):
    """What a request without a readable answer wanted, and until when it may still take effect."""

    wanted: str
    until: datetime


def draw(
    call: Call,
    *,
    command: Command | None,
    waiting: Command | None,
    doubts: list[Doubt],
    now: datetime,
) -> Row:
    """The row of `call`, with its claimed and its waiting command and what is in doubt at `now`."""
    # The claimed command first: while a resume is out, a pause that waits for its turn makes nothing Paused.
    asked_by = command or waiting
    asking = asked_by.wanted if asked_by else ""
    ended = call.ended_at is not None
    seen = words.state_of(call, asking)
    acknowledged = call.acknowledged if call.recording in {Recording.PAUSED, Recording.RECORDING} else None
    answered = call.recording if acknowledged else ""
    ends = [doubt.until for doubt in doubts if doubt.until > now and doubt.wanted != answered]
    ours, theirs = words.parties(call)
    return Row(
        pk=call.pk,
        call_id=call.call_id,
        version=call.version,
        recording=call.recording,
        asking=asking,
        state=call.state,
        ended=ended,
        shape="none" if ended else seen.shape,
        word=seen.word,
        since=call.recording_since if call.recording == Recording.PAUSED and not asking and not ended else None,
        line=seen.line,
        party=ours,
        other=theirs,
        began=call.answer_time or call.start_time,
        ended_at=call.ended_at,
        note=_note(call, asked_by, waiting, acknowledged),
        acknowledged_at=acknowledged.closed_at if acknowledged and not asked_by else None,
        took=words.took(acknowledged) if acknowledged and not asked_by else "",
        doubt_until=max(ends) if ends and acknowledged else None,
        slot1="Pause" if call.recording in {Recording.ASSUMED, Recording.RECORDING} else "Pause again",
        slot2={Recording.PAUSED: "Resume", Recording.UNCONFIRMED: "Resume again"}.get(Recording(call.recording), ""),
    )


def _note(call: Call, asked_by: Command | None, waiting: Command | None, acknowledged: Command | None) -> str:
    if asked_by:
        return words.asking_note(asked_by, waiting)
    if call.recording == Recording.UNCONFIRMED:
        return words.unconfirmed_note(call.last_pause)
    return words.acknowledged_note(acknowledged)

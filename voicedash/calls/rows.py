"""One row of the board, with every decision about its display made: the template only draws it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from voicedash.calls import words
from voicedash.calls.models import Call, Command, Recording, Wanted
from voicedash.calls.selections import Mark
from voicedash.calls.times import times


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
    over: str  # the word once it has left: "Ended", "Hidden"; "" before
    shape: str  # symbol in static/shapes.svg: hollow, full, bars, dashed, turning, none
    word: str  # "Paused", "Recording (assumed)", "Resuming…: treat as recording"
    since: datetime | None  # ticks beside the word while paused
    line: str  # second line under the word: "until you resume", "if this call is recorded"; why it was hidden
    order: str  # its mark: rows stand in the list by it
    person: str  # who is on our side; "" where no line says
    team: str
    party: str  # our side: number, address or the call id
    other_person: str  # a colleague who is the other party; "" where no line says
    other: str  # the other party, formatted
    began: datetime | None  # the call's duration ticks from here
    ended_at: datetime | None
    note: str  # "Ana Ruiz · Card details"
    acknowledged_at: datetime | None
    took: str  # "0.2 s"
    doubt_until: datetime | None
    slot1: str  # "Pause", "Pause again"; "Keep paused", which prolongs
    slot2: str  # "", "Resume", "Resume again"
    conversation: int | None = None
    by: int | None = None  # whose pause it is: who holds it, or asks for it
    handed: bool = False  # … and was given it by another
    reason: str = ""  # of the pause, as it was called when that began
    lease_ends: datetime | None = None  # when voicedash resumes it
    lease_seconds: int | None = None  # how long it is kept when it is prolonged
    wants_note: bool = False  # its reason asks for one
    not_known: bool = False  # Bandwidth does not know it now; voicedash alone goes on asking
    is_leg: bool = False  # it stands under the row of its conversation
    legs: tuple[int, ...] = ()  # of a conversation's row, whose key `pk` is: the keys of the calls under it
    outcome: str = ""
    confirm: str = ""  # "Ana paused 12 s ago. Resume anyway?"

    @property
    def id(self) -> str:
        """Of its element."""
        return f"{'conversation' if self.legs else 'call'}-{self.pk}"

    @property
    def keeps(self) -> bool:
        """Whether its first button prolongs. One that is being resumed is paused anew."""
        return self.recording == Recording.PAUSED and self.asking != Wanted.RECORDING and not self.ended

    @property
    def ticks(self) -> bool:
        """Whether it says when it resumes."""
        return self.keeps and not self.asking and self.lease_ends is not None

    @property
    def also(self) -> str:
        """Its second line, after when it resumes."""
        return f" · {self.line}" if self.line and not self.line.startswith(",") else self.line

    @property
    def is_grouped(self) -> bool:
        return self.is_leg or bool(self.legs)

    def is_kind(self, show: str) -> bool:
        """As selections and browsers have it: "paused", or "needs" somebody."""
        if show == "needs":
            return self.recording == Recording.UNCONFIRMED and not self.ended
        return self.keeps

    @property
    def leg_ids(self) -> str:
        return " ".join(f"call-{pk}" for pk in self.legs)


class Doubt(NamedTuple):
    """What a request without a readable answer wanted, and until when it may still take effect."""

    wanted: str
    until: datetime


def believed(call: Call, doubts: list[Doubt], now: datetime) -> tuple[str, datetime | None]:
    """What the row may claim of the recording, and until when while a doubt hangs over it.

    A doubt ends when what the call shows was acknowledged again by a request that began after it. Where nobody has
    done so shortly after its close, or nobody will because the call is over, the row claims nothing, whether a worker
    has written that yet or not.
    """
    if call.recording not in {Recording.PAUSED, Recording.RECORDING}:
        return call.recording, None
    since = call.asserted_at
    ends = [
        doubt.until for doubt in doubts if doubt.wanted != call.recording and (since is None or doubt.until > since)
    ]
    if not ends:
        return call.recording, None
    until = max(ends) + timedelta(seconds=times.grace)
    if call.ended_at is not None or until <= now:
        return Recording.UNCONFIRMED, None
    return call.recording, until


def draw(
    call: Call,
    *,
    command: Command | None,
    waiting: Command | None,
    doubts: list[Doubt],
    now: datetime,
) -> Row:
    """The row of `call`, with its claimed and its waiting command and what has been in doubt, as of `now`."""
    if command and command.source == Command.Source.REASSERT:
        command = None  # it asks for what the row shows: nobody has to wait for it, and nothing changes by it
    # The claimed command first: while a resume is out, a pause that waits for its turn makes nothing Paused.
    asked_by = command or waiting
    asking = asked_by.wanted if asked_by else ""
    ended = call.ended_at is not None
    claimed, doubt_until = believed(call, doubts, now)
    # By itself voicedash asks in vain again and again, and nobody waits for that.
    not_known = call.not_known and claimed in {Recording.ASSUMED, Recording.RECORDING}
    not_known = not_known and (asked_by is None or asked_by.source != Command.Source.PERSON)
    joins = bool(call.pause_due_at) and not ended and not asked_by and not not_known
    if joins:
        asking = Wanted.PAUSED
    paused = claimed == Recording.PAUSED and not ended
    leased = not ended and claimed in {Recording.PAUSED, Recording.UNCONFIRMED}
    seen = words.state_of(call, claimed, asking)
    acknowledged = call.acknowledged if claimed in {Recording.PAUSED, Recording.RECORDING} else None
    held = asked_by if asked_by and asked_by.wanted == Wanted.PAUSED else acknowledged if paused else None
    held = call.last_pause if claimed == Recording.UNCONFIRMED and not ended and held is None else held
    ours, theirs = words.parties(call)
    return Row(
        pk=call.pk,
        call_id=call.call_id,
        version=call.version,
        recording=claimed,
        asking=asking,
        state=call.state,
        ended=ended,
        over=("Hidden" if call.hidden_why else "Ended") if ended and not asking else "",
        shape="none" if ended else seen.shape,
        word=seen.word,
        since=call.recording_since if paused and not asking and call.lease_ends_at is None else None,
        line=_last_line(call, claimed, seen) if ended and not asking else seen.line,
        order=str(Mark.of(call)),
        person=call.person,
        team=call.team,
        party=ours,
        other_person=call.other_person,
        other=theirs,
        began=call.answer_time or call.start_time,
        ended_at=call.ended_at,
        note=words.JOINS if joins else _note(call, claimed, asked_by, waiting, acknowledged),
        acknowledged_at=acknowledged.closed_at if acknowledged and not asked_by else None,
        took=words.took(acknowledged) if acknowledged and not asked_by else "",
        doubt_until=doubt_until,
        by=held.holder_id if held else None,
        handed=held is not None and held.held_by_id is not None,
        reason=call.lease_reason if leased else "",
        lease_ends=call.lease_ends_at if leased else None,
        lease_seconds=call.lease_seconds if leased else None,
        wants_note=acknowledged is not None and acknowledged.note_wanted and paused and not asking,
        conversation=call.conversation_id,
        not_known=not_known,
        slot1=words.slot1(claimed, asking if not ended else Wanted.RECORDING),
        slot2={Recording.PAUSED: "Resume", Recording.UNCONFIRMED: "Resume again"}.get(Recording(claimed), ""),
    )


def _last_line(call: Call, claimed: str, seen: words.Shown) -> str:
    """Under the word of a call that has left: why, where that is not plain, or what was claimed of it last."""
    if call.hidden_why:
        return call.get_hidden_why_display()
    return f"was: {seen.word}" if claimed in {Recording.PAUSED, Recording.UNCONFIRMED} else ""


def _note(
    call: Call, claimed: str, asked_by: Command | None, waiting: Command | None, acknowledged: Command | None
) -> str:
    if asked_by:
        return words.asking_note(asked_by, waiting)
    if claimed == Recording.UNCONFIRMED:
        return words.unconfirmed_note(call.last_pause, call.lease_reason)
    return words.acknowledged_note(acknowledged, call.lease_reason)

"""Every sentence about everyone at once: the question, how far it is, what failed and why."""

from typing import Protocol

from voicedash.calls import words
from voicedash.calls.models import Bulk, Call, Outcome, Wanted
from voicedash.calls.words import Said


class Counted(Protocol):
    """The calls of a bulk by what came of them."""

    @property
    def done(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def ended(self) -> int: ...
    @property
    def left(self) -> int: ...


_WHY: dict[str, str] = {
    Outcome.UNCONFIRMED: "not confirmed: treat as recording",
    Outcome.CREDENTIALS: "Bandwidth refuses the account's credentials. Tell an admin",
    Outcome.REFUSED: "refused by Bandwidth",
    Outcome.UNREACHABLE: "Bandwidth was not reached",
    Outcome.NOT_ASKED: "not asked",
    Outcome.UNKNOWN_CALL: "Bandwidth does not know this call now",
    "next": "still being resumed",
    "busy": "somebody else was at it",
}

NOTHING_TO_PAUSE = Said("Nothing to pause", "No live call there is without a pause.", "wait")
NOTHING_TO_RESUME = Said("Nothing to resume", "No call was chosen that is still live.", "wait")
NOTHING_TO_REPEAT = Said("Nothing to repeat", "None of them is live and still waits for it.", "wait")


def calls(number: int) -> str:
    return f"{number:,} call{'' if number == 1 else 's'}"


def of(team: str) -> str:
    """Whose calls: a team's, or everybody's."""
    return f"of {team}" if team else "of the whole floor"


def question(wanted: str, number: int, legs: int, team: str) -> str:
    verb = "Pause" if wanted == Wanted.PAUSED else "Resume"
    more = f" ({legs:,} legs)" if legs != number else ""
    return f"{verb} {calls(number)}{more} {of(team)}?"


def begun(bulk: Bulk, number: int) -> Said:
    lead = "Wait, pausing…" if bulk.wanted == Wanted.PAUSED else "Wait, resuming…"
    return Said(lead, f"{calls(number)} {of(bulk.team)}. Each row says when it is done.", "wait")


def sentence(bulk: Bulk, number: int, *, running: bool) -> str:
    pausing = bulk.wanted == Wanted.PAUSED
    verb = ("Pausing" if pausing else "Resuming") if running else ("Pause" if pausing else "Resume") + " of"
    again = " again" if bulk.of_id else ""
    return f"{verb} {calls(number)}{again} {of(bulk.team)}, by {words.person(bulk.by)}"


def told(wanted: str, counted: Counted) -> str:
    """How far it is: "37 paused, 2 failed"."""
    parts = [f"{counted.done:,} {'paused' if wanted == Wanted.PAUSED else 'resumed'}"]
    parts += [f"{counted.failed:,} failed"] if counted.failed else []
    parts += [f"{counted.ended:,} ended"] if counted.ended else []
    parts += [f"{counted.left:,} left as somebody wished since"] if counted.left else []
    return ", ".join(parts)


def name(call: Call) -> str:
    return call.person or words.parties(call)[0]


def why(outcome: str) -> str:
    return _WHY.get(outcome, outcome)

"""When a pause ends by itself: what a claim is given, and the columns of a call that follow from it. Writes nothing.

A lease is given with the claim and kept on the command. It begins to run on the call when Bandwidth acknowledges the
pause, or when the command closes without anybody knowing: what may be paused is resumed at its end as well. All
by the database's clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from voicedash.calls.models import Call, Command
from voicedash.calls.times import times
from voicedash.tenants.models import Reason

_HELD = ("lease_from", "lease_ends_at", "lease_seconds", "lease_limit", "lease_prolonged", "lease_reason")
NONE: dict[str, Any] = {
    "lease_from": None,
    "lease_ends_at": None,
    "lease_due_at": None,
    "lease_seconds": None,
    "lease_limit": 0,
    "lease_prolonged": 0,
    "lease_reason": "",
}


@dataclass(frozen=True)
class Terms:
    """What a reason says of a pause. `lease`: its seconds; None: only a person ends it."""

    name: str = ""
    lease: int | None = None
    prolong: int = 0
    note_wanted: bool = False

    @classmethod
    def of(cls, reason: Reason | None) -> "Terms":
        return cls(reason.name, reason.lease, reason.prolong, reason.note) if reason else cls()

    @classmethod
    def kept(cls, command: Command) -> "Terms":
        """As they were when `command` was claimed."""
        return cls(command.reason_name, command.lease, command.prolong, command.note_wanted)

    def columns(self, note: str) -> dict[str, Any]:
        """Of a command that is claimed under them."""
        return {
            "reason_name": self.name,
            "lease": self.lease,
            "prolong": self.prolong,
            "note_wanted": self.note_wanted and not note,
        }


def given(call: Call, command: Command, now: datetime, legs: Iterable[Call] = ()) -> dict[str, Any]:
    """The columns of `call` from `now` on, as a pause was acknowledged or may have been done. {}: as they are.

    A further pause never shortens: the later end holds, and none beats all. What voicedash asks for again of itself
    changes no lease; a leg that joins takes that of its conversation, whose `legs` are given.
    """
    held = call.lease_from is not None
    if command.source == Command.Source.REASSERT or (held and command.source != Command.Source.PERSON):
        return {}
    if command.source == Command.Source.SYSTEM and (longest := _longest(legs)):
        return {name: getattr(longest, name) for name in _HELD} | {"lease_due_at": longest.lease_ends_at}
    ends = None if command.lease is None else now + timedelta(seconds=command.lease)
    if held and later(call.lease_ends_at, ends) == call.lease_ends_at:
        return {}
    return {
        "lease_from": now,
        "lease_ends_at": ends,
        "lease_due_at": ends,
        "lease_seconds": command.lease,
        "lease_limit": command.prolong,
        "lease_prolonged": 0,
        "lease_reason": command.reason_name,
    }


def put_off(call: Call, command: Command, now: datetime) -> dict[str, Any]:
    """The columns of `call` after the timer asked in vain: later each time, from a second to half a minute."""
    if command.source != Command.Source.TIMER or call.lease_ends_at is None:
        return {}
    wait = (now - call.lease_ends_at).total_seconds() / 6
    return {"lease_due_at": now + timedelta(seconds=min(max(times.retry, wait), times.retry_slow))}


def prolonged(call: Call, now: datetime) -> dict[str, Any]:
    """The columns of a call whose pause, which has an end, is kept for its time once more from `now`."""
    ends = later(call.lease_ends_at, now + timedelta(seconds=call.lease_seconds or 0))
    return {"lease_ends_at": ends, "lease_due_at": ends, "lease_prolonged": call.lease_prolonged + 1}


def changed(call: Call, terms: Terms, now: datetime) -> dict[str, Any]:
    """The columns of a paused call that is paused for another reason now: as if it had been from the start.

    Its end comes no sooner by that.
    """
    since = call.lease_from or now
    ends = None
    if call.lease_from is not None and call.lease_ends_at is not None and terms.lease is not None:
        ends = later(call.lease_ends_at, since + timedelta(seconds=terms.lease))
    return {
        "lease_from": since,
        "lease_ends_at": ends,
        "lease_due_at": ends,
        "lease_seconds": terms.lease,
        "lease_limit": terms.prolong,
        "lease_reason": terms.name,
    }


def is_over(call: Call, now: datetime) -> bool:
    """The timer is to resume it now."""
    return call.lease_ends_at is not None and call.lease_ends_at <= now and (call.lease_due_at or now) <= now


def ends_soon(call: Call, now: datetime) -> bool:
    """So soon that nothing is asked again for its pause any more."""
    return call.lease_ends_at is not None and call.lease_ends_at <= now + timedelta(seconds=times.near_end)


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two ends; None, which is none, is later than any."""
    return None if one is None or other is None else max(one, other)


def _longest(legs: Iterable[Call]) -> Call | None:
    held = [leg for leg in legs if leg.lease_from is not None]
    endless = [leg for leg in held if leg.lease_ends_at is None]
    ending = sorted((leg.lease_ends_at, leg.pk, leg) for leg in held if leg.lease_ends_at is not None)
    return endless[0] if endless else ending[-1][-1] if ending else None

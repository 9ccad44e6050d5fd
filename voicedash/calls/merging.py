"""What a piece of news changes of a call: the same in the end, in whatever order news comes and however often.

Reads nothing and writes nothing. Of the state the newest news counts, and an end outweighs all else, for no call
comes back from it; other facts do not change in a call's life, so older news may still add what nobody told yet.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from voicedash.bandwidth.listing import ENDED, CallState
from voicedash.calls.models import Call
from voicedash.calls.times import times

_FACTS = ("parent_call_id", "direction", "from_address", "to_address", "start_time", "answer_time")
_ORDER = ["", "unknown", "queued", "initiated", "answered"]  # told of the same moment, the later word counts
_NEVER = datetime.min.replace(tzinfo=UTC)

Weight = tuple[bool, datetime, int, datetime]


def first(state: CallState, now: datetime) -> dict[str, Any]:
    """The columns of a call of which this is the first that we hear, at `now`."""
    columns = {name: getattr(state, name) for name in (*_FACTS, "end_time")} | _of_state(state)
    columns["state"] = _word(state) or "unknown"
    return columns | {"ended_at": now if state.ended else None, "listed_at": None if state.event else now}


def changes(state: CallState, call: Call, now: datetime) -> dict[str, Any]:
    """The columns of `call` that are others after this; {} where it is no news."""
    newer = bool(_word(state)) and weight(state) > _weight_of(call) and not _overtaken(state, call, now)
    columns: dict[str, Any] = {}
    for name in (*_FACTS, "end_time") if newer or _is_over(call) else _FACTS:
        told = getattr(state, name)
        if told and (newer or not getattr(call, name)):
            columns[name] = told
    if not call.state:  # typed in until now
        columns["state"] = "unknown"
    if newer:
        columns |= _of_state(state)
        if state.ended:
            columns["ended_at"] = call.ended_at or now
    if call.hidden_why and (newer or not state.event):
        # One that comes back has its time once more.
        columns |= {"hidden_why": ""} | ({"ended_at": now} if state.ended else {"ended_at": None, "added_at": now})
    if not state.event:
        columns["listed_at"] = call.listed_at or now
    return {name: value for name, value in columns.items() if value != getattr(call, name)}


def weight(state: CallState) -> Weight:
    """By this news is compared: what weighs more is newer."""
    return state.ended, told_at(state) or _NEVER, _rank(_word(state)), state.end_time or _NEVER


def told_at(state: CallState) -> datetime | None:
    """Bandwidth's own time of this news; where it is missing, the latest that can be told from the rest."""
    known = (state.end_time, state.answer_time, state.start_time)
    return state.last_update or max((time for time in known if time), default=None)


def _weight_of(call: Call) -> Weight:
    return _is_over(call), call.last_update or _NEVER, _rank(call.state), call.end_time or _NEVER


def _is_over(call: Call) -> bool:
    """Bandwidth has told so."""
    return call.ended_at is not None and not call.hidden_why


def _of_state(state: CallState) -> dict[str, Any]:
    """What is as old as the state. News that tells of no state has no age either."""
    if not _word(state):
        return {}
    return {"state": _word(state), "last_update": told_at(state)}


def _word(state: CallState) -> str:
    return ENDED if state.ended else state.state


def _rank(word: str) -> int:
    return _ORDER.index(word) if word in _ORDER else len(_ORDER)


def _overtaken(state: CallState, call: Call, now: datetime) -> bool:
    """An end that was told before Bandwidth obeyed for this call all the same: for a while that outweighs it.

    Not for ever, for a 200 may have crossed with the end.
    """
    if not state.ended or call.ended_at is not None or call.revived_at is None:
        return False
    known_before = (told_at(state) or _NEVER) <= (call.last_update or _NEVER)
    return known_before and now < call.revived_at + timedelta(seconds=times.obeyed)

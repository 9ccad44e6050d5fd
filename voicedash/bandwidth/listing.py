"""Bandwidth's JSON about calls and recordings, read defensively: unknown values are kept, bad ones are left out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ENDED = "disconnected"
# No call began before or will begin after: such a time is a mistake, and drawn in a zone it could even overflow.
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
# What can stand in an address: "." or ".." as an id would be another address.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class CallState:
    """A call as GET tells it (docs/bandwidth.md §2), or one event about it. Missing text is "", a missing time None.

    Of an event `last_update` is its own time, `event` true, and `state` "" where it tells of none.
    """

    call_id: str
    parent_call_id: str
    state: str
    direction: str
    from_address: str
    to_address: str
    start_time: datetime | None
    answer_time: datetime | None
    end_time: datetime | None
    last_update: datetime | None
    event: bool = False

    @property
    def ended(self) -> bool:
        """Bandwidth says that it is over; a state we do not know counts as live."""
        return self.state == ENDED or self.end_time is not None


@dataclass(frozen=True)
class RecordingMetadata:
    """A finished recording. `duration` is Bandwidth's ISO 8601 text and lacks what was paused."""

    recording_id: str
    call_id: str
    status: str
    duration: str
    start_time: datetime | None
    end_time: datetime | None


class Page(list[CallState]):
    """The calls of one answer to a listing. `date`: when it was given, by Bandwidth's own clock; None if not told."""

    def __init__(self, calls: Iterable[CallState], date: datetime | None) -> None:
        super().__init__(calls)
        self.date = date


def calls_in(items: list[Any]) -> list[CallState]:
    """The calls in a list; an item that is no object or has no id is left out, the rest is kept."""
    return [
        CallState(
            call_id=_id(item, "callId"),
            parent_call_id=_id(item, "parentCallId"),
            state=_state(item),
            direction=_word(item, "direction", 20),
            from_address=_text(item, "from", 300),
            to_address=_text(item, "to", 300),
            start_time=_time(item, "startTime"),
            answer_time=_time(item, "answerTime"),
            end_time=_time(item, "endTime"),
            last_update=_time(item, "lastUpdate"),
        )
        for item in items
        if isinstance(item, dict) and _id(item, "callId")
    ]


def recordings_in(items: list[Any]) -> list[RecordingMetadata]:
    """The recordings in a list, with the same tolerance."""
    return [
        RecordingMetadata(
            recording_id=_text(item, "recordingId", 64),
            call_id=_id(item, "callId"),
            status=_word(item, "status", 40),
            duration=_text(item, "duration", 40),
            start_time=_time(item, "startTime"),
            end_time=_time(item, "endTime"),
        )
        for item in items
        if isinstance(item, dict) and _text(item, "recordingId", 64)
    ]


def _text(item: dict[str, Any], name: str, most: int) -> str:
    """A text field; "" where it is missing, no text, longer than `most`, or holds what a database cannot."""
    value = item.get(name)
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        return ""
    return value


def _word(item: dict[str, Any], name: str, most: int) -> str:
    """A text field in small letters, which can be longer than it was in others."""
    word = _text(item, name, most).lower()
    return word if len(word) <= most else ""


def _id(item: dict[str, Any], name: str) -> str:
    """The id of a call; "" where it is missing or can be none."""
    value = _text(item, name, 64)
    return value if _ID.fullmatch(value) else ""


def _state(item: dict[str, Any]) -> str:
    """The state of a call. One that has ended, be it at a time that cannot be, is over whatever its state is called."""
    return ENDED if _moment(item, "endTime") and not _time(item, "endTime") else _word(item, "state", 40)


def _time(item: dict[str, Any], name: str) -> datetime | None:
    """A time in UTC; None where it is missing, cannot be read, or is one that no call can have."""
    when = _moment(item, name)
    return when if when and _FIRST <= when < _LAST else None


def _moment(item: dict[str, Any], name: str) -> datetime | None:
    """Any time in UTC; one without a zone is UTC (a documented sample lacks its Z)."""
    value = item.get(name)
    if not isinstance(value, str):
        return None
    try:
        when = datetime.fromisoformat(value.strip())
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

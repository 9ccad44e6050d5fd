"""Bandwidth's JSON about calls and recordings, read defensively: unknown values are kept, bad ones are left out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ENDED = "disconnected"


@dataclass(frozen=True)
class CallState:
    """A call as GET tells it (docs/bandwidth.md §2). Text that is missing is "", a time that is missing None."""

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


def calls_in(items: list[Any]) -> list[CallState]:
    """The calls in a list; an item that is no object or has no id is left out, the rest is kept."""
    return [
        CallState(
            call_id=_text(item, "callId", 64),
            parent_call_id=_text(item, "parentCallId", 64),
            state=_text(item, "state", 40).lower(),
            direction=_text(item, "direction", 20).lower(),
            from_address=_text(item, "from", 300),
            to_address=_text(item, "to", 300),
            start_time=_time(item, "startTime"),
            answer_time=_time(item, "answerTime"),
            end_time=_time(item, "endTime"),
            last_update=_time(item, "lastUpdate"),
        )
        for item in items
        if isinstance(item, dict) and _text(item, "callId", 64)
    ]


def recordings_in(items: list[Any]) -> list[RecordingMetadata]:
    """The recordings in a list, with the same tolerance."""
    return [
        RecordingMetadata(
            recording_id=_text(item, "recordingId", 64),
            call_id=_text(item, "callId", 64),
            status=_text(item, "status", 40).lower(),
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


def _time(item: dict[str, Any], name: str) -> datetime | None:
    """A time in UTC; one without a zone is UTC (a documented sample lacks its Z)."""
    value = item.get(name)
    if not isinstance(value, str):
        return None
    try:
        when = datetime.fromisoformat(value.strip())
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

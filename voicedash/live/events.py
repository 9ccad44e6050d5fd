"""What a stream says: events of text/event-stream, whose id is the version up to which a board was told everything.

A `version` of None gives an event without an id: the browser keeps the one it has.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime

_LINES = re.compile(r"\r\n|\r|\n")  # what ends a line of a stream, and so may not stand inside one


def changes(version: int, html: Iterable[str]) -> bytes:
    """Rows and parts that are newer, as HTML."""
    lines = [line for piece in html for line in _LINES.split(piece.strip())]
    return _event("changes", version, *lines)


def anew(version: int | None) -> bytes:
    """Too much was missed: the board is to be fetched anew."""
    return _event("anew", version, "")


def beat(now: datetime, worker: datetime | None) -> str:
    """The data of a beat: what is shown was all there was at `now`, by the database's clock."""
    return json.dumps({"now": now.isoformat(), "worker": worker.isoformat() if worker else None})


def stale(age: float) -> str:
    """The data of the opposite: since `age` seconds nothing could be read."""
    return json.dumps({"age": round(age, 1)})


def pulse(kind: str, version: int | None, data: str) -> bytes:
    """A beat or a stale event."""
    return _event(kind, version, data)


def bye(version: int | None, why: str) -> bytes:
    """The stream ends, and is not to be opened again by itself."""
    return _event("bye", version, why)


def retry(milliseconds: int) -> bytes:
    """How long a browser is to wait before it comes back."""
    return b"retry: %d\n\n" % milliseconds


def _event(kind: str, version: int | None, *data: str) -> bytes:
    lines = [f"event: {kind}", *(f"data: {line}" for line in data)]
    if version is not None:
        lines.insert(0, f"id: {version}")
    return ("\n".join(lines) + "\n\n").encode()

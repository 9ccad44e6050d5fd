"""The heads of all chains, kept every day where another system can copy them to.

Who has the database and the keys can write a chain anew so that it is whole in itself. It is then no longer the
chain whose head was kept before.
"""

import contextlib
import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections

from voicedash.audit import signing
from voicedash.audit.models import Head

logger = logging.getLogger(__name__)
_LOOKS = 300  # seconds between two looks at the calendar: a clock that is set, or a machine that slept, is noticed


class Foreign(Exception):
    """A line that no voicedash with our keys wrote. The text says in what."""


@dataclass(frozen=True)
class Kept:
    """One line of a file: the head of a chain at a moment."""

    at: datetime
    chain: str
    seq: int
    digest: str
    where: str  # file and line


def write() -> list[str]:
    """Adds the head of every chain that has moved since to the file of the day (UTC), and to the process's log.

    Gives the lines that were added. What is in the file stays: it is replaced by a longer one, whole or not at all.
    Raises OSError and django.db.Error.
    """
    folder = Path(settings.LOG_HEADS)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that write at once would lose each other's lines
        now = _now()
        path = folder / f"{now:%Y-%m-%d}.jsonl"
        before = path.read_bytes() if path.exists() else b""
        there = _newest(before)
        heads = Head.objects.filter(seq__gt=0).order_by("chain").values_list("chain", "seq", "digest")
        lines = [_line(now, *head) for head in heads if there.get(head[0]) != head[1:]]
        if lines:
            end = b"\n" if before and not before.endswith(b"\n") else b""
            _replace(path, before + end + "".join(f"{line}\n" for line in lines).encode())
    for line in lines:
        logger.info("log head %s", line)  # a collector of the process's log keeps it as well
    return lines


def keep_daily() -> None:
    """Starts the thread that writes them now, and whenever a new day begins, until the process ends."""
    threading.Thread(target=_daily, name="log-heads", daemon=True).start()


def read(path: Path) -> Iterator[Kept | Foreign]:
    """The lines of one file, one after the other. Raises OSError."""
    empty = True
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            empty = False
            where = f"{path}, line {number}"
            try:
                yield _kept(line, where)
            except Foreign as error:
                yield error
    if empty:
        yield Foreign(f"{path} is empty")


def _daily() -> None:
    written = None
    while True:
        today = _now().date()
        if today != written:
            try:
                write()
                written = today
            except Exception:  # the thread must go on: tomorrow has a head, too
                logger.exception("The heads of the log could not be kept: trying again in %d s", _LOOKS)
            finally:
                connections.close_all()
        time.sleep(_LOOKS)


def _now() -> datetime:
    return datetime.now(UTC)


def _line(at: datetime, chain: str, seq: int, digest: str) -> str:
    key = signing.key()
    head = {
        "at": at.isoformat(timespec="seconds"),
        "chain": chain,
        "seq": seq,
        "digest": digest,
        "key": signing.fingerprint(key),
    }
    return json.dumps(head | {"signature": signing.sign(_signed(head), key)})


def _signed(head: dict[str, Any]) -> list[Any]:
    return ["head", *(head[name] for name in ("at", "chain", "seq", "digest", "key"))]


def _kept(line: str, where: str) -> Kept:
    """Raises Foreign."""
    try:
        head = json.loads(line)
        key = signing.keys().get(head["key"])
        if key is None:
            raise Foreign(f"{where}: signed with a key that is not in VOICEDASH_LOG_KEYS")
        if not signing.holds(head["signature"], _signed(head), key):
            raise Foreign(f"{where}: not as voicedash wrote it")
        return Kept(datetime.fromisoformat(head["at"]), head["chain"], int(head["seq"]), head["digest"], where)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Foreign(f"{where}: not as voicedash wrote it") from None


def _newest(content: bytes) -> dict[str, tuple[int, str]]:
    """The last head of each chain in a file."""
    found = {}
    for line in content.decode(errors="replace").splitlines():
        with contextlib.suppress(Foreign):
            kept = _kept(line, "")
            found[kept.chain] = (kept.seq, kept.digest)
    return found


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)

"""Tells a supervisor that the process lives, and a monitor whether everything is there that voicedash promises with."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC
from functools import cache

from django.db import Error, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from voicedash.live.bodies import Receive, Scope, Send
from voicedash.tenants import workers
from voicedash.tenants.board import database_time

logger = logging.getLogger(__name__)

LIVES, READY = "/healthz", "/readyz"
FRESH = 1.0  # seconds for which an answer is given again
PATIENCE = 3.0  # seconds: the database's own limits are 2
OK = "ok"
UNKNOWN = "not known"


@dataclass(frozen=True)
class Readiness:
    """What is there, each "ok" or what is wrong with it in words that anybody may read."""

    database: str
    migrations: str
    worker: str

    @property
    def ready(self) -> bool:
        return self.database == self.migrations == self.worker == OK

    def told(self) -> str:
        """What is wrong, for a line of the log."""
        parts = {"database": self.database, "migrations": self.migrations, "worker": self.worker}
        return "; ".join(f"{name}: {state}" for name, state in parts.items() if state != OK)


TOO_SLOW = Readiness("does not answer in time", UNKNOWN, UNKNOWN)


def look() -> Readiness:
    """Asks the database, in a thread that may wait for it. Its connection is given back."""
    try:
        missing = len(_known() - set(MigrationRecorder(connections["default"]).applied_migrations()))
        if missing:
            return Readiness(OK, f"{missing} are missing: run manage.py migrate", UNKNOWN)
        return Readiness(OK, OK, _worker())
    except Error as error:
        # The server's own words may name hosts and users: they are for the log.
        logger.warning("The database does not answer: %s", str(error).strip())
        return Readiness("does not answer", UNKNOWN, UNKNOWN)
    finally:
        connections.close_all()


def _worker() -> str:
    newest = workers.newest()
    if workers.are_at_work(newest, database_time()):  # by the database's clock, which wrote it
        return OK
    if newest is None:
        return "none runs: what is due does not happen. Start manage.py worker"
    at = newest.astimezone(UTC).isoformat(timespec="seconds")
    return f"none was heard of since {at}: what is due does not happen"


@cache
def _known() -> frozenset[tuple[str, str]]:
    """Every migration of this version, read from the disk once."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.nodes)


class Health:
    """Answers the two addresses on the loop. Neither needs a thread of the pages, a session or a host name.

    `/readyz` asks the database in one thread of its own and gives what it learned again for a second: however many
    ask, and however long the database takes, no more than one look is under way.
    """

    paths = frozenset({LIVES, READY})

    def __init__(self, look: Callable[[], Readiness] = look) -> None:
        self._look = look
        self._thread = ThreadPoolExecutor(1, "readiness")
        self._running: asyncio.Task[Readiness] | None = None
        self._last: Readiness | None = None
        self._last_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            # The body is not read: the connection ends with the answer.
            await _answer(send, 405, b"Only GET.", (b"allow", b"GET, HEAD"), (b"connection", b"close"))
        elif scope["path"] == LIVES:
            await _answer(send, 200, b"ok")
        else:
            found = await self._readiness()
            told = {"ready": found.ready, **vars(found)}
            await _answer(send, 200 if found.ready else 503, json.dumps(told).encode(), kind=b"application/json")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _readiness(self) -> Readiness:
        if self._last is not None and time.monotonic() - self._last_at < FRESH:
            return self._last
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._learn())
        running = self._running
        await asyncio.wait([running], timeout=PATIENCE)
        return running.result() if running.done() else self._note(TOO_SLOW)

    async def _learn(self) -> Readiness:
        # What the look finds is known before it counts as done, or who asks in between would begin another.
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, self._look)
        except Exception:
            logger.exception("Whether voicedash is ready could not be found out")
            found = Readiness("could not be asked", UNKNOWN, UNKNOWN)
        return self._note(found)

    def _note(self, found: Readiness) -> Readiness:
        if self._last is None or found.ready != self._last.ready:
            if found.ready:
                logger.info("Ready")
            else:
                logger.warning("Not ready: %s", found.told())
        self._last, self._last_at = found, time.monotonic()
        return found


async def _answer(
    send: Send, status: int, text: bytes, *more: tuple[bytes, bytes], kind: bytes = b"text/plain; charset=utf-8"
) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", b"%d" % len(text)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})

"""The tenant's one lock and change counter, and reads that see one moment."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import OperationalError, connection, connections, transaction

from voicedash.tenants.models import Board

# Doubled: executed with parameters, always; a cursor that logs (DEBUG) puts them in by "%".
_NOW = {"sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')", "postgresql": "clock_timestamp()"}


WAIT = 2.0  # seconds; the same as the limit of the database's own lock (settings)
_turns: dict[int, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class Stamp:
    """What a writing transaction is given: the version its rows carry, and the database's time."""

    version: int
    now: datetime


def begin(tenant_id: int) -> Stamp:
    """Takes the tenant's lock as the first write of the running transaction, and counts the version up.

    The time is read after the lock was had, by the database's clock: two nodes never
    disagree about which of two changes came first.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a tenant's rows are written inside a transaction")
    sql = (
        "UPDATE tenants_board SET version = version + 1 WHERE tenant_id = %s "
        f"RETURNING version, {_NOW[connection.vendor]}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [tenant_id])
        row = cursor.fetchone()
        if row is None:
            Board.objects.bulk_create([Board(tenant_id=tenant_id)], ignore_conflicts=True)
            cursor.execute(sql, [tenant_id])
            row = cursor.fetchone()
    return Stamp(row[0], aware(row[1]))


def take_away(tenant_id: int, newest_version: int) -> None:
    """Calls of the tenant are deleted in this transaction, none of them newer than `newest_version`.

    No row will tell of it: a board that is older than this is fetched anew. Where they ended long ago that is their
    own newest version, and a board that is up to date, which they have left, is not disturbed; where they may still be
    shown it is the version of this transaction. Raises RuntimeError outside one.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a tenant's rows are deleted inside a transaction")
    Board.objects.filter(tenant=tenant_id, floor__lt=newest_version).update(floor=newest_version)


def database_time() -> datetime:
    """Now, by the database's clock: for what is written outside any tenant."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_NOW[connection.vendor]}", [])
        return aware(cursor.fetchone()[0])


def aware(now: datetime | str) -> datetime:
    """A time as a statement of our own gives it: from SQLite as text, or of a column without its zone."""
    if isinstance(now, str):
        now = datetime.fromisoformat(now)
    return now if now.tzinfo else now.replace(tzinfo=UTC)


@contextmanager
def writing(tenant_id: int) -> Iterator[Stamp]:
    """One short transaction on a tenant's rows, under its lock.

    The threads of this process queue up before they ask the database: SQLite polls for its one lock and a
    crowd of writers runs into its time-out, and on PostgreSQL those who wait would hold the pool's
    connections. Raises OperationalError where the lock was not had within `WAIT`, queue included.
    """
    turn = _turns[0 if connection.vendor == "sqlite" else tenant_id]
    until = time.monotonic() + WAIT
    if turn.acquire(blocking=False):
        left = WAIT
    else:
        release_connection()
        if not turn.acquire(timeout=WAIT):
            raise OperationalError("the tenant's lock was not had in time: too many writers in this process")
        left = max(0.1, until - time.monotonic())
    try:
        with _waiting_at_most(left), transaction.atomic(durable=True):
            if left < WAIT and connection.vendor == "postgresql":
                _set("SET LOCAL lock_timeout = %d", left)
            stamp = begin(tenant_id)
            with getattr(connection, "in_one_go", nullcontext)():
                yield stamp
    finally:
        turn.release()


@contextmanager
def _waiting_at_most(seconds: float) -> Iterator[None]:
    """On SQLite, where the lock is asked for as the transaction begins: for no longer than this."""
    if seconds >= WAIT or connection.vendor != "sqlite":
        yield
        return
    _set("PRAGMA busy_timeout = %d", seconds)
    try:
        yield
    finally:
        _set("PRAGMA busy_timeout = %d", WAIT)


def _set(statement: str, seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement % round(seconds * 1000))


@contextmanager
def snapshot() -> Iterator[str]:
    """Reads that all see one moment; gives the alias to read with (`.using(alias)`)."""
    alias = "snapshot" if connection.vendor == "sqlite" else "default"
    with transaction.atomic(using=alias):
        if connection.vendor == "postgresql":
            with connections[alias].cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield alias


def release_connection() -> None:
    """Puts this thread's connection back into the pool while it waits for something else.

    On SQLite a connection is nobody else's; opening it anew would only cost.
    """
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        connection.close()

"""The tenant's one lock and change counter, and reads that see one moment."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import OperationalError, connection, connections, transaction

from voicedash.tenants.models import Board

# Doubled: executed with parameters, always; a cursor that logs (DEBUG) puts them in by "%".
_NOW = {"sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')", "postgresql": "clock_timestamp()"}


WAIT = 2.0  # seconds for a turn in this process; the database's own lock has a limit of its own (settings)
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
    return Stamp(row[0], _aware(row[1]))


def database_time() -> datetime:
    """Now, by the database's clock: for what is written outside any tenant."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_NOW[connection.vendor]}", [])
        return _aware(cursor.fetchone()[0])


def _aware(now: datetime | str) -> datetime:
    if isinstance(now, str):  # SQLite gives text
        return datetime.fromisoformat(now).replace(tzinfo=UTC)
    return now


@contextmanager
def writing(tenant_id: int) -> Iterator[Stamp]:
    """One short transaction on a tenant's rows, under its lock.

    The threads of this process queue up before they ask the database: SQLite polls for its one lock and a
    crowd of writers runs into its time-out, and on PostgreSQL those who wait would hold the pool's
    connections. Raises OperationalError where the turn did not come within `WAIT`.
    """
    turn = _turns[0 if connection.vendor == "sqlite" else tenant_id]
    if not turn.acquire(blocking=False):
        release_connection()
        if not turn.acquire(timeout=WAIT):
            raise OperationalError("the tenant's lock was not had in time: too many writers in this process")
    try:
        with transaction.atomic(durable=True):
            yield begin(tenant_id)
    finally:
        turn.release()


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

"""The log without its guard, as only its database's owner could have it: to empty tables, and to tamper."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from voicedash.audit import guard


def _off_and_on() -> tuple[list[str], list[str]]:
    vendor = connection.vendor
    if vendor == "sqlite":
        return guard.take_off(vendor), guard.put_on(vendor)
    # Cheaper than to make them anew, in one round trip: this runs after every test.
    off = "; ".join(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in guard.TABLES)
    return [off], ["; ".join(guard.always(vendor))]


def let_flush() -> None:
    """From now on this process's `flush` may empty the log's tables, too."""
    ops = type(connection.ops)
    flush = ops.execute_sql_flush

    def without_guard(self: Any, statements: Iterable[str]) -> None:
        off, on = _off_and_on()
        flush(self, [*off, *statements, *on])

    def deletes(self: Any, style: Any, tables: Iterable[str], **how: Any) -> list[str]:
        # TRUNCATE makes a file anew for every table; here each holds a few rows.
        return ["; ".join(["SET CONSTRAINTS ALL DEFERRED", *(f"DELETE FROM {self.quote_name(t)}" for t in tables)])]

    ops.execute_sql_flush = without_guard  # type: ignore[method-assign, assignment]
    if connection.vendor == "postgresql":
        ops.sql_flush = deletes  # type: ignore[method-assign]


@contextmanager
def log_unguarded() -> Iterator[None]:
    """What is done inside is done as the owner of the database can: without triggers, which are back afterwards."""
    off, on = _off_and_on()
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in off:
            cursor.execute(statement)
        yield
        for statement in on:
            cursor.execute(statement)

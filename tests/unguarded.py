"""The log without its guard, as only its database's owner could have it: to empty it, and to tamper."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from voicedash.audit import guard


def _off_and_on() -> tuple[list[str], list[str]]:
    vendor = connection.vendor
    if vendor == "sqlite":
        return guard.take_off(vendor), guard.put_on(vendor)
    # Cheaper than to make them anew, in one round trip: this runs after most tests.
    off = "; ".join(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in guard.TABLES)
    return [off], ["; ".join(guard.always(vendor))]


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

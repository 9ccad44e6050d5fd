"""The database is emptied after each test in one step: Django's own flush takes ten times as long.

That one also makes all permissions and content types anew. Here they stay, and what a test can have written goes.
"""

import time

from django.db import DatabaseError, connection, transaction
from django.test import TransactionTestCase

from tests import unguarded
from voicedash.audit import guard
from voicedash.tenants.models import Board

STAYS = {"auth_permission", "django_content_type"}
TRIES = 10  # what a test has left running may write meanwhile, which neither waits for the other's rows nor for this
BOARDS = Board._meta.db_table


def take_over() -> None:
    """From now on the tests of this process empty their database in this way."""
    TransactionTestCase._fixture_teardown = _empty  # type: ignore[attr-defined]


def _empty(test: TransactionTestCase) -> None:
    for left in reversed(range(TRIES)):
        try:
            _empty_now()
            return
        except DatabaseError:
            if not left:
                raise
            connection.close()
            time.sleep(0.2)


def _empty_now() -> None:
    tables = set(connection.introspection.django_table_names(only_existing=False, include_views=False)) - STAYS
    # Boards first, as every transaction that writes has it: what still runs in a thread ends before, or finds nothing.
    free = [_delete(table) for table in [BOARDS, *sorted(tables - {BOARDS, *guard.TABLES})]]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # whoever was killed may hold a lock a moment longer; in one round trip
            cursor.execute("; ".join(["SET LOCAL lock_timeout = '20s'", *free]))
        else:
            for statement in free:
                cursor.execute(statement)
        # Only where there is a log its guard is taken off: that changes the schema.
        cursor.execute("SELECT EXISTS (SELECT 1 FROM audit_entry) OR EXISTS (SELECT 1 FROM audit_head)")
        if cursor.fetchone()[0]:
            with unguarded.log_unguarded():
                for table in guard.TABLES:
                    cursor.execute(_delete(table))


def _delete(table: str) -> str:
    return f"DELETE FROM {connection.ops.quote_name(table)}"

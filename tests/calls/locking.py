"""Holds a tenant's lock, as another process would that is slow to commit."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, connections

from voicedash.tenants.models import Tenant


@contextmanager
def locked(tenant: Tenant) -> Iterator[None]:
    """Another process holds the tenant's lock (on SQLite, the database's) until the block ends."""
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
            if connection.vendor == "postgresql":  # which would end a session that does nothing for so long
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("UPDATE tenants_board SET version = version WHERE tenant_id = %s", [tenant.pk])
            held.set()
            free.wait(30)
            cursor.execute("ROLLBACK")
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(5)
    try:
        yield
    finally:
        free.set()
        thread.join()

"""The sessions on the tests' PostgreSQL as its server sees them: whose they are, what they do, how they end."""

import pytest
from django.db import connection

from tests.serving import Node, WorkerNode

postgresql_only = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="about PostgreSQL's sessions; SQLite has none"
)


def states(node: Node | WorkerNode) -> list[str]:
    """What each session of a node does: active, idle, idle in transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM pg_stat_activity WHERE application_name = %s", [node.name])
        return [str(state) for (state,) in cursor.fetchall()]


def end(node: Node | WorkerNode, *, wait: bool = True) -> int:
    """Ends every session of a node, as a restart of the server does; gives how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid, %s)) FROM pg_stat_activity WHERE application_name = %s",
            [5000 if wait else 0, node.name],
        )
        return int(cursor.fetchone()[0])


def end_all_others() -> None:
    """Ends whatever else is on the tests' database: a killed process may have left sessions there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def let_in(anybody: bool) -> None:
    """Whether the tests' database takes new sessions; while it does not, its server might as well be down."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection._nodb_cursor() as elsewhere:
        elsewhere.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {'true' if anybody else 'false'}")

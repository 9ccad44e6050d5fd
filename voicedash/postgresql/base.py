"""Django's way to PostgreSQL, but a press never waits for connections that died in the pool.

After a restart of the server every connection in the pool is dead. psycopg's pool, asked to check
what it gives, sleeps for a second after each dead one (psycopg_pool.base.AttemptWithBackoff): the
first presses after a restart failed, seen with eight in the pool. And it asks the server each time,
which a press would pay for twice.
"""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Error, pq
from psycopg_pool import ConnectionPool

_Cursor: Any = base.ServerBindingCursor  # whose stub does not know psycopg 3


class Cursor(_Cursor):  # type: ignore[misc]
    """Knows how many rows a statement wrote even where its answer was not waited for until somebody asks that."""

    @property
    def rowcount(self) -> int:
        if self.pgresult is None and self.connection.pgconn.pipeline_status != pq.PipelineStatus.OFF:
            with self.connection.pipeline() as sent:
                sent.sync()
        return int(super().rowcount)


class DatabaseWrapper(base.DatabaseWrapper):
    """What `ENGINE = "voicedash.postgresql"` names."""

    def get_connection_params(self) -> dict[str, Any]:
        return super().get_connection_params() | {"cursor_factory": Cursor}

    @contextmanager
    def in_one_go(self) -> Iterator[None]:
        """The rest of an outermost transaction, with its COMMIT: no statement is waited for but to read its answer.

        The server works while the next statement is put together, and both are woken less often. What a statement
        raises comes as the next answer is read, or at the end: nothing in here may catch it and go on.
        """
        with self.wrap_database_errors, self.connection.pipeline():
            yield
            if not self.needs_rollback:
                self.connection.execute("COMMIT")

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that answers, out of the pool where there is one.

        Dead ones are given back at once, for which the pool makes new ones. Raises psycopg's errors, PoolTimeout
        when none was free or could be made within the pool's `timeout`.
        """
        pool = self.pool
        if pool is None:
            return super().get_new_connection(conn_params)
        until = time.monotonic() + pool.timeout
        while True:
            connection = super().get_new_connection(conn_params)
            try:
                if _spoken_to(connection):
                    ConnectionPool.check_connection(connection)
            except Error:
                pool.putconn(connection)
                if time.monotonic() > until:
                    raise
            else:
                return connection


def _spoken_to(connection: Connection[Any]) -> bool:
    """Whether the server has sent something since the last answer: that it ends, most likely."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))

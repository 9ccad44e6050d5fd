"""Django's way to PostgreSQL, but a press never waits for connections that died in the pool.

After a restart of the server every connection in the pool is dead. psycopg's pool, asked to check
what it gives, sleeps for a second after each dead one (psycopg_pool.base.AttemptWithBackoff): the
first presses after a restart failed, seen with eight in the pool. And it asks the server each time,
which a press would pay for twice.
"""

import select
import time
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Error
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """What `ENGINE = "voicedash.postgresql"` names."""

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

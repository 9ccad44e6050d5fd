"""Keeps every tenant's callback credentials in the process for a second: no question to the database for each event."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from django.db import Error as DatabaseProblem
from django.db import connections

from voicedash.tenants import callbacks
from voicedash.tenants.board import release_connection
from voicedash.tenants.callbacks import Doors

logger = logging.getLogger(__name__)

FRESH = 1.0  # seconds; new credentials work, and old ones end, this much later at most
# While the database cannot be read the old ones do: what they let in is not written before it can be.
STALE = 60.0


class Doorkeeper:
    """Asks for them again when they are no longer fresh, once for all who wait."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "doors")
        self._doors: Doors | None = None
        self._read_at = 0.0  # monotonic
        self._reading: asyncio.Task[Doors] | None = None

    async def doors(self) -> Doors:
        """The credentials of all tenants. Raises DatabaseError where they are not known."""
        if self._doors is not None and time.monotonic() - self._read_at < FRESH:
            return self._doors
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read())
        try:
            return await asyncio.shield(self._reading)
        except DatabaseProblem as error:
            if self._doors is None or time.monotonic() - self._read_at > STALE:
                raise
            logger.warning("callback credentials could not be read again yet: %s", str(error).strip())
            return self._doors

    def close(self) -> None:
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=False)

    async def _read(self) -> Doors:
        began = time.monotonic()
        doors = await asyncio.get_running_loop().run_in_executor(self._thread, _read)
        self._doors, self._read_at = doors, began
        return doors


def _read() -> Doors:
    try:
        doors = callbacks.doors()
    except BaseException:
        connections.close_all()  # whatever is wrong with it, the next question begins with a new one
        raise
    release_connection()
    return doors

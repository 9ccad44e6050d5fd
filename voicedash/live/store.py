"""Keeps callbacks until they are written: bounded, many of a tenant in one transaction, and none forgotten before.

Bandwidth sends an event again on connection errors only, so a database that is away for seconds costs patience here
and no event there: each waits, and is tried again, for almost as long as Bandwidth does.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import DataError, IntegrityError, connections
from django.db import Error as DatabaseProblem

from voicedash.tenants.board import release_connection

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Full(Exception):
    """No more can wait."""


class TooLate(Exception):
    """It could not be written in time."""


@dataclass(frozen=True)
class Limits:
    """How much is kept, and how it is written."""

    waiting: int = 10_000  # of all tenants, each with its connection open
    bytes: int = 32 * 2**20  # in which they came
    at_once: int = 100  # of a tenant in a transaction: a press must never wait long for the tenant's lock
    gather: float = 0.1  # seconds before a transaction: more may come along, and presses have the lock meanwhile
    again: float = 0.25  # seconds before a batch that could not be written is tried again
    patience: float = 12.0  # seconds from its coming: Bandwidth waits 15, if it was not told otherwise
    threads: int = 4


@dataclass(eq=False)
class _Waiting(Generic[T]):
    what: T
    size: int
    until: float  # monotonic
    done: asyncio.Future[None]


class Store(Generic[T]):
    """What waits to be written, by tenant. `write` is called in a thread, and never twice at once for one tenant."""

    def __init__(self, write: Callable[[int, list[T]], None], limits: Limits) -> None:
        self.limits = limits
        self.held = 0  # how many wait
        self._bytes = 0
        self._write = write
        self._waiting: dict[int, deque[_Waiting[T]]] = {}
        self._writing: dict[int, asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(limits.threads, "callbacks")

    @property
    def full(self) -> bool:
        return self.held >= self.limits.waiting or self._bytes >= self.limits.bytes

    async def keep(self, tenant_id: int, what: T, size: int) -> None:
        """Returns once it is committed. Raises Full, TooLate, and whatever `write` says is wrong with just this one."""
        if self.full:
            raise Full
        loop = asyncio.get_running_loop()
        one = _Waiting(what, size, time.monotonic() + self.limits.patience, loop.create_future())
        self._waiting.setdefault(tenant_id, deque()).append(one)
        self.held += 1
        self._bytes += size
        if tenant_id not in self._writing:
            self._writing[tenant_id] = loop.create_task(self._write_on(tenant_id))
        await one.done  # who asked may leave meanwhile: it is written all the same

    def close(self) -> None:
        """Begins nothing more; what is being written is left alone."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _write_on(self, tenant_id: int) -> None:
        waiting = self._waiting[tenant_id]
        try:
            while waiting:
                await asyncio.sleep(self.limits.gather)
                batch = [waiting.popleft() for _ in range(min(len(waiting), self.limits.at_once))]
                try:
                    await self._write_batch(tenant_id, batch)
                finally:
                    self.held -= len(batch)
                    self._bytes -= sum(one.size for one in batch)
        finally:
            del self._waiting[tenant_id], self._writing[tenant_id]

    async def _write_batch(self, tenant_id: int, batch: list[_Waiting[T]]) -> None:
        """Every one of the batch is settled by it."""
        tried = 0
        while batch:
            try:
                await self._in_thread(tenant_id, batch)
            except (DataError, IntegrityError) as error:
                batch = await self._without_the_bad(tenant_id, batch, error)
            except DatabaseProblem as error:
                tried += 1
                if tried == 1:
                    logger.warning("callbacks cannot be written yet: %s: %s", type(error).__name__, str(error).strip())
                batch = _still(batch)
                await asyncio.sleep(self.limits.again)
            except Exception as error:
                batch = await self._without_the_bad(tenant_id, batch, error)
            else:
                if tried:
                    logger.info("callbacks were written at try %s", tried + 1)
                for one in batch:
                    _settle(one)
                return

    async def _without_the_bad(self, tenant_id: int, batch: list[_Waiting[T]], error: Exception) -> list[_Waiting[T]]:
        """Something in the batch is not to be written: found by halves, so that it takes nothing else along.

        What can be written is, by then; nothing is left.
        """
        if len(batch) == 1:
            logger.error("a callback could not be taken in", exc_info=error)
            _settle(batch[0], error)
            return []
        middle = len(batch) // 2
        await self._write_batch(tenant_id, batch[:middle])
        await self._write_batch(tenant_id, batch[middle:])
        return []

    async def _in_thread(self, tenant_id: int, batch: list[_Waiting[T]]) -> None:
        whats = [one.what for one in batch]
        await asyncio.get_running_loop().run_in_executor(self._threads, self._work, tenant_id, whats)

    def _work(self, tenant_id: int, whats: list[T]) -> None:
        try:
            self._write(tenant_id, whats)
        except BaseException:
            connections.close_all()  # whatever is wrong with it, the next begins with a new one
            raise
        release_connection()


def _still(batch: list[_Waiting[T]]) -> list[_Waiting[T]]:
    """Those for which there is time left; the others are told."""
    now = time.monotonic()
    for one in batch:
        if one.until <= now:
            _settle(one, TooLate())
    return [one for one in batch if one.until > now]


def _settle(one: _Waiting[T], error: Exception | None = None) -> None:
    if one.done.done():  # who asked has left
        return
    if error is None:
        one.done.set_result(None)
    else:
        one.done.set_exception(error)

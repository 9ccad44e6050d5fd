"""A worker's loop: it looks every fifth of a second at what is due, and has it done by threads that may hang.

Any number of workers may run on any number of nodes: each piece of work is taken under the tenant's lock or under a
lease, so what two of them find at once one of them does. They need no word with each other.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.db import Error as DatabaseProblem
from django.db import close_old_connections, connection, connections

from voicedash.calls import bulk, claims, due, fetching, recording
from voicedash.calls.due import Again
from voicedash.calls.incidents import work as incidents
from voicedash.calls.places import Places
from voicedash.calls.times import times
from voicedash.logs import context
from voicedash.tenants import workers
from voicedash.tenants.board import database_time, release_connection
from voicedash.worker import duties, pruning, sync

logger = logging.getLogger(__name__)

THREADS = 64
AN_ACCOUNT = 4  # calls asked at once of one account: one that hangs must not hold up what is due on others
PRUNE_EVERY = 3600.0  # seconds
AFTER_A_FAULT = 60.0  # seconds until a duty that failed is tried again
AFTER_A_SLIP = 1.0  # seconds until it looks again where a look failed, and not because of the database
FOLLOWED = 200  # accounts asked for their calls at once
GRACE = 6.0  # seconds for what is in flight when it is told to stop: an attempt, and writing what came of it
LETTING_GO = 1.0  # seconds for those that follow accounts
_PRUNING = "pruning"


@dataclass
class Loop:
    """One worker. `run` blocks until `stop` is set."""

    stop: threading.Event = field(default_factory=threading.Event)
    id: UUID = field(default_factory=uuid4)
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    _running: dict[tuple[str, int], Future[None]] = field(default_factory=dict)
    _following: set[tuple[str, int]] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _places: Places = field(default_factory=lambda: Places(AN_ACCOUNT))
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "due"))
    _free: threading.Event = field(default_factory=threading.Event)
    _left: bool = False  # at the last look something had no place on its account
    _beaten: float = 0.0
    _away: float | None = None  # since when the database is

    def run(self, at_work: Callable[[], None]) -> bool:
        """Works until it is told to stop; False where something is still in flight then. `at_work`: its first look."""
        seen = False
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                self._look()
                release_connection()
            except DatabaseProblem as error:
                self._trouble(error)
                self._drop_connection()
            except Exception:
                logger.exception("a look at what is due failed")
                self._drop_connection()
                self.stop.wait(AFTER_A_SLIP)
            else:
                self._fine()
                if not seen:
                    at_work()
                seen = True
            self._rest(times.tick - (time.monotonic() - began))
        return self._ended()

    def _rest(self, seconds: float) -> None:
        """Until the next look, which comes sooner where something waited for a place on its account and one is free."""
        self.stop.wait(times.tick / 4)
        self._free.wait(max(0.0, seconds - times.tick / 4))
        self._free.clear()

    def _look(self) -> None:
        """Finds what is due and starts it; then tells that it lives, for a worker that cannot look does not work."""
        now = database_time()
        beats = time.monotonic() - self._beaten >= times.beat
        gap = incidents.gap(workers.newest(), now) if beats else None
        self._left = False
        self._close(due.expired(now))
        for one in due.again(now):
            self._ask(one)
        for bulk_pk in bulk.left():
            self._start(("bulk", bulk_pk), lambda pk=bulk_pk: bulk.take_over(pk, self.stop))  # type: ignore[misc]
        for account_pk in sync.due():
            self._follow(account_pk)
        if beats:
            if gap:
                incidents.tell_gap(gap)
            self._start(("incidents", 0), incidents.look)
            # Half a minute late at any rate, and a look at a whole day: not with every look.
            self._close({attempt.command.call.tenant_id for attempt in due.overdue(now)})
            for tenant_id in fetching.with_dead():
                self._start(("fetches", tenant_id), lambda pk=tenant_id: fetching.end_dead(pk))  # type: ignore[misc]
            workers.beat(self.id, self.name)
            self._beaten = time.monotonic()
            duties.make_known(_PRUNING)
            sync.make_known()
            if duties.is_due(_PRUNING):
                self._start((_PRUNING, 0), self._prune)

    def _close(self, tenants: Iterable[int]) -> None:
        for tenant_id in tenants:
            self._start(("tenant", tenant_id), lambda pk=tenant_id: claims.close_due(pk))  # type: ignore[misc]

    def _ask(self, one: Again) -> None:
        key = ("call", one.call_pk)
        if key in self._running:
            return
        if not self._places.take(one.account_id):
            self._left = True  # it is still due at the next look
            return

        def work() -> None:
            try:
                answer = recording.reassert(one)
                level = logging.DEBUG if answer.outcome == "stale" else logging.INFO  # another worker was quicker
                logger.log(level, "call %s: %s asked again: %s", one.call_pk, one.wanted, answer.outcome)
            finally:
                self._places.free(one.account_id)
                if self._left:
                    self._free.set()

        self._start(key, work)

    def _follow(self, account_pk: int) -> None:
        """In a thread of its own: one that hangs takes none from what is due, and who is told to end does not wait."""
        key = ("sync", account_pk)

        def work() -> None:
            try:
                self._work(key, lambda: sync.follow(account_pk, self.id, self.stop))
            finally:
                connections.close_all()

        with self._changed:
            if key in self._following or len(self._following) >= FOLLOWED:
                return
            self._following.add(key)
        threading.Thread(target=work, name=f"sync-{account_pk}", daemon=True).start()

    def _prune(self) -> None:
        held = duties.take(_PRUNING, self.id)
        if held is None:
            return
        try:
            done = pruning.prune(held, self.stop)
        except duties.Lost:
            logger.warning("pruning went to another worker meanwhile")
        except DatabaseProblem:
            raise  # its lease ends, and the next to take it goes on
        except Exception:
            logger.exception("pruning failed")
            duties.give_back(held, due_in=AFTER_A_FAULT)
        else:
            duties.give_back(held, due_in=PRUNE_EVERY if done else 0)

    def _start(self, key: tuple[str, int], work: Callable[[], object]) -> None:
        """Has it done by a thread, unless the same is being done already."""
        with self._changed:
            if key in self._running:
                return
            self._running[key] = self._pool.submit(self._work, key, work)

    def _work(self, key: tuple[str, int], work: Callable[[], object]) -> None:
        with context.job("-".join(map(str, key))):  # in every line that it causes
            try:
                work()
                close_old_connections()
            except DatabaseProblem as error:
                if self._away is None:
                    logger.warning("%s %s: %s: %s; later again", *key, type(error).__name__, str(error).strip())
                self._drop_connection()
            except Exception:
                logger.exception("%s %s: what was due could not be done", *key)
                self._drop_connection()
            finally:
                # Whatever became of it: what stayed among the running would never be done again.
                with self._changed:
                    self._running.pop(key, None)
                    self._following.discard(key)
                    self._changed.notify_all()

    def _drop_connection(self) -> None:
        """Whatever is wrong with this thread's connection, the next work begins with a new one."""
        try:
            connection.close()
        except Exception:
            logger.warning("a connection could not be closed", exc_info=True)

    def _trouble(self, error: Exception) -> None:
        """Logs once that the database cannot be used, however many looks find that."""
        if self._away is None:
            self._away = time.monotonic()
            what = f"{type(error).__name__}: {str(error).strip()}"
            logger.warning("the database cannot be used (%s): going on when it can", what)

    def _fine(self) -> None:
        if self._away is not None:
            logger.info("the database can be used again, after %.1f s", time.monotonic() - self._away)
            self._away = None

    def _ended(self) -> bool:
        """Waits for what is in flight, for a while; True where nothing is left. What is left is closed by others."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        until = time.monotonic() + GRACE
        with self._changed:
            while (busy := self._busy()) and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            # What is read there is in no hurry; who is done with it gives it back for the next.
            self._changed.wait_for(lambda: not self._following, min(LETTING_GO, max(0.0, until - time.monotonic())))
        return not busy

    def _busy(self) -> bool:
        return not all(future.cancelled() for future in self._running.values())

"""Follows every Bandwidth account by itself: what is new or over there comes onto the board within seconds.

Bandwidth lists calls from the oldest start to the newest, and late. So each cycle lists what began since a little
before the newest start that is known; what is older and thought live is asked about one by one, some in each cycle.
The cost is that of what is new and live, whatever the number of calls in a day. One worker at a time follows an
account, under a duty; while Bandwidth is asked no transaction is open, and no account waits for another.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseProblem
from django.db import connection

from voicedash.bandwidth.client import Client
from voicedash.bandwidth.errors import BandwidthError, RateLimited, Refused
from voicedash.bandwidth.listing import Page
from voicedash.calls import forbidden, tracking, words
from voicedash.calls.models import Sync
from voicedash.calls.times import times
from voicedash.tenants import accounts, sealing
from voicedash.tenants.board import database_time, release_connection
from voicedash.tenants.models import BandwidthAccount
from voicedash.worker import duties, older
from voicedash.worker.duties import Held, Lost
from voicedash.worker.older import Looks

logger = logging.getLogger(__name__)

PREFIX = "sync-"
FEW = 100  # calls that begin in `times.deep`: a list of them costs little more than a shorter one
PAGES = 20  # of a list in a cycle, at most
LONGEST_WAIT = 600.0  # seconds, whatever Bandwidth asks for


def due() -> list[int]:
    """The accounts that are to be followed now, by key. A look, without any lock. Raises DatabaseError."""
    return [int(name.removeprefix(PREFIX)) for name in duties.due(PREFIX)] if settings.SYNC_SECONDS else []


def make_known() -> None:
    """Sees to it that there is a duty for every account. Raises DatabaseError."""
    if settings.SYNC_SECONDS:
        duties.make_known(*(f"{PREFIX}{pk}" for pk in BandwidthAccount.objects.values_list("pk", flat=True)))


def follow(account_pk: int, worker: UUID, stop: threading.Event) -> None:
    """One cycle for one account, unless another worker is at it. Raises DatabaseError."""
    held = duties.take(f"{PREFIX}{account_pk}", worker)
    if held is None:
        return
    account = BandwidthAccount.objects.filter(pk=account_pk).first()
    if account is None:
        duties.forget(held)
        return
    try:
        sync, _ = Sync.objects.get_or_create(account=account)
        _Cycle(held, account, sync, stop).run()
    except Lost:
        logger.warning("account %s: another worker follows it meanwhile", account_pk)
    except DatabaseProblem:
        connection.close()
        with suppress(DatabaseProblem):  # or its lease has to end first
            duties.give_back(held, due_in=settings.SYNC_SECONDS)
        raise


@dataclass
class _Cycle:
    """One turn of following one account: the newest calls, some older ones, some of the past; then what came of it."""

    held: Held
    account: BandwidthAccount
    sync: Sync
    stop: threading.Event
    began: float = field(default_factory=time.monotonic)
    renewed: float = field(default_factory=time.monotonic)
    changed: dict[str, Any] = field(default_factory=dict)  # columns of `sync`, to be written at the end

    def run(self) -> None:
        try:
            client = accounts.client_for(self.account, patience=times.read)
        except sealing.Unopenable as error:
            self._fail(words.SEALED, at_once=True, truth=str(error))
            return
        try:
            since = self._list_newest(client)
            wait = self._do_the_rest(client, since)
        except BandwidthError as error:
            why = forbidden.told(error, client, self.account) or words.follow_failed(error)
            if why == words.CANNOT_LIST:
                older.hide_unheard(self.account)
            wait = error.retry_after if isinstance(error, RateLimited) else 0.0
            lasting = isinstance(error, Refused) and not isinstance(error, RateLimited)
            self._fail(why, at_once=lasting, truth=str(error), wait=wait)
        except (DatabaseProblem, Lost):
            raise
        except Exception:
            logger.exception("account %s: what was listed could not be taken in", self.account.pk)
            self._fail(words.FOLLOW_BROKE, at_once=True)
        else:
            self._succeed(wait)

    # ---- What is new ------------------------------------------------------------------------------

    def _list_newest(self, client: Client) -> datetime:
        """Lists what began lately, to the newest; gives from when on."""
        now = database_time()
        if self.sync.newest_start and self.sync.newest_start > now:
            self.changed["newest_start"] = now  # a clock was wrong once
        base = None if _older(self.sync.heard_at, now, times.deep) else self._newest_start
        deep = base is None or self.sync.few or _older(self.sync.deep_at, now, times.deep_every)
        base = base or self._begin_anew(client, now)
        since = base - _seconds(times.deep if deep else times.overlap)
        read = self._list(client, since)
        if deep:
            self.changed |= {"deep_at": now, "few": read <= FEW}
        return since

    def _begin_anew(self, client: Client, now: datetime) -> datetime:
        """After a silence: the newest are listed first, and the past from there on backwards. Gives Bandwidth's now.

        By its own clock, for which a smallest list is asked, or by ours where that is behind: one of them may be
        wrong. To begin too early costs a longer list, to begin too late would hide what is new.
        """
        release_connection()
        first = next(client.pages(since=now, page_size=1), None)
        there = _there(first.date if first is not None else None, now)
        recent, past = there - _seconds(times.deep), there - _seconds(times.past)
        known = self._newest_start
        Sync.objects.filter(pk=self.sync.pk).update(since=None)  # what began in between says nothing of Bandwidth's lag
        # What is left of an earlier silence is part of this one.
        left = min(known - _seconds(times.deep) if known else past, self.sync.back_from or recent)
        self.changed |= {"since": there, "newest_start": recent, "back_from": max(past, left), "back_to": recent}
        self.changed["back_at"] = None
        return there

    @property
    def _newest_start(self) -> datetime | None:
        return self.changed.get("newest_start", self.sync.newest_start)

    def _list(self, client: Client, since: datetime) -> int:
        """Takes in what began from `since` on; gives how many calls were read."""
        read = pages = 0
        for page, starts in self._pages(client, since):
            if known := self._newest_start:
                self.changed["newest_start"] = max([known, *starts])
            read, pages = read + len(page), pages + 1
            if self.stop.is_set() or pages >= PAGES:
                break  # the next cycle goes on from the newest start that is known now
        return read

    def _pages(
        self, client: Client, since: datetime, until: datetime | None = None
    ) -> Iterator[tuple[Page, list[datetime]]]:
        """Pages of a list that were taken in, each with the starts in it that can be right."""
        release_connection()
        for page in client.pages(since=since, until=until):
            self._hold()
            tracking.learn(self.account, page, heard=page.date)
            # A start that lies ahead is a mistake, and must not take the window with it.
            there = _there(page.date, database_time()) + timedelta(seconds=1)
            yield page, [state.start_time for state in page if state.start_time and state.start_time <= there]
            release_connection()

    # ---- What is older ----------------------------------------------------------------------------

    def _do_the_rest(self, client: Client, since: datetime) -> float:
        """Looks at older calls and at the past, as far as there is time; gives the seconds until the next cycle."""
        if "since" in self.changed:
            return 0.0  # first of all the boards know that it is followed again
        try:
            self._look(client, since)
            while not self.stop.is_set() and self._go_back(client) and not self._late:
                pass
        except RateLimited as error:
            self.changed["why"] = words.follow_failed(error)
            return min(max(settings.SYNC_SECONDS, error.retry_after), LONGEST_WAIT)
        except BandwidthError as error:
            self._complain(error)
        return float(settings.SYNC_SECONDS)

    @property
    def _late(self) -> bool:
        """Half of the interval is over: what is new must not wait for the past."""
        return time.monotonic() - self.began > settings.SYNC_SECONDS / 2

    def _complain(self, error: BandwidthError) -> None:
        self.changed["why"] = words.follow_failed(error)
        if self.changed["why"] != self.sync.why:
            logger.warning("account %s: older calls could not be asked about: %s", self.account.pk, error)

    def _look(self, client: Client, since: datetime) -> None:
        looks = Looks(self.account, self.sync.looked_to, self._hold, self.stop)
        try:
            if error := looks.make(client, since):
                self._complain(error)
        finally:
            self.changed["looked_to"] = looks.looked_to

    def _go_back(self, client: Client) -> bool:
        """Lists a piece of the past, or a part of it; False where there is nothing left to do now."""
        start = self.changed.get("back_from", self.sync.back_from)
        end = self.changed.get("back_to", self.sync.back_to)
        if start is None or end is None:
            return False
        begin: datetime = max(start, end - _seconds(times.step))
        since = reached = max(begin, self.changed.get("back_at", self.sync.back_at) or begin)
        pages, cut = 0, False
        for _, starts in self._pages(client, since, end):
            reached, pages = max([reached, *(one for one in starts if one <= end)]), pages + 1
            self.changed["back_at"] = reached  # oldest first: from here on it is still to be listed
            # Two pages at least, so that a piece of one page comes to its end however slow it is.
            cut = self.stop.is_set() or pages >= PAGES or (pages > 1 and self._late)
            if cut:
                break
        if cut and (reached > since or self.stop.is_set()):
            return False
        if cut:
            logger.warning("account %s: the list from %s on leads nowhere, and is left out", self.account.pk, since)
        done = {"back_to": begin} if begin > start else {"back_from": None, "back_to": None}
        self.changed |= done | {"back_at": None}
        return begin > start and not cut

    # ---- What came of it --------------------------------------------------------------------------

    def _succeed(self, wait: float) -> None:
        self.changed = {"why": "", "failures": 0, "trouble": ""} | self.changed | {"heard_at": database_time()}
        if self.sync.failures:
            logger.info("account %s: its calls are followed again", self.account.pk)
        self._write(due_in=0.0 if self.stop.is_set() else max(0.0, wait - (time.monotonic() - self.began)))

    def _fail(self, why: str, *, at_once: bool, truth: str = "", wait: float = 0.0) -> None:
        """Keeps why, and tells the boards where that will not pass by itself, or has not for a while."""
        failures = self.sync.failures + 1
        if truth and why != self.sync.why:  # an outage of hours must not fill the log
            logger.warning("account %s: its calls cannot be followed: %s", self.account.pk, truth)
        if at_once or (failures > 2 and _older(self.sync.heard_at, database_time(), times.unheard)):
            self.changed["trouble"] = why
        self.changed |= {"why": why, "failures": failures}
        usual = settings.SYNC_SECONDS * 2 ** min(failures - 1, 10)
        self._write(due_in=min(max(min(usual, times.back_off), wait), LONGEST_WAIT))

    def _write(self, *, due_in: float) -> None:
        """Under the tenant's lock, as news, only where boards show something else then."""
        shown = self.changed.get("trouble", self.sync.trouble) != self.sync.trouble
        with duties.writing_for(self.held, self.account.tenant_id) if shown else duties.keeping(self.held):
            Sync.objects.filter(pk=self.sync.pk).update(**self.changed)
            duties.give_back(self.held, due_in=due_in)

    def _hold(self) -> None:
        """What was read is news only while nobody else has the duty. Raises Lost."""
        if time.monotonic() - self.renewed > times.duty / 3:
            duties.renew(self.held)
            self.renewed = time.monotonic()


def _there(date: datetime | None, now: datetime) -> datetime:
    """Now at Bandwidth, at the latest: by the `Date` of its answer, or by our clock where that is behind."""
    return min(date, now) if date else now


def _older(moment: datetime | None, now: datetime, seconds: float) -> bool:
    return moment is None or now - moment >= _seconds(seconds)


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)

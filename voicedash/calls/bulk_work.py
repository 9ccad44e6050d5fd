"""Works a bulk: as many of its calls at a time as can be sent, until each has its outcome; see `bulk`."""

import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import Error as DatabaseProblem
from django.db import connection, connections
from django.db.models.functions import Now

from voicedash.audit import log
from voicedash.calls import bulk_lists, claims, groups, progress, recording
from voicedash.calls.bulk_pace import AT_ONCE, GROUP, Pace
from voicedash.calls.bulk_settling import Settling, Written
from voicedash.calls.ends import Terms
from voicedash.calls.groups import Answered
from voicedash.calls.models import Bulk, BulkItem, Call, Command, Wanted
from voicedash.calls.places import Places
from voicedash.calls.press import Claim, Press
from voicedash.calls.times import times
from voicedash.tenants.board import release_connection, writing

logger = logging.getLogger(__name__)

_GATHER = 0.012  # seconds in which answers that come together are taken together
_places = Places(AT_ONCE)


def tell(bulk: Bulk, verb: str, at: datetime, **data: int) -> None:
    """Adds an entry about a bulk."""
    told = {"bulk": bulk.pk, "wanted": str(bulk.wanted)} | data
    told |= {"reason": bulk.reason_id} if bulk.reason_id else {}
    told |= {"of": bulk.of_id} if bulk.of_id else {}
    log.append(log.of_tenant(bulk.tenant_id), verb, at=at, actor=bulk.by_id, data=told)


@dataclass
class Work:
    """One process's turn at a bulk."""

    bulk_pk: int
    holder: UUID
    stop: threading.Event
    answered: "queue.SimpleQueue[Answered | Written | int]" = field(default_factory=queue.SimpleQueue)
    open: dict[int, list[Press]] = field(default_factory=lambda: defaultdict(list))  # by account
    paces: dict[int, Pace] = field(default_factory=lambda: defaultdict(Pace))
    until: float = field(default_factory=lambda: time.monotonic() + times.bulk_patience)
    beaten: float = field(default_factory=time.monotonic)
    lost: bool = False
    unwritten: int = 0  # answers that are being written, or kept until the calls after them are on their way
    kept: list[Answered] = field(default_factory=list)
    _account: dict[int, int] = field(default_factory=dict)  # of an item that was taken
    _threads: int = AT_ONCE

    def run(self) -> None:
        self.bulk = Bulk.objects.select_related("tenant", "by", "reason").get(pk=self.bulk_pk)
        if not bulk_lists.complete(self.bulk, self.holder, self.stop):
            return
        self._read()
        self._threads = AT_ONCE * max(1, min(2, len(self.open)))
        with ThreadPoolExecutor(self._threads, "bulk") as self.pool:
            self.settling = Settling(self.bulk.tenant_id, self._alone, self.answered.put)
            try:
                while self._goes_on():
                    try:
                        self._step()
                    except DatabaseProblem:
                        logger.exception("bulk %s: it waits until it can be written", self.bulk_pk)
                        connection.close()
                        time.sleep(times.settle)
            finally:
                self._write()
                self.settling.close()
        if not (self.lost or self.stop.is_set()):
            self._finish()

    def _read(self) -> None:
        """The items that nobody has asked for. In their order, each account's by itself."""
        items = BulkItem.objects.filter(bulk=self.bulk, command=None, outcome="").order_by("pk")
        told = list(items.values_list("pk", "call_id", "call__account_id", "call__conversation_id"))
        legs: dict[int, set[int]] = defaultdict(set)
        conversations = {conversation for *_, conversation in told if conversation}
        for pk, of in Call.objects.filter(conversation__in=conversations).values_list("pk", "conversation_id"):
            legs[int(of or 0)].add(pk)
        mine = {call for _, call, _, _ in told}
        bulk = self.bulk
        for item, call, account, conversation in told:
            together = frozenset(legs[int(conversation)] & mine) if conversation else frozenset[int]()
            self.open[int(account)].append(
                Press(
                    bulk.tenant_id,
                    call,
                    Wanted(bulk.wanted),
                    bulk.by,
                    reason=bulk.reason,
                    seen=bulk.seen if bulk.wanted == Wanted.RECORDING else None,
                    anyway=True,
                    terms=Terms(bulk.reason_name, bulk.lease, bulk.prolong, bulk.note_wanted),
                    together=together if bulk.wanted == Wanted.PAUSED else frozenset(),
                    item=item,
                )
            )

    def _goes_on(self) -> bool:
        if self.unwritten or any(pace.in_flight for pace in self.paces.values()):
            return True
        return not (self.lost or self.stop.is_set()) and any(self.open.values())

    def _step(self) -> None:
        """Claims and sends what has a place, then has written what came meanwhile."""
        self._beat()
        answers = self._gather()
        try:
            if not (self.lost or self.stop.is_set()):
                self._send()
        finally:
            self.unwritten += len(answers)
            self.kept += answers
            # Writing them takes the lock that the next claim needs: in a lull, or once there is no next claim.
            if not answers or len(self.kept) >= GROUP or not any(self.open.values()):
                self._write()

    def _write(self) -> None:
        self.settling.put(self.kept)
        self.kept = []

    def _send(self) -> None:
        presses = self._next()
        if not presses:
            return
        try:
            claimed = groups.claim(self.bulk, self.holder, presses)
        except groups.Lost:
            self.lost = True
            claimed = groups.Claimed([], [])
        except DatabaseProblem:
            for press in presses:  # nothing was sent: they are still to be asked
                self.open[self._account[press.item]].insert(0, press)
                self._free(self._account[press.item])
            raise
        late = [one for one in claimed.claims if time.monotonic() - (one.until - times.claim) > times.commit]
        for claim in claimed.claims:
            try:
                self.pool.submit(self._withdraw if claim in late else self._ask, claim)
            except RuntimeError:  # the process ends: nothing was sent, and a worker goes on with it
                self.lost = True
                claims.withdraw(claim, "the process ended")
                BulkItem.objects.filter(pk=claim.press.item).update(command=None)
                self.answered.put(claim.press.item)
        for call, press in claimed.busy:
            self.pool.submit(self._press_one, call, press)
        taken = {claim.press.item for claim in claimed.claims} | {press.item for _, press in claimed.busy}
        for press in presses:
            if press.item not in taken:
                self._free(self._account[press.item])

    def _next(self) -> list[Press]:
        """At most a group of presses, each with a place of its account."""
        now = time.monotonic()
        found: list[Press] = []
        free = min(GROUP, self._threads - sum(pace.in_flight for pace in self.paces.values()))
        for account, waiting in self.open.items():
            pace = self.paces[account]
            while waiting and now >= pace.after and pace.in_flight < int(pace.most) and len(found) < free:
                if not _places.take(account):
                    break
                pace.in_flight += 1
                press = groups.fresh(waiting.pop(0))
                self._account[press.item] = account
                found.append(press)
        return found

    def _free(self, account: int) -> None:
        _places.free(account)
        self.paces[account].in_flight -= 1

    def _gather(self) -> list[Answered]:
        """What was answered: waits for the first where nothing can be sent, and a blink for those that come with it."""
        answers: list[Answered] = []
        until = time.monotonic() + (_GATHER if self.kept else times.look)
        while (left := until - time.monotonic()) > 0:
            if not answers and any(self._can_send(account) for account in self.open):
                left = 0.0005
            try:
                got = self.answered.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(got, Written):
                self.unwritten -= got.count
                for press in got.again:
                    self.open[self._account[press.item]].append(press)
                continue
            if isinstance(got, int):  # an item that went the way of a single press is done
                self._free(self._account[got])
                continue
            account = self._account[got.claim.press.item]
            self._free(account)
            self.paces[account].heard(got)
            if not answers:
                until = time.monotonic() + _GATHER
            answers.append(got)
        return answers

    def _can_send(self, account: int) -> bool:
        pace = self.paces[account]
        return bool(self.open[account]) and pace.in_flight < int(pace.most) and time.monotonic() >= pace.after

    def _alone(self, answer: Answered) -> None:
        try:
            self.pool.submit(self._finish_one, answer)
        except RuntimeError:  # the process ends: the thread that writes does it itself
            self._finish_one(answer)

    # ---- In threads of the pool ------------------------------------------------------------------

    def _ask(self, claim: Claim) -> None:
        got: Answered | int = claim.press.item
        try:
            outcome, attempts, _ = recording.ask(claim)
            got = Answered(claim, outcome, attempts, again=time.monotonic() < self.until)
        except Exception:  # whether it was sent nobody can say: the claim expires, which leaves its doubt
            logger.exception("call %s: a bulk could not ask for it", claim.call_id)
        finally:
            connections.close_all()
            self.answered.put(got)

    def _withdraw(self, claim: Claim) -> None:
        self._in_peace(claim.press.item, lambda: claims.withdraw(claim, "written too slowly"))

    def _finish_one(self, answer: Answered) -> None:
        try:
            recording.finish(answer.claim, answer.outcome, answer.attempts)
        except Exception:
            logger.exception("call %s: what came of it in a bulk could not be written", answer.claim.call_id)
        finally:
            connections.close_all()

    def _press_one(self, call: Call, press: Press) -> None:
        def work() -> None:
            answer = recording.press_one(call, press)
            BulkItem.objects.filter(pk=press.item, command=None, outcome="").update(outcome=answer.outcome)

        self._in_peace(press.item, work)

    def _in_peace(self, item: int, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            logger.exception("item %s of a bulk went wrong", item)
        finally:
            connections.close_all()
            self.answered.put(item)

    # ---- Signs of life ---------------------------------------------------------------------------

    def _beat(self) -> None:
        if time.monotonic() - self.beaten < times.bulk_silent / 5:
            return
        self.beaten = time.monotonic()
        mine = Bulk.objects.filter(pk=self.bulk_pk, holder=self.holder, finished_at=None)
        self.lost = self.lost or mine.update(heard_at=Now()) != 1

    def _finish(self) -> None:
        """Once nothing of it is in flight: what a holder that died was asking for closes when its claims expire."""
        asked = BulkItem.objects.filter(
            bulk=self.bulk, command__state__in=(Command.State.CLAIMED, Command.State.WAITING)
        )
        while asked.exists():
            if self.stop.is_set() or self.lost:
                return
            try:
                self._beat()
                claims.close_due(self.bulk.tenant_id)
            except DatabaseProblem:
                connection.close()
            release_connection()
            time.sleep(times.look * 2)
        with writing(self.bulk.tenant_id) as stamp:
            mine = Bulk.objects.filter(pk=self.bulk_pk, holder=self.holder, finished_at=None)
            if mine.update(finished_at=stamp.now):
                counted = progress.count(self.bulk, "default")
                tell(self.bulk, "bulk.ended", stamp.now, calls=counted.total, done=counted.done, failed=counted.failed)

"""Pausing and resuming the recording of a call: the verbs that people, and later timers, use.

Every press takes this one path: claim (a short transaction) → ask (no transaction, no database
connection) → settle (a short transaction). See docs/truth.md.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from django.db import Error as DatabaseProblem
from django.db import connection

from voicedash.calls import asking, claims, words
from voicedash.calls.models import Call, Command, Outcome, Wanted
from voicedash.calls.press import Claim, Made, Press, Settled, Turned
from voicedash.calls.rows import Row
from voicedash.calls.times import times
from voicedash.tenants import accounts, sealing
from voicedash.tenants.board import release_connection
from voicedash.tenants.models import Reason, User

logger = logging.getLogger(__name__)
T = TypeVar("T")

AT_ONCE = 16  # presses on one account; one that hangs must not take the threads of the others


@dataclass(frozen=True)
class Answer:
    """What came of a press: a word of `data-outcome`, what to say, and the question where it needs a second press.

    `row` is the call's row as the press left it, where that is known without reading it again.
    """

    outcome: str
    said: words.Said
    confirm: str = ""
    row: Row | None = None


def pause(*, call: Call, by: User | None, reason: Reason | None = None, note: str = "") -> Answer:
    """Pauses the recording of `call`; `reason` None takes the tenant's usual one.

    Never refused because of a resume in flight: it waits for its turn, at most 6 s. Blocks for at
    most about 23 s. Raises nothing of Bandwidth's: every outcome is an answer.
    """
    reason = reason or Reason.objects.filter(tenant=call.tenant_id, default=True).order_by("pk").first()
    return _press(call, Press(call.tenant_id, call.pk, Wanted.PAUSED, by, reason=reason, note=note))


def resume(*, call: Call, by: User | None, seen: int | None = None, anyway: bool = False) -> Answer:
    """Resumes the recording of `call`.

    `seen` is the version of the row it was pressed on: older than the last pause, it is refused.
    `anyway` is the second press that somebody else's pause, or one without an end, asks for.
    """
    return _press(call, Press(call.tenant_id, call.pk, Wanted.RECORDING, by, seen=seen, anyway=anyway))


def _press(call: Call, press: Press) -> Answer:
    with _place(call.account_id) as free:
        if not free:
            with suppress(Call.DoesNotExist):
                _written(lambda: claims.keep_unasked(press, "too many at once"), until=press.began)
            return _answer(press, Outcome.NOT_ASKED, words.TOO_MANY)
        try:
            claimed = claims.claim(press)
        except DatabaseProblem:
            logger.exception("call %s: a press could not be written; nothing was sent", call.call_id)
            connection.close()
            return _answer(press, Outcome.NOT_ASKED, words.CANNOT_WRITE)
        except Call.DoesNotExist:
            return _answer(press, Outcome.NOT_ASKED, words.GONE)
        if isinstance(claimed, Turned):
            return Answer(claimed.outcome, claimed.said, claimed.confirm)
        if time.monotonic() - press.began > times.commit:
            return _withdrawn(claimed, "written too slowly")
        return _go(claimed)


def _go(claimed: Claim) -> Answer:
    """From a claim, or the place of a waiting pause, to its answer."""
    if claimed.waiting:
        turn = _wait_for_turn(claimed)
        return turn if isinstance(turn, Answer) else _ask_and_settle(turn)
    return _ask_and_settle(claimed)


def _wait_for_turn(waiting: Claim) -> Claim | Answer:
    """Looks every 50 ms until the running attempt ends or its holder is lost; no connection is held between looks."""
    until = waiting.press.began + times.waiting
    while time.monotonic() < until:
        release_connection()
        time.sleep(times.look)
        began = time.monotonic()
        try:
            turn = claims.take_turn(waiting)
        except LookupError:
            return _answer(waiting.press, Outcome.NOT_ASKED)
        except DatabaseProblem:
            logger.warning("call %s: a waiting pause could not look for its turn", waiting.call_id, exc_info=True)
            connection.close()
            continue
        if turn and time.monotonic() - began > times.commit:
            return _withdrawn(turn, "written too slowly")
        if turn:
            return turn
    _written(lambda: claims.withdraw(waiting, "its turn did not come"), until=time.monotonic() + times.commit)
    return Answer("next", words.next_in_line())


def _withdrawn(claim: Claim, why: str) -> Answer:
    # Where that fails, too, the next pause takes the claim over, or it expires.
    _written(lambda: claims.withdraw(claim, why), until=time.monotonic() + times.commit)
    return _answer(claim.press, Outcome.NOT_ASKED, words.CANNOT_WRITE)


def _ask_and_settle(claim: Claim) -> Answer:
    detail = ""
    try:
        client = accounts.client_for(claim.account)
    except sealing.Unopenable:
        logger.exception("account %s: its secret cannot be opened", claim.account.pk)
        outcome, attempts, detail = Outcome.CREDENTIALS, list[Made](), words.SEALED
    else:
        release_connection()
        outcome, attempts = asking.ask(
            claim, client, may_go_on=lambda: _may_go_on(claim), must_yield=lambda: _must_yield(claim)
        )
    settled = _settle(claim, outcome, attempts)
    if settled.wish is None:
        return replace(_answer(claim.press, settled.outcome, detail), row=settled.row)
    repaired = _repair(claim, settled.wish)
    same = repaired.outcome == Outcome.ACKNOWLEDGED and settled.wish.wanted == claim.press.wanted
    return _answer(claim.press, Outcome.ACKNOWLEDGED if same else Outcome.UNCONFIRMED)


def _settle(claim: Claim, outcome: Outcome, attempts: list[Made]) -> Settled:
    """Tries until the claim expires; then the answer is that nothing is known, and writing it goes on behind it."""
    until = max(claim.until, time.monotonic() + times.commit)
    settled = _written(lambda: claims.settle(claim, outcome, attempts), until=until)
    if settled is None:
        threading.Thread(target=_settle_late, args=(claim, outcome, attempts), daemon=True).start()
        return Settled(Outcome.UNCONFIRMED)
    return settled


def _settle_late(claim: Claim, outcome: Outcome, attempts: list[Made]) -> None:
    """Others may have closed the command, and our request undone theirs: nobody else would ever put that right."""
    try:
        settled = _written(lambda: claims.settle(claim, outcome, attempts), until=time.monotonic() + times.late)
        if settled and settled.wish:
            _repair(claim, settled.wish)
    finally:
        connection.close()


def _repair(late: Claim, wish: Command) -> Answer:
    """The newest wish is asked for again, for whoever wished it.

    Where somebody is asking for it right now we wait for their end and ask once more: which of the two requests
    Bandwidth did last is not known. A wish that came after our answer needs nothing: its request was the last.
    """
    press = Press(
        late.press.tenant_id,
        late.press.call_pk,
        Wanted(wish.wanted),
        wish.by,
        source=Command.Source.SYSTEM,
        reason=wish.reason,
        note=wish.note,
    )
    until = time.monotonic() + times.asking
    while True:
        press = replace(press, began=time.monotonic())
        try:
            claimed = _written(lambda press=press: claims.claim(press), until=until)  # type: ignore[misc]
        except Call.DoesNotExist:
            return _answer(press, Outcome.NOT_ASKED)
        if isinstance(claimed, Claim):
            return _go(claimed)
        if claimed is None or claimed.outcome == "stale" or time.monotonic() > until:
            return _answer(press, Outcome.NOT_ASKED)
        release_connection()
        time.sleep(times.look)


def _may_go_on(claim: Claim) -> bool:
    try:
        return claims.take_again(claim)
    except DatabaseProblem:
        logger.exception("command %s: its claim could not be taken again; nothing more is sent", claim.command.pk)
        connection.close()
        return False
    finally:
        release_connection()


def _must_yield(claim: Claim) -> bool:
    try:
        return claims.pause_waits(claim)
    except DatabaseProblem:
        return False  # the claim is taken again before the next attempt, or nothing is sent
    finally:
        release_connection()


def _written(write: Callable[[], T], *, until: float) -> T | None:
    """What `write` gives, tried until it can be written; None when it could not by `until` (time.monotonic())."""
    while True:
        try:
            return write()
        except DatabaseProblem:
            logger.exception("a press could not be written yet")
            connection.close()
        if time.monotonic() > until:
            return None
        time.sleep(times.settle)


def _answer(press: Press, outcome: str, detail: str = "") -> Answer:
    return Answer(str(outcome), words.of_outcome(press.wanted, outcome, detail=detail))


_busy: Counter[int] = Counter()
_counting = threading.Lock()


@contextmanager
def _place(account: int) -> Iterator[bool]:
    """One of the account's places; False when all are taken. Nobody waits for one."""
    with _counting:
        free = _busy[account] < AT_ONCE
        if free:
            _busy[account] += 1
    try:
        yield free
    finally:
        if free:
            with _counting:
                _busy[account] -= 1

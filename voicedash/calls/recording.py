"""Pausing and resuming the recording of a call: the verbs that people, workers, and later timers, use.

Every press takes this one path: claim (a short transaction) → ask (no transaction, no database
connection) → settle (a short transaction). See docs/truth.md.
"""

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import Error as DatabaseProblem
from django.db import connection

from voicedash.calls import asking, claims, elsewhere, judging, legs, words
from voicedash.calls.due import Again
from voicedash.calls.ends import Terms
from voicedash.calls.models import Call, Command, Outcome, Wanted
from voicedash.calls.places import Places
from voicedash.calls.press import Claim, Made, Press, Settled, Turned
from voicedash.calls.rows import Row
from voicedash.calls.stubborn import written
from voicedash.calls.times import times
from voicedash.tenants import accounts, reasons, sealing
from voicedash.tenants.board import release_connection
from voicedash.tenants.models import Reason, User

logger = logging.getLogger(__name__)

AT_ONCE = 16  # presses on one account
_places = Places(AT_ONCE)


@dataclass(frozen=True)
class Answer:
    """What came of a press: a word of `data-outcome`, what to say, and the question where it needs a second press.

    `row` is the call's row as the press left it, where that is known without reading it again.
    """

    outcome: str
    said: words.Said
    confirm: str = ""
    row: Row | None = None


def pause(
    *,
    call: Call,
    by: User | None,
    reason: Reason | None = None,
    note: str = "",
    together: frozenset[int] = frozenset(),
) -> Answer:
    """Pauses the recording of `call`; `reason` None takes the tenant's usual one.

    `together`: the keys of all legs that the same press pauses. Whatever else of the conversation is live is due then.
    Never refused because of a resume in flight: it waits for its turn, at most 6 s. Blocks for at
    most about 23 s. Raises nothing of Bandwidth's: every outcome is an answer.
    """
    reason = reason or reasons.usual(call.tenant_id)
    press = Press(call.tenant_id, call.pk, Wanted.PAUSED, by, reason=reason, note=note, together=together)
    return press_one(call, press)


def resume(*, call: Call, by: User | None, seen: int | None = None, anyway: bool = False) -> Answer:
    """Resumes the recording of `call`.

    `seen` is the version of the row it was pressed on: older than the last pause, it is refused.
    `anyway` is the second press that somebody else's pause, or one without an end, asks for.
    """
    return press_one(call, Press(call.tenant_id, call.pk, Wanted.RECORDING, by, seen=seen, anyway=anyway))


def reassert(due: Again) -> Answer:
    """Asks Bandwidth again, on nobody's order, for a state that is due (`calls.due.again`).

    Whether it still is, is judged under the tenant's lock, where the claim is taken: of two workers that found the
    same one asks, the other's answer is `stale`. A state in doubt takes one attempt's time at most and makes way for
    any person. Any other pause is asked for on behalf of whoever wished it, of the call or its conversation; the
    timer's resume, where a pause has ended, is nobody's. Raises DatabaseError where the claim cannot be written;
    nothing was sent then.
    """
    wish = None
    if due.source == Command.Source.SYSTEM:
        of_call = due.conversation is None
        wish = judging.newest_wish(Call(pk=due.call_pk)) if of_call else legs.wish_of(due.conversation or 0)
    press = Press(
        due.tenant_id,
        due.call_pk,
        due.wanted,
        wish.by if wish else None,
        source=due.source,
        reason=wish.reason if wish else None,
        note=wish.note if wish else "",
        terms=Terms.kept(wish) if wish else None,
        only_due=True,
        held_by=wish.held_by if wish else None,
    )
    try:
        claimed = claims.claim(press)
    except Call.DoesNotExist:
        return _answer(press, Outcome.NOT_ASKED, words.GONE)
    return _claimed(press, claimed)


def contradict(*, call: Call, why: str, at: datetime | None = None, by: str = "") -> bool:
    """Takes in evidence against the pause that a live `call` shows: not confirmed any more, and due to be asked again.

    `why` is a word for the log. `at` is the latest moment that the evidence is of, by the database's clock: a pause
    that was acknowledged by a request after it stands. `by` is the id of what speaks, which does so once. False where
    the call shows no pause that this speaks against. Raises DatabaseError.
    """
    return claims.contradict(call, why, at, by)


def press_one(call: Call, press: Press) -> Answer:
    """The way of every press of a person, of a bulk's item too where somebody is at its call."""
    with _places.one(call.account_id) as free:
        if not free:
            with suppress(Call.DoesNotExist):
                written(lambda: claims.keep_unasked(press, "too many at once"), until=press.began)
            return _answer(press, Outcome.NOT_ASKED, words.TOO_MANY)
        try:
            claimed = _claim(press)
        except DatabaseProblem:
            logger.exception("call %s: a press could not be written; nothing was sent", call.call_id)
            connection.close()
            return _answer(press, Outcome.NOT_ASKED, words.CANNOT_WRITE)
        except Call.DoesNotExist:
            return _answer(press, Outcome.NOT_ASKED, words.GONE)
        return _claimed(press, claimed)


def _claim(press: Press) -> Claim | Turned:
    """The claim, or why there is none. Where only a re-assert is in the way its end is looked for every 50 ms."""
    until = press.began + times.waiting
    while True:
        claimed = claims.claim(press)
        if isinstance(claimed, Claim) or not claimed.soon or time.monotonic() > until:
            return claimed
        release_connection()
        time.sleep(times.look)


def _claimed(press: Press, claimed: Claim | Turned) -> Answer:
    if isinstance(claimed, Turned):
        return Answer(claimed.outcome, claimed.said, claimed.confirm)
    if time.monotonic() - (claimed.until - times.claim) > times.commit:
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
    written(lambda: claims.withdraw(waiting, "its turn did not come"), until=time.monotonic() + times.commit)
    return Answer("next", words.next_in_line())


def _withdrawn(claim: Claim, why: str) -> Answer:
    # Where that fails, too, the next pause takes the claim over, or it expires.
    written(lambda: claims.withdraw(claim, why), until=time.monotonic() + times.commit)
    return _answer(claim.press, Outcome.NOT_ASKED, words.CANNOT_WRITE)


def _ask_and_settle(claim: Claim) -> Answer:
    return finish(claim, *ask(claim))


def ask(claim: Claim) -> tuple[Outcome, list[Made], str]:
    """Asks Bandwidth for a claim; gives the outcome, every attempt, and what else there is to say of it."""
    try:
        client = accounts.client_for(claim.account)
    except sealing.Unopenable:
        logger.exception("account %s: its secret cannot be opened", claim.account.pk)
        return Outcome.CREDENTIALS, [], words.SEALED
    release_connection()
    outcome, attempts, silent = asking.ask(
        claim,
        client,
        others=lambda: elsewhere.accounts_for(claim),
        may_go_on=lambda: _may_go_on(claim),
        must_yield=lambda: _must_yield(claim),
    )
    return outcome, attempts, words.not_said(claim.press.wanted, outcome, silent.account_id) if silent else ""


def finish(claim: Claim, outcome: Outcome, attempts: list[Made], detail: str = "") -> Answer:
    """Settles what `ask` gave, and puts right what came too late."""
    settled = _settle(claim, outcome, attempts)
    if settled.wish is None:
        detail = detail if settled.outcome == outcome else ""
        return replace(_answer(claim.press, settled.outcome, detail), row=settled.row)
    repaired = _repair(claim, settled.wish)
    same = repaired.outcome == Outcome.ACKNOWLEDGED and settled.wish.wanted == claim.press.wanted
    return _answer(claim.press, Outcome.ACKNOWLEDGED if same else Outcome.UNCONFIRMED)


def _settle(claim: Claim, outcome: Outcome, attempts: list[Made]) -> Settled:
    """Tries until the claim expires; then the answer is that nothing is known, and writing it goes on behind it."""
    until = max(claim.until, time.monotonic() + times.commit)
    settled = written(lambda: claims.settle(claim, outcome, attempts), until=until)
    if settled is None:
        threading.Thread(target=_settle_late, args=(claim, outcome, attempts), daemon=True).start()
        return Settled(Outcome.UNCONFIRMED)
    return settled


def _settle_late(claim: Claim, outcome: Outcome, attempts: list[Made]) -> None:
    """Others may have closed the command, and our request undone theirs: nobody else would ever put that right."""
    try:
        settled = written(lambda: claims.settle(claim, outcome, attempts), until=time.monotonic() + times.late)
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
        terms=Terms.kept(wish),
        held_by=wish.held_by,
    )
    until = time.monotonic() + times.asking
    while True:
        press = replace(press, began=time.monotonic())
        try:
            claimed = written(lambda press=press: claims.claim(press), until=until)  # type: ignore[misc]
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


def _answer(press: Press, outcome: str, detail: str = "") -> Answer:
    return Answer(str(outcome), words.of_outcome(press.wanted, outcome, detail=detail))

"""The short transactions of a press: claim, wait, take again, settle, withdraw, close what has expired.

No transaction here is open while Bandwidth is asked. Every one begins with the tenant's lock, so what it reads of
commands and calls cannot change before it commits. All raise DatabaseError where they cannot be written.
"""

import logging
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import Error as DatabaseProblem
from django.db import transaction
from django.db.models.functions import Now

from voicedash.calls import due, ends, judging, legs, reading, rows, state
from voicedash.calls.models import BulkItem, Call, Command, Outcome, Wanted
from voicedash.calls.press import Claim, Made, Press, Settled, Turned
from voicedash.calls.times import times
from voicedash.tenants import updates, workers
from voicedash.tenants.board import Stamp, writing

logger = logging.getLogger(__name__)


def claim(press: Press) -> Claim | Turned:
    """Takes the claim on a call, or the place of its one waiting pause, or tells why neither.

    Raises DatabaseError where it cannot be written, Call.DoesNotExist where the call was deleted.
    """
    began = time.monotonic()
    with writing(press.tenant_id) as stamp:
        found = reading.to_claim(press)
        call = found.call
        holder, waiting, changed = state.still_open(call, stamp) if found.asked else (None, None, False)
        if holder and judging.gives_way(holder, press, stamp.now):
            state.vanish(call, holder, stamp)
            holder, changed = None, True
        turned = judging.turned(press, call, holder, waiting, stamp.now)
        if turned:
            if not changed:
                transaction.set_rollback(True)
            return turned
        place = Command.State.WAITING if holder else Command.State.CLAIMED
        command = _command(
            press,
            call,
            stamp,
            pk=found.key,
            state=place,
            claimed_at=None if holder else stamp.now,
            attempt_at=None if holder else stamp.now,
            expires_at=stamp.now + state.seconds(times.waiting_claim if holder else times.claim),
        )
        if press.source != Command.Source.REASSERT:  # of which a row shows nothing
            pausing = press.wanted == Wanted.PAUSED and not holder
            state.touch(call, stamp, **({"last_pause": command} if pausing else {}))
        if press.together:
            legs.join(call, press.together, stamp)
        head = None if changed else found.head  # what was closed has its own entry
        state.tell(call, "recording.asked", stamp, press.actor, command, head)
    return claimed(press, command, call, began, waiting=holder is not None)


def take_turn(waiting: Claim) -> Claim | None:
    """Turns a waiting pause into the claim when its turn has come; None while another still holds the call.

    Raises LookupError when the waiting pause was closed meanwhile (it expired, or its call was deleted).
    """
    call_pk = waiting.press.call_pk
    holder = (
        Command.objects.filter(call=call_pk, state=Command.State.CLAIMED)
        .annotate(now=Now())
        .values("attempt_at", "expires_at", "now")
        .first()
    )
    if holder and not due.lost(holder["attempt_at"], holder["expires_at"], holder["now"]):
        return None
    began = time.monotonic()
    with writing(waiting.press.tenant_id) as stamp:
        try:
            call = reading.pressed(waiting.press)
        except Call.DoesNotExist:
            raise LookupError("the call was deleted") from None
        running, mine, _ = state.still_open(call, stamp)
        if mine is None or mine.pk != waiting.command.pk:
            raise LookupError("the waiting pause was closed")
        if running:
            if not due.lost(running.attempt_at, running.expires_at, stamp.now):
                transaction.set_rollback(True)
                return None
            state.vanish(call, running, stamp)
        Command.objects.filter(pk=mine.pk, state=Command.State.WAITING).update(
            state=Command.State.CLAIMED,
            claimed_at=stamp.now,
            attempt_at=stamp.now,
            expires_at=stamp.now + state.seconds(times.claim),
            version=stamp.version,
        )
        waiting.command.attempt_at = stamp.now
        state.touch(call, stamp, last_pause=mine)
    return claimed(waiting.press, waiting.command, call, began)


def take_again(claim: Claim) -> bool:
    """May the holder make a further attempt? Not once a pause waits, another closed the command, or time is short."""
    with writing(claim.press.tenant_id) as stamp:
        held = Command.objects.filter(
            pk=claim.command.pk,
            state=Command.State.CLAIMED,
            expires_at__gt=stamp.now + state.seconds(times.attempt),
        )
        if pause_waits(claim) or held.update(attempt_at=stamp.now) != 1:
            transaction.set_rollback(True)
            return False
        claim.command.attempt_at = stamp.now
    return True


def pause_waits(claim: Claim) -> bool:
    return Command.objects.filter(call=claim.press.call_pk, state=Command.State.WAITING).exists()


def settle(claim: Claim, outcome: Outcome, attempts: list[Made]) -> Settled:
    """Writes what came of a claimed command: outcome, attempts, log entry, and the state of the call.

    A command that somebody closed meanwhile gets a late answer instead: the call is not confirmed
    unless it shows what was asked for. Raises DatabaseError where it cannot be written.
    """
    command = claim.command
    with writing(claim.press.tenant_id) as stamp:
        what = told(claim, outcome, attempts)
        found = reading.to_settle(claim)
        if found is None or not found.claimed:
            return _settle_closed(claim, outcome, attempts, stamp, what)
        call = found.call
        state.close_all([(command, outcome, what["took_ms"])], stamp)
        state.keep_all([(command, attempts)], stamp)
        state.tell(call, "recording.answered", stamp, claim.press.actor, command, found.head, **what)
        if outcome in {Outcome.ACKNOWLEDGED, Outcome.UNCONFIRMED}:
            legs.release(call, command, stamp)
        state.end(call, command, outcome, stamp, attempts[-1].elsewhere if attempts else None)
    simple = outcome == Outcome.ACKNOWLEDGED and call.account_id == claim.account.pk
    simple = simple and command.source == Command.Source.PERSON  # nobody waits for the row of another
    # Behind a person's pause none waits: the next one is told that somebody is at it.
    simple = simple and (command.wanted == Wanted.PAUSED or not found.waited_for)
    if not simple or found.doubted or any(made.doubtful for made in attempts):
        return Settled(outcome)
    return Settled(outcome, row=rows.draw(call, command=None, waiting=None, doubts=[], now=stamp.now))


def _settle_closed(claim: Claim, outcome: Outcome, attempts: list[Made], stamp: Stamp, what: dict[str, Any]) -> Settled:
    """Writes what came too late: somebody has closed the command, or it was deleted with its call."""
    command = claim.command
    kept = Command.objects.filter(pk=command.pk).first()
    if kept is None:  # what was sent is still told
        gone = Call(tenant_id=claim.press.tenant_id, call_id=claim.call_id)
        state.tell(gone, "recording.answered_late", stamp, claim.press.actor, command, **what)
        return Settled(Outcome.UNCONFIRMED)
    if _written_before(kept, outcome, attempts):
        transaction.set_rollback(True)
        return Settled(outcome)
    call = reading.pressed(claim.press)
    state.keep_late(command, attempts, stamp)
    state.tell(call, "recording.answered_late", stamp, claim.press.actor, command, **what)
    if outcome in {Outcome.ACKNOWLEDGED, Outcome.UNCONFIRMED}:
        legs.release(call, command, stamp)
        state.unconfirm(call, claim.press.wanted, stamp)  # its lease runs since it was closed
    return Settled(Outcome.UNCONFIRMED, wish=judging.newest_wish(call))


def withdraw(claim: Claim, why: str) -> None:
    """Closes a claim or a waiting pause of which nothing was sent. Raises DatabaseError."""
    with writing(claim.press.tenant_id) as stamp:
        command = Command.objects.filter(pk=claim.command.pk).first()
        if command and state.close(command, stamp, Outcome.NOT_ASKED):
            call = reading.pressed(claim.press)
            state.touch(call, stamp)
            state.tell_unasked(call, stamp, claim.press.actor, command, why)


def keep_unasked(press: Press, why: str) -> None:
    """Keeps a press for which nothing was claimed, for the log. Raises DatabaseError."""
    with writing(press.tenant_id) as stamp:
        call = reading.pressed(press)
        command = _command(
            press,
            call,
            stamp,
            state=Command.State.CLOSED,
            outcome=Outcome.NOT_ASKED,
            closed_at=stamp.now,
            expires_at=stamp.now,
        )
        state.tell_unasked(call, stamp, press.actor, command, why)


def contradict(call: Call, why: str, at: datetime | None, by: str) -> bool:
    """Takes in evidence against the pause that `call` shows; False where it shows none. Raises DatabaseError."""
    with writing(call.tenant_id) as stamp:
        current = Call.objects.filter(pk=call.pk).first()
        contradicted = current is not None and state.contradict(current, stamp, why, at, by)
        if not contradicted:
            transaction.set_rollback(True)
    return contradicted


def close_expired(tenant_id: int) -> None:
    """The same as `close_due`, for a look at the board, where no worker is alive that does it all the time.

    A look must not wait for the tenant's lock, nor fail for want of it, without need. Raises nothing: a board that
    cannot write still shows the claims as being asked, and the doubts, which claims no more.
    """
    try:
        if not workers.any_at_work():
            close_due(tenant_id)
    except DatabaseProblem:
        logger.warning("expired claims could not be closed yet", exc_info=True)


def close_due(tenant_id: int) -> None:
    """Closes the claims of a tenant whose senders have vanished, and ends what doubts have undone.

    A doubt that closed long ago against an acknowledged state leaves the call unconfirmed: what was asked again was
    not acknowledged, and the doubted request may have been done last. Writes nothing where there is nothing of either.
    Raises DatabaseError.
    """
    for call_pk in due.expired(Now()).get(tenant_id, ()):
        with writing(tenant_id) as stamp, suppress(Call.DoesNotExist):
            state.still_open(reading.call_of(call_pk, tenant_id), stamp)
    for doubted in due.overdue(Now()):
        if doubted.command.call.tenant_id != tenant_id:
            continue
        with writing(tenant_id) as stamp:
            still = due.overdue(stamp.now, attempt_pk=doubted.pk)
            if not still:  # another attempt of this call, or somebody else, was quicker
                transaction.set_rollback(True)
                continue
            state.lapse(still[0], stamp)


def claimed(press: Press, command: Command, call: Call, began: float, *, waiting: bool = False) -> Claim:
    """The claim that `command` is; `began` (time.monotonic()) is from before its transaction."""
    return Claim(
        press=press,
        command=command,
        call_id=call.call_id,
        account=call.account,
        # What is due is asked for again anyway: a leg that rings takes no place for longer than one answer.
        answered=call.state == "answered" or press.only_due,
        placed=bool(call.listed_at or call.state or call.asserted_at),
        until=began + times.claim,
        waiting=waiting,
    )


def command_of(press: Press, call: Call, stamp: Stamp, **how_far: Any) -> Command:
    """The command of a press, not stored yet."""
    pausing = press.wanted == Wanted.PAUSED
    lease = (press.terms or ends.Terms.of(press.reason)).columns(press.note) if pausing else {}
    return Command(
        call=call,
        wanted=press.wanted,
        source=press.source,
        by=press.by,
        held_by=press.held_by,
        reason=press.reason,
        note=press.note,
        asked_at=stamp.now,
        version=stamp.version,
        **lease,
        **how_far,
    )


def _command(press: Press, call: Call, stamp: Stamp, **how_far: Any) -> Command:
    command = command_of(press, call, stamp, **how_far)
    updates.add(command)
    if press.item:
        BulkItem.objects.filter(pk=press.item, command=None).update(command=command)
    return command


def told(claim: Claim, outcome: Outcome, attempts: list[Made]) -> dict[str, Any]:
    """What came of a claimed command, for the log."""
    took = (attempts[-1].ended if attempts else time.monotonic()) - claim.press.began
    return {"outcome": outcome, "attempts": [_told(made) for made in attempts], "took_ms": round(took * 1000)}


def _told(made: Made) -> dict[str, Any]:
    """An attempt for the log; the account where that was not the call's own."""
    told = {"result": made.result, "status": made.status, "reference": made.reference}
    return told | ({"account": made.elsewhere.pk} if made.elsewhere else {})


def _written_before(command: Command, outcome: Outcome, attempts: list[Made]) -> bool:
    """This very settling is in the database: its commit was done, and only the news of it was lost."""
    kept = list(command.attempts.values_list("result", flat=True)) if command.state == Command.State.CLOSED else []
    return bool(kept) and command.outcome == outcome and kept == [made.result for made in attempts]

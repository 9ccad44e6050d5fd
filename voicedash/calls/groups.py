"""Claims and settles many calls in one short transaction, by the rules of `claims` for one: for bulks.

What is not plain is left to the way of a single press: a call at which somebody is, an answer that came too late.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Subquery

from voicedash.audit import log
from voicedash.calls import claims, due, judging, legs, state
from voicedash.calls.models import Bulk, BulkItem, Call, Command, Outcome, Wanted
from voicedash.calls.press import Claim, Made, Press
from voicedash.calls.times import times
from voicedash.tenants.board import Stamp, writing

ENDED = "ended"
OVERTAKEN = "overtaken"


class Lost(Exception):
    """Another works the bulk now: this one claims nothing more."""


@dataclass(frozen=True)
class Answered:
    """A claim of a bulk and what asking for it came to. `again`: it may be asked once more if that was a 429."""

    claim: Claim
    outcome: Outcome
    attempts: list[Made]
    again: bool = False

    @property
    def limited(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].result == "rate_limited"

    @property
    def returns(self) -> bool:
        """Bandwidth did nothing, as it was asked too often."""
        return self.again and self.limited and self.outcome == Outcome.REFUSED


@dataclass(frozen=True)
class Claimed:
    """What became of the presses of a group. `busy` are those at whose calls somebody is."""

    claims: list[Claim]
    busy: list[tuple[Call, Press]]


def claim(bulk: Bulk, holder: UUID, presses: list[Press]) -> Claimed:
    """Claims for as many items of `bulk` as there are presses, and writes what became of those that need nothing.

    Items that have a command or an outcome by now are left out. Raises Lost, DatabaseError.
    """
    began = time.monotonic()
    with writing(bulk.tenant_id) as stamp:
        if not Bulk.objects.filter(pk=bulk.pk, holder=holder, finished_at=None).exists():
            transaction.set_rollback(True)
            raise Lost
        open_items = BulkItem.objects.filter(pk__in=[press.item for press in presses], command=None, outcome="")
        still = set(open_items.values_list("pk", flat=True))
        presses = [press for press in presses if press.item in still]
        pks = [press.call_pk for press in presses]
        known = ["account", *(["last_pause"] if bulk.wanted == Wanted.RECORDING else [])]
        calls = Call.objects.select_related(*known).filter(tenant=bulk.tenant_id).in_bulk(pks)
        held = set(Command.objects.filter(due.OPEN, call__in=pks).values_list("call_id", flat=True))
        overtaken = _overtaken(bulk, pks)
        plain: list[Press] = []
        busy = []
        nothing: dict[str, list[int]] = {}
        for press in presses:
            call = calls[press.call_pk]
            if call.ended_at is not None:
                nothing.setdefault(ENDED, []).append(press.item)
            elif call.pk in overtaken:
                nothing.setdefault(OVERTAKEN, []).append(press.item)
            elif call.pk in held:
                busy.append((call, press))
            elif turned := judging.turned(press, call, None, None, stamp.now):
                nothing.setdefault(turned.outcome, []).append(press.item)
            else:
                plain.append(press)
        for outcome, items in nothing.items():
            BulkItem.objects.filter(pk__in=items).update(outcome=outcome)
        commands = _commands(plain, calls, stamp)
        if not (nothing or commands):
            transaction.set_rollback(True)
    found = zip(plain, commands, strict=True)
    return Claimed([claims.claimed(press, command, calls[press.call_pk], began) for press, command in found], busy)


def settle(tenant_id: int, answers: list[Answered]) -> list[Answered]:
    """Writes what came of claims, as `claims.settle` does of one; gives those that somebody has closed meanwhile.

    Raises DatabaseError.
    """
    with writing(tenant_id) as stamp:
        pks = [answer.claim.command.pk for answer in answers]
        held = set(Command.objects.filter(pk__in=pks, state=Command.State.CLAIMED).values_list("pk", flat=True))
        calls = Call.objects.in_bulk([answer.claim.press.call_pk for answer in answers])
        mine = [answer for answer in answers if answer.claim.command.pk in held]
        if not mine:
            transaction.set_rollback(True)
            return answers
        told = [claims.told(answer.claim, answer.outcome, answer.attempts) for answer in mine]
        state.close_all(
            [(a.claim.command, a.outcome, what["took_ms"]) for a, what in zip(mine, told, strict=True)], stamp
        )
        state.keep_all([(answer.claim.command, answer.attempts) for answer in mine], stamp)
        entries = []
        for answer, what in zip(mine, told, strict=True):
            command, call = answer.claim.command, calls[answer.claim.press.call_pk]
            entries.append(state.about(call, "recording.answered", answer.claim.press.actor, command, **what))
            if answer.outcome in {Outcome.ACKNOWLEDGED, Outcome.UNCONFIRMED}:
                legs.release(call, command, stamp)
        log.append_all(log.of_tenant(tenant_id), entries, at=stamp.now)
        ended = []
        for answer in mine:
            command, call = answer.claim.command, calls[answer.claim.press.call_pk]
            if answer.returns:  # it is asked for again, which is no failure yet
                state.refuse(call, command, answer.outcome, stamp)
            else:
                elsewhere = answer.attempts[-1].elsewhere if answer.attempts else None
                ended.append((call, command, answer.outcome, elsewhere))
        state.end_all(ended, stamp)
        if again := [answer.claim.press.item for answer in mine if answer.returns]:
            BulkItem.objects.filter(pk__in=again).update(command=None)
    return [answer for answer in answers if answer.claim.command.pk not in held]


def _commands(presses: list[Press], calls: dict[int, Call], stamp: Stamp) -> list[Command]:
    """The commands of `presses`, claimed, with all that a claim writes beside them."""
    if not presses:
        return []
    commands = Command.objects.bulk_create(
        claims.command_of(
            press,
            calls[press.call_pk],
            stamp,
            state=Command.State.CLAIMED,
            claimed_at=stamp.now,
            attempt_at=stamp.now,
            expires_at=stamp.now + state.seconds(times.claim),
        )
        for press in presses
    )
    pks = [press.call_pk for press in presses]
    newest = Command.objects.filter(call=OuterRef("pk"), state=Command.State.CLAIMED).order_by()
    pausing = presses[0].wanted == Wanted.PAUSED
    Call.objects.filter(pk__in=pks).update(
        version=stamp.version, **({"last_pause": Subquery(newest.values("pk")[:1])} if pausing else {})
    )
    claimed = Command.objects.filter(call=OuterRef("call"), state=Command.State.CLAIMED).order_by()
    BulkItem.objects.filter(pk__in=[press.item for press in presses]).update(command=Subquery(claimed.values("pk")[:1]))
    entries = []
    for press, command in zip(presses, commands, strict=True):
        call = calls[press.call_pk]
        if press.together:
            legs.join(call, press.together, stamp)
        entries.append(state.about(call, "recording.asked", press.actor, command))
    log.append_all(log.of_tenant(presses[0].tenant_id), entries, at=stamp.now)
    return commands


def _overtaken(bulk: Bulk, pks: Iterable[int]) -> set[int]:
    """The calls that a person has resumed since a pause of all was pressed: theirs is the newer wish."""
    if bulk.wanted != Wanted.PAUSED:
        return set()
    since = Command.objects.filter(call__in=pks, wanted=Wanted.RECORDING, source=Command.Source.PERSON)
    since = since.filter(asked_at__gt=bulk.asked_at).exclude(outcome__in=due.IN_VAIN)
    return set(since.values_list("call_id", flat=True))


def fresh(press: Press) -> Press:
    """The same press as if it was made now: its time counts from when its turn came."""
    return replace(press, began=time.monotonic())

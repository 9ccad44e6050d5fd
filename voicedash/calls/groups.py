"""Claims and settles many calls in one short transaction, by the rules of `claims` for one: for bulks.

What is not plain is left to the way of a single press: a call at which somebody is, an answer that came too late.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import prefetch_related_objects

from voicedash.audit import log
from voicedash.calls import claims, due, judging, legs, state
from voicedash.calls.models import Bulk, BulkItem, Call, Command, Outcome, Wanted
from voicedash.calls.press import Claim, Made, Press
from voicedash.calls.times import times
from voicedash.tenants import reads, updates
from voicedash.tenants.board import Stamp, writing

ENDED = "ended"
OVERTAKEN = "overtaken"

# Statements of our own: a group is claimed and settled under the tenant's lock, while those whose turn comes next wait.
_OPEN_ITEMS = """
SELECT calls_bulkitem.id FROM calls_bulkitem JOIN calls_bulk ON calls_bulk.id = calls_bulkitem.bulk_id
WHERE calls_bulk.id = %s AND calls_bulk.holder = %s AND calls_bulk.finished_at IS NULL
    AND calls_bulkitem.id IN ({items}) AND calls_bulkitem.command_id IS NULL AND calls_bulkitem.outcome = ''
"""
_HELD = "SELECT call_id FROM calls_command WHERE call_id IN ({calls}) AND state <> 'closed'"
_MINE = "SELECT id FROM calls_command WHERE id IN ({commands}) AND state = 'claimed'"
_IN_VAIN = ", ".join(f"'{outcome}'" for outcome in due.IN_VAIN)
_OVERTAKEN = f"""
SELECT call_id FROM calls_command
WHERE call_id IN ({{calls}}) AND wanted = 'recording' AND source = 'person' AND asked_at > %s
    AND outcome NOT IN ({_IN_VAIN})
"""


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
        still = _open_items(bulk, holder, presses)
        presses = [press for press in presses if press.item in still]
        pks = [press.call_pk for press in presses]
        calls = _calls(bulk.tenant_id, pks)
        if bulk.wanted == Wanted.RECORDING:
            prefetch_related_objects(list(calls.values()), "last_pause")
        held = _first_column(_HELD.format(calls=reads.listed(pks)))
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
        held = _first_column(_MINE.format(commands=reads.listed(answer.claim.command.pk for answer in answers)))
        calls = _calls(tenant_id, [answer.claim.press.call_pk for answer in answers])
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
    commands = [
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
    ]
    updates.add_all(commands)
    touched, asked = [], []
    for press, command in zip(presses, commands, strict=True):
        pausing = {"last_pause": command} if press.wanted == Wanted.PAUSED else {}
        touched.append((press.call_pk, {"version": stamp.version} | pausing))
        asked.append((press.item, {"command": command}))
    updates.each(Call, touched)
    updates.each(BulkItem, asked)
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
    asked = connection.ops.adapt_datetimefield_value(bulk.asked_at)
    return _first_column(_OVERTAKEN.format(calls=reads.listed(pks)), asked)


def _open_items(bulk: Bulk, holder: UUID, presses: list[Press]) -> set[int]:
    """Of these presses' items those that nobody has asked for. Raises Lost."""
    mine = Bulk._meta.get_field("holder").get_db_prep_value(holder, connection)
    question = _OPEN_ITEMS.format(items=reads.listed(press.item for press in presses))
    found = _first_column(question, bulk.pk, mine)
    if not found and not Bulk.objects.filter(pk=bulk.pk, holder=holder, finished_at=None).exists():
        raise Lost
    return found


def _calls(tenant_id: int, pks: Iterable[int]) -> dict[int, Call]:
    where = f"WHERE calls_call.tenant_id = %s AND calls_call.id IN ({reads.listed(pks)})"
    return {call.pk: call for call in reads.every(Call, where, tenant_id, along=("account",))}


def _first_column(question: str, *values: Any) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return {key for (key,) in cursor.fetchall()}


def fresh(press: Press) -> Press:
    """The same press as if it was made now: its time counts from when its turn came."""
    return replace(press, began=time.monotonic())

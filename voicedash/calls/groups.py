"""Claims and settles many calls in one short transaction, by the rules of `claims` for one: for bulks.

What is not plain is left to the way of a single press: a call at which somebody is, an answer that came too late.
"""

import time
from dataclasses import dataclass, replace
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

# What a group is claimed and settled by is read in one statement each: it has the tenant's lock meanwhile, and after
# every answer of the database that it waits for it queues up behind the threads that send.
_HEAD = "LEFT JOIN audit_head ON audit_head.chain = %s"
_OPEN_ITEMS = f"""
JOIN calls_bulkitem ON calls_bulkitem.call_id = calls_call.id
JOIN calls_bulk ON calls_bulk.id = calls_bulkitem.bulk_id {_HEAD}
WHERE calls_bulk.id = %s AND calls_bulk.holder = %s AND calls_bulk.finished_at IS NULL
    AND calls_bulkitem.id IN ({{items}}) AND calls_bulkitem.command_id IS NULL AND calls_bulkitem.outcome = ''
"""
_MINE = f"""
JOIN calls_command ON calls_command.call_id = calls_call.id {_HEAD}
WHERE calls_command.id IN ({{commands}}) AND calls_command.state = 'claimed'
"""
_IN_VAIN = ", ".join(f"'{outcome}'" for outcome in due.IN_VAIN)
_RESUMED_SINCE = f"""EXISTS (
SELECT 1 FROM calls_command WHERE call_id = calls_call.id AND wanted = 'recording' AND source = 'person'
    AND asked_at > %s AND outcome NOT IN ({_IN_VAIN}))"""


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
        found, head = _open_items(bulk, holder, presses)
        if bulk.wanted == Wanted.RECORDING:
            prefetch_related_objects([item.call for item in found.values()], "last_pause")
        plain: list[tuple[Press, _Item]] = []
        busy = []
        nothing: dict[str, list[int]] = {}
        for press in presses:
            item = found.get(press.item)
            if item is None:
                continue
            if item.call.ended_at is not None:
                nothing.setdefault(ENDED, []).append(press.item)
            elif item.overtaken:
                nothing.setdefault(OVERTAKEN, []).append(press.item)
            elif item.asked:
                busy.append((item.call, press))
            elif turned := judging.turned(press, item.call, None, None, stamp.now):
                nothing.setdefault(turned.outcome, []).append(press.item)
            else:
                plain.append((press, item))
        for outcome, items in nothing.items():
            BulkItem.objects.filter(pk__in=items).update(outcome=outcome)
        commands = _commands(plain, head, stamp)
        if not (nothing or commands):
            transaction.set_rollback(True)
    claimed = zip(plain, commands, strict=True)
    return Claimed([claims.claimed(press, command, item.call, began) for (press, item), command in claimed], busy)


def settle(tenant_id: int, answers: list[Answered]) -> list[Answered]:
    """Writes what came of claims, as `claims.settle` does of one; gives those that somebody has closed meanwhile.

    Raises DatabaseError.
    """
    with writing(tenant_id) as stamp:
        calls, head = _claimed_calls(tenant_id, answers)
        mine = [answer for answer in answers if answer.claim.command.pk in calls]
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
            command, call = answer.claim.command, calls[answer.claim.command.pk]
            entries.append(state.about(call, "recording.answered", answer.claim.press.actor, command, **what))
            if answer.outcome in {Outcome.ACKNOWLEDGED, Outcome.UNCONFIRMED}:
                legs.release(call, command, stamp)
        log.append_all(log.of_tenant(tenant_id), entries, at=stamp.now, head=head)
        ended = []
        for answer in mine:
            command, call = answer.claim.command, calls[answer.claim.command.pk]
            if answer.returns:  # it is asked for again, which is no failure yet
                state.refuse(call, command, answer.outcome, stamp)
            else:
                elsewhere = answer.attempts[-1].elsewhere if answer.attempts else None
                ended.append((call, command, answer.outcome, elsewhere))
        state.end_all(ended, stamp)
        if again := [answer.claim.press.item for answer in mine if answer.returns]:
            BulkItem.objects.filter(pk__in=again).update(command=None)
    return [answer for answer in answers if answer.claim.command.pk not in calls]


@dataclass(frozen=True)
class _Item:
    """What a group's claim reads of an item that nobody has asked for."""

    call: Call
    asked: bool  # somebody is at its call
    overtaken: bool  # a person has resumed it since a pause of all was pressed: theirs is the newer wish
    key: int | None  # of the command to be, where the database tells it before


def _open_items(bulk: Bulk, holder: UUID, presses: list[Press]) -> tuple[dict[int, _Item], log.Place | None]:
    """Of these presses' items those that nobody has asked for, and the log's head. Raises Lost."""
    asked_at = connection.ops.adapt_datetimefield_value(bulk.asked_at)
    mine = Bulk._meta.get_field("holder").get_db_prep_value(holder, connection)
    found = reads.every_and(
        ("calls_bulkitem.id", due.ASKED, _RESUMED_SINCE, updates.next_key(Command), *log.PLACE),
        Call,
        _OPEN_ITEMS.format(items=reads.listed(press.item for press in presses)),
        *(asked_at, log.of_tenant(bulk.tenant_id), bulk.pk, mine),
        along=("account",),
    )
    if not found and not Bulk.objects.filter(pk=bulk.pk, holder=holder, finished_at=None).exists():
        raise Lost
    pausing = bulk.wanted == Wanted.PAUSED
    items = {
        item: _Item(call, bool(asked), bool(resumed) and pausing, key)
        for (item, asked, resumed, key, *_), call in found
    }
    return items, log.place(*found[0][0][-2:]) if found else None


def _claimed_calls(tenant_id: int, answers: list[Answered]) -> tuple[dict[int, Call], log.Place | None]:
    """The calls of the commands that are still claimed, by the command's key, and the log's head."""
    commands = reads.listed(answer.claim.command.pk for answer in answers)
    found = reads.every_and(
        ("calls_command.id", *log.PLACE),
        Call,
        _MINE.format(commands=commands),
        log.of_tenant(tenant_id),
        along=("account",),
    )
    return {command: call for (command, *_), call in found}, log.place(*found[0][0][-2:]) if found else None


def _commands(plain: list[tuple[Press, _Item]], head: log.Place | None, stamp: Stamp) -> list[Command]:
    """The commands of presses, claimed, with all that a claim writes beside them."""
    if not plain:
        return []
    commands = [
        claims.command_of(
            press,
            item.call,
            stamp,
            pk=item.key,
            state=Command.State.CLAIMED,
            claimed_at=stamp.now,
            attempt_at=stamp.now,
            expires_at=stamp.now + state.seconds(times.claim),
        )
        for press, item in plain
    ]
    updates.add_all(commands)
    touched, asked, entries = [], [], []
    for (press, item), command in zip(plain, commands, strict=True):
        pausing = {"last_pause": command} if press.wanted == Wanted.PAUSED else {}
        touched.append((press.call_pk, {"version": stamp.version} | pausing))
        asked.append((press.item, {"command": command}))
        entries.append(state.about(item.call, "recording.asked", press.actor, command))
    updates.each(Call, touched)
    updates.each(BulkItem, asked)
    for press, item in plain:
        if press.together:
            legs.join(item.call, press.together, stamp)
    log.append_all(log.of_tenant(plain[0][0].tenant_id), entries, at=stamp.now, head=head)
    return commands


def fresh(press: Press) -> Press:
    """The same press as if it was made now: its time counts from when its turn came."""
    return replace(press, began=time.monotonic())

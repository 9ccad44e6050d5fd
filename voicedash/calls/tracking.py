"""How we learn of calls: ids typed in, Bandwidth's answers and its events enter the model here, and only here.

Idempotent, and tolerant of disorder (calls/merging.py): older news changes nothing, no news writes nothing.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.db import DataError, IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from voicedash.audit import log
from voicedash.bandwidth.listing import CallState
from voicedash.calls import due, legs, merging, naming
from voicedash.calls.ids import Typed
from voicedash.calls.models import Call, Command, Hidden, Sync
from voicedash.calls.times import times
from voicedash.tenants import updates
from voicedash.tenants.board import database_time, writing
from voicedash.tenants.models import BandwidthAccount, Tenant, User

logger = logging.getLogger(__name__)

T = TypeVar("T")
AT_ONCE = 100  # rows a transaction: a press must never wait long for the tenant's lock
_NOTHING_TOLD = ("", "unknown")  # states of a call that was typed in, unless a list told of it
APPEARED = 20  # of so many calls it is remembered how late they appeared


@dataclass
class Added:
    """What came of typed ids, for the person who typed them."""

    added: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    hints: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Learned:
    """How many calls a listing put onto the board, and how many it ended."""

    added: int = 0
    ended: int = 0


def add_typed(tenant: Tenant, typed: Typed, *, account: BandwidthAccount | None, by: User) -> Added:
    """Puts typed ids onto the board, without asking Bandwidth.

    Each belongs to the account of its URL, else to `account`, else to the one the tenant added first.
    """
    result = Added(refused=list(typed.refused))
    accounts = {one.account_id: one for one in BandwidthAccount.objects.filter(tenant=tenant).order_by("pk")}
    usual = account or next(iter(accounts.values()), None)
    places: dict[str, BandwidthAccount] = {}
    for call_id, account_id in typed.ids.items():
        if account_id and account_id not in accounts:
            # With its account, as it was pasted: typed again alone it would go to another one.
            place = f"/accounts/{account_id}/calls/{call_id}"
            result.refused.append((place, f"{account_id} is not one of your Bandwidth accounts"))
        elif usual is None:
            result.refused.append((call_id, "there is no Bandwidth account yet: ask an admin to add one"))
        else:
            places[call_id] = accounts[account_id] if account_id else usual
    for chunk in _chunks(places):
        with writing(tenant.pk) as stamp:
            known = {call.call_id: call for call in Call.objects.filter(tenant=tenant, call_id__in=chunk)}
            new = [call_id for call_id in chunk if call_id not in known]
            hidden = [call for call in known.values() if call.hidden_why]
            # Somebody insists: it has its time once more.
            Call.objects.filter(pk__in=[call.pk for call in hidden]).update(
                ended_at=None, hidden_why="", added_at=stamp.now, added_by=by, version=stamp.version
            )
            made = [
                Call(
                    tenant=tenant,
                    account=places[call_id],
                    call_id=call_id,
                    added_at=stamp.now,
                    added_by=by,
                    version=stamp.version,
                )
                for call_id in new
            ]
            naming.name(tenant.pk, made)
            Call.objects.bulk_create(made)
            legs.tie(tenant.pk, made, stamp)
        result.added += new
        for call_id, call in known.items():
            if call.hidden_why:
                result.added.append(call_id)
                result.hints.append((call_id, "it was hidden before: Bandwidth did not know it. Is it right?"))
            elif call.ended_at is None:
                result.already.append(call_id)
            else:
                at = timezone.localtime(call.ended_at).strftime("%H:%M")
                result.refused.append((call_id, f"Bandwidth said at {at} that this call has ended"))
    result.hints += [(call_id, hint) for call_id, hint in typed.hints if call_id in result.added]
    return result


@dataclass
class _News:
    """A call as it is after what was told, and the columns that are others; of a new call none are."""

    call: Call
    changed: dict[str, Any] = field(default_factory=dict)

    def change(self, columns: dict[str, Any]) -> None:
        for name, value in columns.items():
            setattr(self.call, name, value)
        self.changed |= columns


def learn(account: BandwidthAccount, told: Iterable[CallState], *, heard: datetime | None = None) -> Learned:
    """Takes in what Bandwidth told of an account's calls: new live ones join, ended ones grey.

    An ended call that a listing tells of and that we never showed is no news. One that an event tells of is kept, on
    no board: what was sent before its end may come after it, and must not bring it to life. `heard`: when it was told,
    by Bandwidth's own clock; without it the database's counts. Raises DatabaseError; what came before is kept then.
    """
    added = ended = 0
    for chunk in _chunks(told):
        for learned in _learn_together(account, chunk, heard):
            added, ended = added + learned.added, ended + learned.ended
    return Learned(added, ended)


def _learn_together(account: BandwidthAccount, told: list[CallState], heard: datetime | None) -> list[Learned]:
    """One transaction; where the database refuses what one call holds, one for each, without that one."""
    try:
        return [_learn(account, told, heard)]
    except (DataError, IntegrityError) as error:
        if len(told) == 1:  # its text may hold what is somebody's: the kind of the error only
            logger.warning("account %s: what was told of a call cannot be kept: %s", account.pk, type(error).__name__)
            return []
        return [one for state in told for one in _learn_together(account, [state], heard)]


def _learn(account: BandwidthAccount, told: list[CallState], heard: datetime | None) -> Learned:
    # A list that tells nothing new, as nearly all do, takes no lock. An event nearly always tells something.
    if not all(state.event for state in told) and not any(True for _ in _news(account, told, None)):
        return Learned()
    with writing(account.tenant_id) as stamp:
        news = list(_news(account, told, stamp.now))
        if not news:  # another has just told the same
            transaction.set_rollback(True)
            return Learned()
        naming.name(account.tenant_id, [one.call for one in news])
        for one in news:
            one.change({"version": stamp.version, **naming.of(one.call)})
        new = [one.call for one in news if one.call.pk is None]
        changed = [one for one in news if one.call.pk is not None]
        if changed:  # read under this lock, so nothing in them is stale
            updates.each(Call, ((one.call.pk, one.changed) for one in changed))
        Call.objects.bulk_create(new)
        moved = [one.call for one in changed if "parent_call_id" in one.changed]
        if new or moved:
            legs.tie(account.tenant_id, [*new, *moved], stamp)
        _note_lateness(account, new, heard or stamp.now)
        return Learned(
            added=sum(call.ended_at is None for call in new),
            ended=sum(bool(one.changed.get("ended_at")) for one in changed),
        )


def hideable(now: datetime) -> Q:
    """The live calls that Bandwidth ought to know by `now`, if it knows them at all, or may have forgotten.

    After hours that is a typed id of which nothing was ever told, after a week any other call. None for which
    Bandwidth acknowledged anything lately, or may be asked something right now.
    """
    week = now - _seconds(times.kept)
    never_told = Q(listed_at=None, state__in=_NOTHING_TOLD)
    unknown = never_told & Q(asserted_at=None, added_at__lt=now - _seconds(times.unknown_id))
    told = Q(listed_at__lt=week) | (Q(listed_at=None, added_at__lt=week) & ~Q(state__in=_NOTHING_TOLD))
    forgotten = told & (Q(asserted_at=None) | Q(asserted_at__lt=week))
    asked = Exists(Command.objects.filter(due.OPEN, call=OuterRef("pk")))
    return Q(ended_at=None) & (unknown | forgotten) & ~Q(asked)


def hide(call: Call, *, asked: bool) -> bool:
    """Takes a call off the boards that Bandwidth does not know, and tells so in the log.

    Only where it is `hideable`: not being known by itself never ends a call. False where it is not. `asked`: Bandwidth
    said so; else it may not be asked. Raises DatabaseError.
    """
    if not Call.objects.filter(hideable(database_time()), pk=call.pk).exists():  # a look without the lock
        return False
    with writing(call.tenant_id) as stamp:
        current = Call.objects.filter(hideable(stamp.now), pk=call.pk).first()
        if current is None:
            transaction.set_rollback(True)
            return False
        never_told = current.listed_at is None and current.state in _NOTHING_TOLD
        why = Hidden.FORGOTTEN if not never_told else Hidden.UNKNOWN if asked else Hidden.UNHEARD
        hidden = {"ended_at": stamp.now, "hidden_why": why, "version": stamp.version}
        Call.objects.filter(pk=current.pk).update(**hidden)
        chain = log.of_tenant(call.tenant_id)
        log.append(chain, "call.hidden", at=stamp.now, call_id=current.call_id, data={"why": why.value})
    return True


def _news(account: BandwidthAccount, told: list[CallState], now: datetime | None) -> Iterator[_News]:
    """What of this changes something. `now`: the database's time, where it is known already."""
    states: dict[str, list[CallState]] = {}
    for state in told:
        states.setdefault(state.call_id, []).append(state)
    calls = Call.objects.filter(tenant=account.tenant_id, call_id__in=states)
    known = {call.call_id: call for call in calls}
    if now is None:  # which decides something only where there is a call that came back
        now = database_time() if any(call.revived_at for call in known.values()) else datetime.min.replace(tzinfo=UTC)
    for call_id, about in states.items():
        news = _taken_in(account, known.get(call_id), sorted(about, key=merging.weight), now)
        if news and (news.changed or news.call.pk is None):
            yield news


def _taken_in(account: BandwidthAccount, call: Call | None, told: list[CallState], now: datetime) -> _News | None:
    """A call after all that is told of it at once, from the oldest to the newest."""
    if call is None:
        if told[-1].ended and not any(state.event for state in told):
            return None
        first = merging.first(told[0], now)
        call = Call(tenant_id=account.tenant_id, account=account, call_id=told[0].call_id, added_at=now, **first)
    news = _News(call)
    for state in told:
        # Whose call it is Bandwidth's list knows best; an event does where neither that nor a press has told.
        unknown = call.listed_at is None and call.asserted_at is None
        if call.account_id != account.pk and (unknown or not state.event):
            news.change({"account": account})
        news.change(merging.changes(state, call, now))
    if call.not_known and "state" in news.changed:
        # It was not answered when a person paused it: now it is worth the next try.
        news.change({"not_known": False} | ({"pause_due_at": now} if call.pause_due_at else {}))
    return news


def _note_lateness(account: BandwidthAccount, new: list[Call], heard: datetime) -> None:
    """Keeps how long after their start calls became known that began since the account is followed."""
    began = [
        # An event's own time: by its clock it began, and ours may be another.
        (call.start_time, heard if call.listed_at else call.last_update or heard)
        for call in new
        if call.start_time and call.ended_at is None
    ]
    sync = Sync.objects.filter(account=account, since__isnull=False).first() if began else None
    if sync is None or sync.since is None:
        return
    # Bandwidth's clock tells whole seconds; a start that lies further ahead than that is a mistake.
    late = [
        (told - start).total_seconds() for start, told in began if sync.since <= start <= told + timedelta(seconds=1)
    ]
    if late:
        kept = [*sync.appeared, *(round(max(0.0, seconds), 1) for seconds in late)][-APPEARED:]
        Sync.objects.filter(pk=sync.pk).update(appeared=kept)


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, AT_ONCE)):
        yield chunk

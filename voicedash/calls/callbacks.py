"""What Bandwidth's callbacks change: calls come, go on and end, and a recording that ended speaks against a pause."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from voicedash.bandwidth.callbacks import Event
from voicedash.bandwidth.listing import CallState
from voicedash.calls import due, recording, tracking
from voicedash.calls.models import Call, Command, Recording, Wanted
from voicedash.tenants.models import BandwidthAccount

# Bandwidth calls eventTime approximate: a recording may have ended so much later than by it.
APPROXIMATE = timedelta(seconds=2)
# A time further ahead than clocks go wrong would make all that is told later old news.
AHEAD = timedelta(hours=1)
# By one clock: what an event tells of has been when it is told, give or take that eventTime is approximate.
AT_THE_SAME_TIME = timedelta(minutes=1)


@dataclass(frozen=True)
class Arrived:
    """An event, and when it came to us, by the database's clock."""

    event: Event
    at: datetime


def take_in(tenant_id: int, arrived: dict[int, Arrived]) -> dict[int, str]:
    """Lets events change calls of the tenant's own accounts, by transactions of at most 100 rows.

    Any order and any repetition will do. Gives, by their keys in `arrived`, those that were left out as they are not
    about an account of the tenant, each with why. Raises DatabaseError; the same events can be brought again then.
    """
    accounts = {account.account_id: account for account in BandwidthAccount.objects.filter(tenant=tenant_id)}
    whose = _Whose(tenant_id, accounts, arrived.values())
    left_out: dict[int, str] = {}
    told: dict[int, list[CallState]] = defaultdict(list)
    ended: list[Arrived] = []
    for place, one in arrived.items():
        event = one.event
        if event.account_id and event.account_id not in accounts:
            left_out[place] = "not one of your Bandwidth accounts"
            continue
        if state := event.call:
            account = whose.account_of(event)
            if account is None:
                left_out[place] = "names no Bandwidth account, and its call is not known"
                continue
            told[account.pk].append(_sane(state, one.at))
        if event.recording and event.recording.call_id:
            ended.append(one)
    for account in accounts.values():
        if states := told.get(account.pk):
            tracking.learn(account, states)
    # Afterwards: a recording ends with its call, too, and of a call that has ended nothing is asked any more.
    _contradict(tenant_id, ended)
    return left_out


class _Whose:
    """Which account an event is about that names none: that of its call, else of the call that its leg came from.

    Another event of the same batch may tell it. Where nobody does: the tenant's only one.
    """

    def __init__(self, tenant_id: int, accounts: dict[str, BandwidthAccount], arrived: Iterable[Arrived]) -> None:
        self._accounts = accounts
        by_pk = {account.pk: account for account in accounts.values()}
        events = [one.event for one in arrived]
        named = {
            event.about.call_id: accounts[event.account_id]
            for event in events
            if event.about and event.account_id in accounts
        }
        ids = {call_id for event in events if not event.account_id for call_id in _calls_of(event)}
        calls = Call.objects.filter(tenant=tenant_id, call_id__in=ids) if ids else Call.objects.none()
        # One that was added a moment ago is not among `accounts` yet.
        stored = {call_id: by_pk[pk] for call_id, pk in calls.values_list("call_id", "account_id") if pk in by_pk}
        self._known = named | stored

    def account_of(self, event: Event) -> BandwidthAccount | None:
        if event.account_id:
            return self._accounts.get(event.account_id)
        for call_id in _calls_of(event):
            if known := self._known.get(call_id):
                return known
        return next(iter(self._accounts.values())) if len(self._accounts) == 1 else None


def _calls_of(event: Event) -> list[str]:
    """The call that an event is about, and the one that its leg came from."""
    return [call_id for call_id in (event.about.call_id, event.about.parent_call_id) if call_id] if event.about else []


def _sane(state: CallState, arrived_at: datetime) -> CallState:
    """Without times that lie ahead of when it was told: such a start would never be old, such news never overtaken."""
    told_at = state.last_update
    if told_at and told_at > arrived_at + AHEAD:
        told_at = None
    # By the clock that told them all, where it has told its own time; else by ours.
    latest = told_at + AT_THE_SAME_TIME if told_at else arrived_at + AHEAD
    return replace(
        state,
        last_update=told_at,
        start_time=_by(latest, state.start_time),
        answer_time=_by(latest, state.answer_time),
        end_time=_by(latest, state.end_time),
    )


def _by(latest: datetime, moment: datetime | None) -> datetime | None:
    return moment if moment and moment <= latest else None


def _contradict(tenant_id: int, arrived: list[Arrived]) -> None:
    """Recordings that ended after a pause was acknowledged speak against it: the next one is not paused by it."""
    ids = {one.event.recording.call_id for one in arrived if one.event.recording}
    if not ids:
        return
    asked = Exists(Command.objects.filter(due.OPEN, call=OuterRef("pk"), wanted=Wanted.PAUSED))
    live = Call.objects.filter(tenant=tenant_id, call_id__in=ids, ended_at=None)
    paused = {call.call_id: call for call in live.filter(Q(recording=Recording.PAUSED) | asked)}
    for one in arrived:
        found = one.event.recording
        if found and (call := paused.get(found.call_id)):
            recording.contradict(call=call, why="recording ended", at=latest_end(one), by=found.recording_id)


def latest_end(arrived: Arrived) -> datetime:
    """When the recording of an event ended at the latest, by the database's clock.

    Bandwidth's clock is not ours. But how long the recording had been over when the event was made is told by its
    clock alone, and the event cannot have come before it was made. Where a time is missing: when it came.
    """
    event = arrived.event
    end = event.recording.end_time if event.recording else None
    if end is None or event.at is None or event.at < end:
        return arrived.at
    return min(arrived.at, arrived.at - (event.at - end) + APPROXIMATE)

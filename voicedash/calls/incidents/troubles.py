"""What is wrong now: worked out from calls and accounts each time, so that nothing can be forgotten. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q

from voicedash.audit import log
from voicedash.audit.models import Entry
from voicedash.calls import words
from voicedash.calls.incidents.models import Incident, IncidentCall, Kind
from voicedash.calls.models import Call, Hidden, Outcome, Recording, Sync
from voicedash.calls.times import times

MOST = 500  # calls asked for at once
_RINGING = ("queued", "initiated")  # of such a leg nothing is recorded yet
# What came of a pause: of which kind the trouble is, and whether it is the account's or the call's own.
_OF_OUTCOMES: dict[str, tuple[Kind, str, bool]] = {
    Outcome.REFUSED: (Kind.FAILED, "refused", True),
    Outcome.UNKNOWN_CALL: (Kind.FAILED, "unknown", False),
    Outcome.CREDENTIALS: (Kind.ACCOUNT, "account", True),
    Outcome.UNREACHABLE: (Kind.FAILED, "unreachable", True),
    Outcome.UNCONFIRMED: (Kind.UNCONFIRMED, "unanswered", True),
    Outcome.NOT_ASKED: (Kind.FAILED, "unasked", True),
}


@dataclass(frozen=True)
class Trouble:
    """Something that needs a person, if it stays. What is live of one `cause` becomes one incident."""

    tenant_id: int
    kind: Kind
    cause: str
    since: datetime
    call: Call | None = None
    account_id: int | None = None
    why: str = ""


def of_pause(call: Call, outcome: str, since: datetime) -> Trouble:
    """That a person's pause of `call` ended as `outcome`, which is not that it was acknowledged."""
    kind, word, shared = _OF_OUTCOMES[outcome]
    cause = f"{word}-{call.account_id if shared else call.pk}"
    return Trouble(call.tenant_id, kind, cause, since, call, call.account_id, why=outcome)


def of_calls(now: datetime, tenant_id: int | None = None) -> list[Trouble]:
    """Of live calls, of one tenant or of all, what was not put right in time and no incident tells of yet.

    Each look begins with the index of a time, as in `calls.due`: with the tenant beside it SQLite would go through all
    the live calls of that.
    """
    limit = now - timedelta(seconds=times.incident)
    live = Call.objects.filter(ended_at=None)
    unsure = live.filter(_untold("recording_since"), recording=Recording.UNCONFIRMED, recording_since__lte=limit)
    # The timer asks again half a minute after a try in vain at the latest: so far ahead it may be due.
    ahead = now + timedelta(seconds=times.retry_slow)
    over = live.filter(_untold("lease_ends_at"), lease_due_at__lte=ahead, lease_ends_at__lte=limit)
    # A leg of which nothing can be recorded yet is not to be paused yet, either.
    joined = live.filter(_untold("pause_due_at"), pause_due_at__lte=limit).exclude(state__in=_RINGING)
    joined = joined.filter(Q(answer_time=None) | Q(answer_time__lte=limit))
    found = {call.pk: _unsure(call) for call in unsure.order_by("recording_since")[:MOST]}
    for call in over.order_by("lease_due_at")[:MOST]:
        ends = call.lease_ends_at or now
        found[call.pk] = _of_account(call, Kind.OUTLIVED, "outlived", ends)
    for call in joined.order_by("pause_due_at")[:MOST]:
        since = max(call.pause_due_at or now, call.answer_time or call.pause_due_at or now)
        cause = f"joined-{call.conversation_id}"
        found.setdefault(call.pk, Trouble(call.tenant_id, Kind.JOINED, cause, since, call, call.account_id))
    of_it = [trouble for trouble in found.values() if tenant_id in {None, trouble.tenant_id}]
    return _since_a_worker_is_there(of_it, limit)


def of_accounts(now: datetime, tenant_id: int | None = None) -> list[Trouble]:
    """Accounts whose calls do not come by themselves, or that refuse us, however short."""
    if not settings.SYNC_SECONDS:
        return []
    syncs = Sync.objects.select_related("account").exclude(trouble="").exclude(trouble=words.CANNOT_LIST)
    if tenant_id is not None:
        syncs = syncs.filter(account__tenant=tenant_id)
    found = []
    for sync in syncs:
        kind, word = (Kind.ACCOUNT, "account") if sync.trouble in words.REFUSES_US else (Kind.UNFED, "unfed")
        account = sync.account
        since = min(sync.heard_at or account.created, now)
        found.append(Trouble(account.tenant_id, kind, f"{word}-{account.pk}", since, account_id=account.pk))
    return found


def is_old(trouble: Trouble, now: datetime) -> bool:
    """It was not put right in time."""
    return now - trouble.since >= timedelta(seconds=times.incident)


def is_right(item: IncidentCall, kind: str, now: datetime) -> bool:
    """Whether what was wrong with a call of an incident is not any more. `item` comes with its call."""
    call = item.call
    if call is None:
        return False
    if kind == Kind.OUTLIVED:
        return call.lease_ends_at is None or call.lease_ends_at > now
    if kind == Kind.JOINED:
        return call.pause_due_at is None or call.recording == Recording.PAUSED
    if call.recording == Recording.PAUSED:
        return True
    if call.recording == Recording.RECORDING and call.acknowledged and call.acknowledged.closed_at:
        return call.acknowledged.closed_at > item.newest_at  # somebody wished otherwise, and it was done
    # There was nothing to pause: it had ended before, or Bandwidth never knew it.
    return call.ended_at is not None and (
        call.hidden_why == Hidden.UNKNOWN or (call.end_time is not None and call.end_time <= item.since)
    )


def _untold(since: str) -> Q:
    """No incident that is open, or that a person closed later, tells of this trouble of the call."""
    still = Q(incident__closed_at=None) | Q(incident__closed_at__gte=OuterRef(since))
    return Q(~Exists(IncidentCall.objects.filter(still, call=OuterRef("pk"), right_at=None)))


def _unsure(call: Call) -> Trouble:
    since = call.recording_since or call.added_at
    if call.contradicted_at:
        return Trouble(
            call.tenant_id, Kind.EVIDENCE, f"evidence-{call.pk}", call.contradicted_at, call, call.account_id
        )
    late = Entry.objects.filter(chain=log.of_tenant(call.tenant_id), call_id=call.call_id, at__gte=since)
    if late.filter(verb="recording.answered_late").exists():
        return Trouble(call.tenant_id, Kind.LATE, f"late-{call.pk}", since, call, call.account_id)
    return _of_account(call, Kind.UNCONFIRMED, "unanswered", since)


def _of_account(call: Call, kind: Kind, word: str, since: datetime) -> Trouble:
    return Trouble(call.tenant_id, kind, f"{word}-{call.account_id}", since, call, call.account_id)


def _since_a_worker_is_there(found: list[Trouble], limit: datetime) -> list[Trouble]:
    """Without those that only waited for a worker, which is told of by itself and has come back just now."""
    if not found:
        return found
    back = Incident.objects.filter(kind=Kind.WORKER, tenant__in={trouble.tenant_id for trouble in found})
    times_of = dict(back.order_by().values_list("tenant").annotate(Max("closed_at")))
    return [one for one in found if (at := times_of.get(one.tenant_id)) is None or at <= limit]

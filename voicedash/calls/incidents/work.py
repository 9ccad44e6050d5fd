"""What a worker does about incidents: opens what was not put right in time, and closes what was.

Any number of workers may do so at once: what is found is looked at again under the tenant's lock, and nothing is
written where nothing is new.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import Error as DatabaseProblem
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from voicedash.audit import log
from voicedash.audit.log import Said
from voicedash.calls.incidents import opening, troubles
from voicedash.calls.incidents.models import OPEN, How, Incident, IncidentCall, Kind
from voicedash.calls.incidents.troubles import Trouble
from voicedash.calls.models import Call
from voicedash.calls.times import times
from voicedash.tenants.board import Stamp, database_time, writing
from voicedash.tenants.models import Tenant

AT_ONCE = 25  # troubles, or calls put right, of one transaction: each a row, and an entry or an incident
BACK = timedelta(minutes=10)  # for so long a call that had ended may turn out to have been put right


@dataclass
class _Plan:
    """What is to be written for a tenant."""

    found: list[Trouble] = field(default_factory=list)
    right: list[IncidentCall] = field(default_factory=list)
    ends: list[tuple[Incident, bool]] = field(default_factory=list)  # True: put right; False: all its calls have ended

    def __bool__(self) -> bool:
        return bool(self.found or self.right or self.ends)


def look() -> None:
    """Brings the incidents of every tenant up to date. Raises DatabaseError."""
    trouble: DatabaseProblem | None = None
    for tenant_id in _plans(database_time()):
        try:
            while _write(tenant_id):
                pass
        except DatabaseProblem as error:  # of one tenant, whose turn comes again
            trouble = error
            connection.close()
    if trouble:
        raise trouble


def _write(tenant_id: int) -> bool:
    """One transaction; True where there is more to do."""
    with writing(tenant_id) as stamp:
        plan = _plans(stamp.now, tenant_id).get(tenant_id)
        if not plan:  # another worker was quicker
            transaction.set_rollback(True)
            return False
        now = {item.pk for item in plan.right[:AT_ONCE]}
        if now:
            IncidentCall.objects.filter(pk__in=now).update(right_at=stamp.now)
        if len(plan.right) > AT_ONCE:  # none ends before all its calls are written
            Incident.objects.filter(items__in=now).update(version=stamp.version)
            return True
        changed = {item.incident_id for item in plan.right}
        Incident.objects.filter(pk__in=changed).update(version=stamp.version)
        if plan.found:
            opening.record(tenant_id, plan.found[:AT_ONCE], stamp)
        _end(tenant_id, plan.ends[:AT_ONCE], stamp)
    return len(plan.found) > AT_ONCE or len(plan.ends) > AT_ONCE


def _end(tenant_id: int, ends: list[tuple[Incident, bool]], stamp: Stamp) -> None:
    said: list[Said] = []
    for incident, right in ends:
        seconds = round((stamp.now - incident.since).total_seconds())
        if right:
            columns = {"closed_at": stamp.now, "how": How.ITSELF}
        else:
            columns = {"over_at": stamp.now}
        Incident.objects.filter(pk=incident.pk).update(version=stamp.version, **columns)
        verb = "incident.put_right" if right else "incident.over"
        said.append(opening.entry(incident, verb, seconds=seconds))
    if said:
        log.append_all(log.of_tenant(tenant_id), said, at=stamp.now)


def _plans(now: datetime, tenant_id: int | None = None) -> dict[int, _Plan]:
    """What there is to write, by tenant; of one tenant or of all."""
    plans: dict[int, _Plan] = defaultdict(_Plan)
    accounts = troubles.of_accounts(now, tenant_id)
    open_ = Incident.objects.filter(OPEN).filter(Q(over_at=None) | Q(over_at__gt=now - BACK))
    if tenant_id is not None:
        open_ = open_.filter(tenant=tenant_id)
    incidents = sorted(open_.order_by(), key=lambda one: one.pk)
    live = {(one.tenant_id, one.cause) for one in incidents if one.over_at is None}
    new = [one for one in accounts if (one.tenant_id, one.cause) not in live and troubles.is_old(one, now)]
    for trouble in [*_untold(new), *troubles.of_calls(now, tenant_id)]:
        plans[trouble.tenant_id].found.append(trouble)
    standing = {(one.tenant_id, one.cause) for one in accounts}
    standing |= {(one.tenant_id, one.cause) for plan in plans.values() for one in plan.found}
    wrong: dict[int, list[IncidentCall]] = defaultdict(list)
    of_them: QuerySet[IncidentCall] = IncidentCall.objects.select_related("call__acknowledged").order_by("pk")
    for item in of_them.filter(incident__in=[one.pk for one in incidents], right_at=None) if incidents else ():
        wrong[item.incident_id].append(item)
    for incident in incidents:
        plan, items = plans[incident.tenant_id], wrong[incident.pk]
        right = [item for item in items if troubles.is_right(item, incident.kind, now)]
        plan.right += right
        if (incident.tenant_id, incident.cause) in standing:
            continue
        if len(right) == len(items):
            plan.ends.append((incident, True))
        elif incident.over_at is None and all(_has_ended(item.call) for item in items if item not in right):
            plan.ends.append((incident, False))
    return {tenant: plan for tenant, plan in plans.items() if plan}


def _has_ended(call: Call | None) -> bool:
    return call is None or call.ended_at is not None


def _untold(found: list[Trouble]) -> list[Trouble]:
    """Of the troubles of accounts those that began after a person closed the last incident of their cause."""
    if not found:
        return found
    told = Incident.objects.filter(tenant__in={one.tenant_id for one in found}, cause__in={one.cause for one in found})
    closed = dict[tuple[int, str], datetime]()
    for incident in told.filter(how=How.PERSON).order_by("closed_at"):
        if incident.closed_at:
            closed[incident.tenant_id, incident.cause] = incident.closed_at
    return [one for one in found if (at := closed.get((one.tenant_id, one.cause))) is None or one.since > at]


@dataclass(frozen=True)
class Gap:
    """A time without any worker, and the live calls whose pauses ended in it and that nobody has resumed."""

    since: datetime
    calls: list[Call]


def gap(newest: datetime | None, now: datetime) -> Gap | None:
    """Whether no worker was there until `now`, as `newest` is when one was heard of last; with what came of it.

    To be asked before the first thing is done about it. Raises DatabaseError.
    """
    limit = now - timedelta(seconds=times.incident)
    if newest is None or newest > limit:
        return None
    over = Call.objects.filter(ended_at=None, lease_due_at__lte=now, lease_ends_at__lte=limit)
    return Gap(newest, list(over.order_by("lease_due_at")[: troubles.MOST]))


def tell_gap(found: Gap) -> None:
    """Writes for every tenant that no worker was there, opened and closed: of two workers that come back one does.

    To be done before the first sign of life, so that who is killed in between leaves it to the next. Raises
    DatabaseError.
    """
    for tenant_id in Tenant.objects.order_by("pk").values_list("pk", flat=True):
        calls = [call for call in found.calls if call.tenant_id == tenant_id]
        while _told(tenant_id, found.since, calls):
            del calls[:AT_ONCE]


def _told(tenant_id: int, since: datetime, calls: list[Call]) -> bool:
    """Writes the first of the calls of a gap; True where there are more. With the last of them it is closed."""
    with writing(tenant_id) as stamp:
        known = Incident.objects.filter(tenant=tenant_id, cause="worker", since=since)
        if known.exclude(OPEN).exists():  # another worker was quicker
            transaction.set_rollback(True)
            return False
        some: list[Call | None] = [*calls[:AT_ONCE]]
        opening.record(
            tenant_id, [Trouble(tenant_id, Kind.WORKER, "worker", since, one) for one in some or [None]], stamp
        )
        incident = known.get()
        # That they are not resumed yet is told of anew, should they stay so from now on.
        IncidentCall.objects.filter(incident=incident, right_at=None).update(right_at=stamp.now)
        if len(calls) <= AT_ONCE:
            _end(tenant_id, [(incident, True)], stamp)
    return len(calls) > AT_ONCE

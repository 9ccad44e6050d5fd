"""Opens incidents, and puts calls into those that are open. Called inside a transaction that holds the tenant's lock.

A press that goes well comes by here without a statement.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from voicedash.audit import log
from voicedash.audit.log import Said
from voicedash.calls.incidents import troubles
from voicedash.calls.incidents.models import LIVE, Incident, IncidentCall
from voicedash.calls.incidents.troubles import Trouble
from voicedash.calls.models import Call, Command, Outcome, Recording, Wanted
from voicedash.tenants.board import Stamp


def after(call: Call, command: Command, stamp: Stamp) -> None:
    """A command was closed: where it was a person's pause, and the call is not paused by now, that is an incident.

    Not where the call is over, and not where voicedash goes on asking for it by itself, as of a leg that rings.
    """
    if command.wanted != Wanted.PAUSED or command.source != Command.Source.PERSON:
        return
    if command.outcome in {"", Outcome.ACKNOWLEDGED} or call.recording == Recording.PAUSED or call.ended_at:
        return
    if command.outcome == Outcome.UNKNOWN_CALL and call.pause_due_at:
        return
    _open_for(call, troubles.of_pause(call, command.outcome, stamp.now), stamp)


def lapsed(call: Call, since: datetime, stamp: Stamp) -> None:
    """A doubt ran out against what `call` showed, at `since`: until now was the time to put that right."""
    _open_for(call, troubles.of_pause(call, Outcome.UNCONFIRMED, since), stamp)


def _open_for(call: Call, trouble: Trouble, stamp: Stamp) -> None:
    told = IncidentCall.objects.filter(call=call.pk, right_at=None, incident__closed_at=None, incident__over_at=None)
    if not told.update(newest_at=stamp.now, why=trouble.why):
        record(call.tenant_id, [trouble], stamp)


def record(tenant_id: int, found: Iterable[Trouble], stamp: Stamp) -> None:
    """Writes the troubles of a tenant: each cause into the one live incident of it, which is new where there is none.

    None of the calls is in an open incident already.
    """
    by_cause: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in found:
        by_cause[trouble.cause].append(trouble)
    live = {one.cause: one for one in Incident.objects.filter(LIVE, tenant=tenant_id, cause__in=list(by_cause))}
    said: list[Said] = []
    items: list[IncidentCall] = []
    for cause, alike in by_cause.items():
        incident = live.get(cause)
        opened = incident is None
        if incident is None:
            incident = _new(alike, stamp)
        else:
            Incident.objects.filter(pk=incident.pk).update(version=stamp.version)
        calls = [trouble for trouble in alike if trouble.call]
        items += [_item(incident, trouble, trouble.call) for trouble in calls if trouble.call]
        said += [entry(incident, "incident.joined", trouble.call) for trouble in (calls[1:] if opened else calls)]
        if opened:
            first = calls[0].call if calls else None
            said.append(entry(incident, "incident.opened", first, since=incident.since.isoformat()))
    IncidentCall.objects.bulk_create(items)
    log.append_all(log.of_tenant(tenant_id), sorted(said, key=lambda one: one.verb != "incident.opened"), at=stamp.now)


def entry(incident: Incident, verb: str, call: Call | None = None, by: int | None = None, **more: Any) -> Said:
    """An entry about an incident. What a person wrote about it stays with the incident: an entry cannot be erased."""
    data: dict[str, Any] = {"incident": incident.pk, "kind": str(incident.kind), "cause": incident.cause}
    if incident.account_id:
        data["account"] = incident.account_id
    return Said(verb, by, call.call_id if call else "", data | more)


def _new(alike: list[Trouble], stamp: Stamp) -> Incident:
    first = min(alike, key=lambda trouble: trouble.since)
    return Incident.objects.create(
        tenant_id=first.tenant_id,
        kind=first.kind,
        cause=first.cause,
        account_id=first.account_id,
        since=first.since,
        opened_at=stamp.now,
        version=stamp.version,
    )


def _item(incident: Incident, trouble: Trouble, call: Call) -> IncidentCall:
    since = trouble.since
    return IncidentCall(
        incident=incident, call=call, known_as=call.call_id, why=trouble.why, since=since, newest_at=since
    )

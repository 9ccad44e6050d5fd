"""Has every failure that was not put right its incident, and no other? By commands and calls, not by its own rules."""

import time
from datetime import timedelta

from benchmarks import stage  # noqa: F401 (it sets Django up, before anything of ours is read)
from voicedash.calls.incidents import troubles, work
from voicedash.calls.incidents.models import OPEN, Incident, IncidentCall
from voicedash.calls.models import Call, Command, Outcome, Recording, Wanted
from voicedash.tenants.board import database_time

PATIENCE = 40.0  # seconds in which a worker surely sees what is not put right within 30


def unfit_incidents(*, workers: bool, seconds: float = 10.0) -> list[str]:
    """What is missing and what should not be there, as soon as nothing is, or after so many `seconds`.

    Without `workers` what they would do is done here.
    """
    deadline = time.monotonic() + seconds
    while True:
        if not workers:
            work.look()
        wrong = [*_missing(), *_needless()]
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(0.2)


def _missing() -> list[str]:
    told = set(IncidentCall.objects.filter(right_at=None, incident__closed_at=None).values_list("call", flat=True))
    now = database_time()
    found = []
    for call in Call.objects.filter(ended_at=None).exclude(recording=Recording.PAUSED).exclude(pk__in=told - {None}):
        asked = Command.objects.filter(call=call).exclude(source=Command.Source.REASSERT)
        pauses = asked.filter(wanted=Wanted.PAUSED, source=Command.Source.PERSON, state=Command.State.CLOSED)
        newest = pauses.order_by("-closed_at").first()
        unsure = call.recording == Recording.UNCONFIRMED and call.recording_since is not None
        if unsure and call.recording_since and now - call.recording_since > timedelta(seconds=PATIENCE):
            found.append(f"call {call.pk} is not confirmed since {call.recording_since}, and no incident tells of it")
        elif newest and newest.outcome != Outcome.ACKNOWLEDGED and not unsure:
            done = asked.filter(outcome=Outcome.ACKNOWLEDGED, closed_at__gt=newest.closed_at)
            if not done.exists():
                found.append(f"call {call.pk}: its pause {newest.pk} was {newest.outcome}, and no incident tells of it")
    return found


def _needless() -> list[str]:
    now = database_time()
    return [
        f"incident {incident.pk} ({incident.cause}) is open, though all its calls were put right"
        for incident in Incident.objects.filter(OPEN)
        if (items := list(incident.items.filter(right_at=None).select_related("call__acknowledged")))
        and all(troubles.is_right(item, incident.kind, now) for item in items)
    ]

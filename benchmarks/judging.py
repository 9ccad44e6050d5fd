"""Had every failure that was not put right its incident, and is no other open? By commands, not by their own rules."""

import time
from datetime import timedelta

from django.db.models import Q

from benchmarks import stage  # noqa: F401 (it sets Django up, before anything of ours is read)
from voicedash.calls.incidents import troubles, work
from voicedash.calls.incidents.models import OPEN, Incident, IncidentCall
from voicedash.calls.models import Bulk, Call, Command, Outcome, Recording, Wanted
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
    """Of all pauses of people that failed on a call that was not paused, those at whose moment no incident told of it;
    and the calls that are not confirmed for long."""
    asked = Command.objects.exclude(source=Command.Source.REASSERT)
    pauses = asked.filter(wanted=Wanted.PAUSED, source=Command.Source.PERSON, state=Command.State.CLOSED)
    found = []
    for pause in pauses.exclude(outcome=Outcome.ACKNOWLEDGED).select_related("call"):
        done = asked.filter(call=pause.call_id, outcome=Outcome.ACKNOWLEDGED, closed_at__lt=pause.closed_at)
        before = done.order_by("-closed_at").first()
        if before and before.wanted == Wanted.PAUSED:
            continue  # it may have been paused all the same
        if _is_asked_again(pause):
            continue
        until = Q(right_at=None) | Q(right_at__gte=pause.closed_at)
        if not IncidentCall.objects.filter(until, call=pause.call_id, since__lte=pause.closed_at).exists():
            found.append(f"call {pause.call_id}: its pause {pause.pk} was {pause.outcome}, and no incident told of it")
    unsure = Call.objects.filter(
        ended_at=None,
        recording=Recording.UNCONFIRMED,
        recording_since__lt=database_time() - timedelta(seconds=PATIENCE),
    )
    told = IncidentCall.objects.filter(right_at=None, incident__closed_at=None).values("call")
    return found + [
        f"call {call.pk} is not confirmed for long, and no incident tells of it" for call in unsure.exclude(pk__in=told)
    ]


def _is_asked_again(pause: Command) -> bool:
    """Whether a pause of everyone sent it too often for Bandwidth, and asked once more: that is no failure yet."""
    last = pause.attempts.order_by("-number").first()
    if pause.outcome != Outcome.REFUSED or last is None or last.result != "rate_limited":
        return False
    within = Q(finished_at=None) | Q(finished_at__gte=pause.closed_at)
    return Bulk.objects.filter(within, wanted=Wanted.PAUSED, by=pause.by_id, asked_at__lte=pause.asked_at).exists()


def _needless() -> list[str]:
    now = database_time()
    return [
        f"incident {incident.pk} ({incident.cause}) is open, though all its calls were put right"
        for incident in Incident.objects.filter(OPEN)
        if (items := list(incident.items.filter(right_at=None).select_related("call__acknowledged")))
        and all(troubles.is_right(item, incident.kind, now) for item in items)
    ]

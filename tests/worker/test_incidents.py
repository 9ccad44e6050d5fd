"""Incidents are the workers' to open and to close: with two at once, and with all of them killed in between, once each."""

from collections import Counter
from datetime import timedelta

from django.db.models.functions import Now

from tests.calls.doubting import until
from voicedash.audit.models import Entry
from voicedash.calls import recording
from voicedash.calls.incidents.models import Incident
from voicedash.calls.models import Call
from voicedash.tenants.models import Worker

SCALE = 0.1


def test_workers_that_are_killed_lose_none_and_write_none_twice(cast, bandwidth, live_call, worker):
    call, _ = live_call(cast.acme_account)
    Call.objects.update(recording="unconfirmed", recording_since=Now() - timedelta(seconds=60))
    both = worker(SCALE), worker(SCALE)
    until(lambda: Incident.objects.filter(kind="unconfirmed").exists())
    for one in both:
        one.kill()
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    Worker.objects.update(seen_at=Now() - timedelta(seconds=40))
    worker(SCALE), worker(SCALE)
    until(lambda: Incident.objects.filter(closed_at__isnull=False).count() == 3)
    assert Counter(Incident.objects.values_list("tenant__slug", "kind", "how")) == {
        ("acme", "unconfirmed", "itself"): 1,
        ("acme", "worker", "itself"): 1,
        ("globex", "worker", "itself"): 1,
    }
    assert Counter(Entry.objects.filter(verb__startswith="incident.").values_list("chain", "verb")) == {
        (f"tenant-{cast.acme.pk}", "incident.opened"): 2,
        (f"tenant-{cast.acme.pk}", "incident.put_right"): 2,
        (f"tenant-{cast.globex.pk}", "incident.opened"): 1,
        (f"tenant-{cast.globex.pk}", "incident.put_right"): 1,
    }

"""What tests of incidents look at: those that are open, what the log says of them, and that nothing is written."""

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from voicedash.audit import sentences
from voicedash.audit.models import Entry
from voicedash.audit.reading import Shown
from voicedash.calls.incidents import work
from voicedash.calls.incidents.models import Incident
from voicedash.tenants import names
from voicedash.tenants.models import Board


def ago(seconds: float) -> Any:
    return Now() - timedelta(seconds=seconds)


def open_ones() -> list[tuple[str, str, int]]:
    return [(one.kind, one.cause, one.items.count()) for one in Incident.objects.filter(closed_at=None).order_by("pk")]


def told() -> list[str]:
    """What the log says of incidents, the newest last."""
    entries = Entry.objects.filter(verb__startswith="incident.").order_by("pk")
    shown = [Shown(entry) for entry in entries]
    known = names.of(Incident.objects.latest("pk").tenant_id, sentences.mentioned(shown))
    lines = [sentences.line(one, known) for one in shown]
    return [" ".join(part for part in (line.who, line.did, line.call_id, line.came) if part) for line in lines]


def put_back(seconds: int) -> None:
    """The open incidents are so many seconds older."""
    for one in Incident.objects.filter(closed_at=None):
        Incident.objects.filter(pk=one.pk).update(since=one.since - timedelta(seconds=seconds))


def version() -> int:
    return Board.objects.values_list("version", flat=True).get(tenant__slug="acme")


def nothing_happens() -> None:
    before = (version(), Entry.objects.count(), Incident.objects.count())
    work.look()
    assert (version(), Entry.objects.count(), Incident.objects.count()) == before

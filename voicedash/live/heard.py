"""Remembers when which kind of callback came last, for an admin who sets them up; written every few seconds at most."""

import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from voicedash.live.models import Heard
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Tenant

# What comes beside Bandwidth's own kinds.
UNKNOWN, UNREADABLE, REFUSED = "other", "unreadable", "refused"

Seen = dict[tuple[int, str], tuple[int, float]]  # by tenant and kind: how many, and when (monotonic) the last


class Ears:
    """What came since it was written last. Touched on the event loop only."""

    def __init__(self) -> None:
        self._seen: Seen = {}

    def note(self, tenant_id: int, kind: str) -> None:
        count, _ = self._seen.get((tenant_id, kind), (0, 0.0))
        self._seen[tenant_id, kind] = count + 1, time.monotonic()

    def take(self) -> Seen:
        """What is to be written now."""
        seen, self._seen = self._seen, {}
        return seen

    def give_back(self, seen: Seen) -> None:
        """What could not be written."""
        for key, (count, at) in seen.items():
            more, newer = self._seen.get(key, (0, at))
            self._seen[key] = count + more, newer


def write(seen: Seen) -> None:
    """Writes it; asks nothing where nothing came. Raises DatabaseError."""
    if not seen:
        return
    clock, now = time.monotonic(), database_time()
    there = set(Tenant.objects.filter(pk__in={tenant_id for tenant_id, _ in seen}).values_list("pk", flat=True))
    with transaction.atomic(durable=True):
        for (tenant_id, kind), (count, at) in sorted(seen.items()):  # in one order: no two processes deadlock
            if tenant_id in there:
                _write(tenant_id, kind, count, now - timedelta(seconds=clock - at))


def _write(tenant_id: int, kind: str, count: int, at: datetime) -> None:
    rows = Heard.objects.filter(tenant=tenant_id, kind=kind)
    if not rows.exists():
        Heard.objects.bulk_create([Heard(tenant_id=tenant_id, kind=kind, last_at=at)], ignore_conflicts=True)
    rows.update(count=F("count") + count, last_at=at)

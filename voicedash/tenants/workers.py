"""The heartbeats of the workers: who does what is due, and when it was heard of last, by the database's clock.

One row a process, of no tenant: writing it takes no tenant's lock.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections
from django.db.models.functions import Now

from voicedash.tenants.board import aware
from voicedash.tenants.models import Worker

SILENT = timedelta(seconds=15)  # one that was not heard of for so long is not at work: it beats every 2 s
KEPT = timedelta(days=1)  # for how long a worker that is silent is remembered


def beat(worker_id: UUID, name: str) -> None:
    """A sign of life of a worker; its first makes it known. Raises DatabaseError."""
    if Worker.objects.filter(pk=worker_id).update(seen_at=Now()):
        return
    # New, or suspended for so long that it was forgotten.
    Worker.objects.bulk_create(
        [Worker(id=worker_id, name=name[:100], started_at=Now(), seen_at=Now())], ignore_conflicts=True
    )
    forget()


def newest(alias: str = "default") -> datetime | None:
    """When any worker was heard of last; None where none was for days."""
    with connections[alias].cursor() as cursor:  # by hand: every change of a board asks for it
        cursor.execute("SELECT MAX(seen_at) FROM tenants_worker")
        newest = cursor.fetchone()[0]
    return aware(newest) if newest else None


def are_at_work(newest: datetime | None, now: datetime) -> bool:
    """Whether any worker is, `now` being the database's time and `newest` when one was heard of last."""
    return newest is not None and now - newest < SILENT


def any_at_work() -> bool:
    """Whether any worker is, now. Raises DatabaseError."""
    return Worker.objects.filter(seen_at__gt=Now() - SILENT).exists()


def forget() -> None:
    """Removes the rows of workers that have been silent for a day. Raises DatabaseError."""
    Worker.objects.filter(seen_at__lt=Now() - KEPT).delete()

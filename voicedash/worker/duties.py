"""Work that one worker at a time does: taken under a lease, written under a fence, all by the database's clock.

A holder that is killed loses its lease to the next; one that was suspended finds its fence old when it wakes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from voicedash.calls.times import times
from voicedash.tenants.board import Stamp, writing
from voicedash.worker.models import Duty

_IS_FREE = Q(lease_until=None) | Q(lease_until__lte=Now())


class Lost(Exception):
    """Somebody else holds the duty now, or the lease is over: nothing more may be written."""


@dataclass(frozen=True)
class Held:
    """A duty in somebody's hands; `fence` is higher than that of any holder before."""

    name: str
    fence: int


def make_known(*names: str) -> None:
    """Sees to it that duties exist; a new one is due at once. Raises DatabaseError."""
    known = set(Duty.objects.filter(name__in=names).values_list("name", flat=True))
    if new := set(names) - known:
        Duty.objects.bulk_create([Duty(name=name, due_at=Now()) for name in new], ignore_conflicts=True)


def forget(held: Held) -> None:
    """There is nothing left to do for it, ever. Raises DatabaseError."""
    _of(held).delete()


def is_due(name: str) -> bool:
    """Whether there is something to take. A look, without any lock. Raises DatabaseError."""
    return _free(name).exists()


def due(prefix: str) -> list[str]:
    """The names, of those that begin so, of what could be taken now. A look, without any lock. Raises DatabaseError."""
    free = Duty.objects.filter(_IS_FREE, name__startswith=prefix, due_at__lte=Now()).order_by("due_at")
    return list(free.values_list("name", flat=True))


def take(name: str, worker: UUID) -> Held | None:
    """The duty where it is due and free; None where it is not, or another was quicker. Raises DatabaseError."""
    with transaction.atomic(durable=True):
        taken = _free(name).update(holder=worker, fence=F("fence") + 1, lease_until=_lease())
        return Held(name, Duty.objects.values_list("fence", flat=True).get(pk=name)) if taken else None


@contextmanager
def writing_for(held: Held, tenant_id: int) -> Iterator[Stamp]:
    """A short transaction on a tenant's rows, under its lock, that is undone unless the duty is still held.

    The lease is renewed by it: whoever takes the duty waits for its commit, or it sees the new fence and does nothing.
    Raises Lost, DatabaseError.
    """
    with writing(tenant_id) as stamp:
        renew(held)
        yield stamp


@contextmanager
def keeping(held: Held) -> Iterator[None]:
    """The same for what is no tenant's row on a board, and takes no tenant's lock."""
    with transaction.atomic(durable=True):
        renew(held)
        yield


def renew(held: Held) -> None:
    """Holds the duty for as long as if it was taken now. Raises Lost, DatabaseError."""
    if _of(held).filter(lease_until__gt=Now()).update(lease_until=_lease()) != 1:
        raise Lost(held.name)


def give_back(held: Held, *, due_in: float) -> None:
    """Frees a duty, to be taken again in so many seconds; nothing where it was lost. Raises DatabaseError."""
    _of(held).update(lease_until=None, due_at=Now() + timedelta(seconds=due_in))


def _free(name: str) -> QuerySet[Duty]:
    return Duty.objects.filter(_IS_FREE, pk=name, due_at__lte=Now())


def _of(held: Held) -> QuerySet[Duty]:
    return Duty.objects.filter(pk=held.name, fence=held.fence)


def _lease() -> Any:
    return Now() + timedelta(seconds=times.duty)

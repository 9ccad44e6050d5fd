"""Erases what was kept for its days: a tenant's ended calls, numbers and names of those that stay. Never a live call.

The log keeps its entries, which hold no number. Every batch is a short transaction of its own, so nobody waits for it.
"""

import threading
from datetime import datetime, timedelta

from django.db.models import Max, QuerySet

from voicedash.audit import log
from voicedash.calls import due, legs, naming
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.board import Stamp, database_time, take_away
from voicedash.tenants.models import Tenant
from voicedash.worker import duties
from voicedash.worker.duties import Held

AT_ONCE = 100  # rows in a transaction
PAUSE = 0.05  # seconds between two: the tenant's lock is somebody's who presses


def prune(held: Held, stop: threading.Event) -> bool:
    """Prunes every tenant; False where it was told to `stop` before the end.

    Raises duties.Lost as soon as another holds the duty, DatabaseError.
    """
    for tenant in Tenant.objects.order_by("pk"):
        while not stop.is_set() and _delete_some(tenant, held):
            stop.wait(PAUSE)
        while not stop.is_set() and _erase_some(tenant, held):
            stop.wait(PAUSE)
    return not stop.is_set()


def _delete_some(tenant: Tenant, held: Held) -> bool:
    """Deletes a batch of old calls, what belongs to them first; False where nothing is left of them."""
    pks = list(_old(tenant, database_time()).order_by("ended_at").values_list("pk", flat=True)[:AT_ONCE])
    if not pks:
        return False
    with duties.writing_for(held, tenant.pk) as stamp:
        calls = _old(tenant, stamp.now).filter(pk__in=pks)  # one may have come back to life since
        attempts = Attempt.objects.filter(command__call__in=calls).order_by("pk").values_list("pk", flat=True)
        if some := list(attempts[:AT_ONCE]):
            Attempt.objects.filter(pk__in=some).delete()
            return True
        # Their calls may point at them twice, and are written then, too.
        commands = Command.objects.filter(call__in=calls).order_by("pk").values_list("pk", flat=True)
        if some := list(commands[: AT_ONCE // 3]):
            Command.objects.filter(pk__in=some).delete()
            return True
        newest = calls.aggregate(newest=Max("version"))["newest"]
        if newest is not None:
            take_away(tenant.pk, newest)
            _tell(tenant, "calls.deleted", stamp, calls.delete()[0])
            legs.forget_empty(tenant.pk)
    return True


def _erase_some(tenant: Tenant, held: Held) -> bool:
    """Erases the numbers and names of a batch of ended calls; False where none is left."""
    if not _with_old_numbers(tenant, database_time()).exists():
        return False
    with duties.writing_for(held, tenant.pk) as stamp:
        pks = list(_with_old_numbers(tenant, stamp.now).order_by("ended_at").values_list("pk", flat=True)[:AT_ONCE])
        # No version: these rows have left every board long ago.
        erased = {"from_address": "", "to_address": "", "numbers_erased_at": stamp.now} | naming.ERASED
        Call.objects.filter(pk__in=pks).update(**erased)
        _tell(tenant, "calls.numbers_erased", stamp, len(pks))
    return True


def _old(tenant: Tenant, now: datetime) -> QuerySet[Call]:
    """Ended calls whose days are over, and about which nobody is asking."""
    ended = Call.objects.filter(tenant=tenant, ended_at__lt=now - timedelta(days=tenant.keep_calls_days))
    return ended.exclude(commands__in=Command.objects.filter(due.OPEN))


def _with_old_numbers(tenant: Tenant, now: datetime) -> QuerySet[Call]:
    before = now - timedelta(days=tenant.keep_numbers_days)
    return Call.objects.filter(tenant=tenant, ended_at__lt=before, numbers_erased_at=None)


def _tell(tenant: Tenant, verb: str, stamp: Stamp, calls: int) -> None:
    if calls:
        log.append(log.of_tenant(tenant.pk), verb, at=stamp.now, data={"calls": calls})

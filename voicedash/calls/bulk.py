"""Everyone at once: pauses or resumes a list of calls, as many at a time as can be sent, until each has its outcome.

The list is stored, and worked at once by a thread of the process in which it was pressed. Whoever works it gives a sign
of life; where that stops, a worker goes on with what nobody has asked for yet (`left`). Every call is asked for under a
claim of its own, by the rules of a single press (docs/truth.md, 12).
"""

import logging
import threading
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import connections, transaction
from django.db.models import Q
from django.db.models.functions import Now

from voicedash.calls import bulk_lists, bulk_work, progress
from voicedash.calls.ends import Terms
from voicedash.calls.models import Bulk, Wanted
from voicedash.calls.times import times
from voicedash.tenants import reasons
from voicedash.tenants.board import writing
from voicedash.tenants.models import Reason, Tenant, User

logger = logging.getLogger(__name__)


def begin(
    *,
    tenant: Tenant,
    wanted: Wanted,
    by: User | None,
    calls: list[int],
    team: str = "",
    reason: Reason | None = None,
    seen: int = 0,
    of: Bulk | None = None,
) -> Bulk | None:
    """Stores that `calls` (keys) are to be paused or resumed, and starts; None where none of them is live any more.

    `team`: whose they are, for people to read; "" is the whole floor. `reason` None takes the tenant's usual one.
    `seen`: the board's version that was looked at: a call paused since then is not resumed. `of`: the bulk whose failed
    calls these are. Raises DatabaseError where it cannot be written; nothing was asked then.
    """
    if of is not None:
        terms = Terms(of.reason_name, of.lease, of.prolong, of.note_wanted)
        reason = of.reason
    else:
        if wanted == Wanted.PAUSED:
            reason = reason or reasons.usual(tenant.pk)
        terms = Terms.of(reason)
    if not calls:
        return None
    holder = uuid4()
    with writing(tenant.pk) as stamp:
        bulk = Bulk(tenant=tenant, wanted=wanted, by=by, reason=reason, team=team, seen=seen, of=of)
        bulk.asked_at = bulk.begun_at = bulk.heard_at = stamp.now
        bulk.holder = holder
        for name, value in terms.columns("").items():
            setattr(bulk, name, value)
        bulk.save(force_insert=True)
        number = bulk_lists.add(bulk, calls) + len(bulk.listed)
        if not number:
            transaction.set_rollback(True)
            return None
        if bulk.listed:
            Bulk.objects.filter(pk=bulk.pk).update(listed=bulk.listed)
        bulk_work.tell(bulk, "bulk.asked", stamp.now, calls=number)
    threading.Thread(target=_in_thread, args=(bulk.pk, holder), name="bulk", daemon=True).start()
    return bulk


def repeat(bulk: Bulk, *, by: User | None) -> Bulk | None:
    """Asks anew for the calls of `bulk` that failed, and that nobody has put right since; None where there is none."""
    failed = progress.failed(bulk)
    wanted = Wanted(bulk.wanted)
    return begin(tenant=bulk.tenant, wanted=wanted, by=by, calls=failed, team=bulk.team, seen=bulk.seen, of=bulk)


def left() -> list[int]:
    """The bulks that nobody works any more. A look along an index, without any lock. Raises DatabaseError."""
    silent = Bulk.objects.filter(finished_at=None, heard_at__lt=Now() - timedelta(seconds=times.bulk_silent))
    return list(silent.order_by("heard_at").values_list("pk", flat=True)[:20])


def take_over(bulk_pk: int, stop: threading.Event) -> None:
    """Works a bulk that was left, unless another was quicker. Blocks until it is done, or `stop` is set."""
    holder = uuid4()
    silent = Q(heard_at__lt=Now() - timedelta(seconds=times.bulk_silent))
    if Bulk.objects.filter(silent, pk=bulk_pk, finished_at=None).update(holder=holder, heard_at=Now()):
        logger.info("bulk %s: goes on here", bulk_pk)
        bulk_work.Work(bulk_pk, holder, stop).run()


def _in_thread(bulk_pk: int, holder: UUID) -> None:
    try:
        bulk_work.Work(bulk_pk, holder, threading.Event()).run()
    except Exception:
        logger.exception("bulk %s: it stopped; a worker goes on with it", bulk_pk)
    finally:
        connections.close_all()

"""The list of a press on everyone: stored whole with the press, and made into items in short transactions.

So a process that dies over a long list leaves one that whoever goes on with it makes whole, not half of one.
"""

import logging
import threading
from uuid import UUID

from django.db import Error as DatabaseProblem
from django.db import connection, transaction

from voicedash.calls.models import Bulk, BulkItem, Call
from voicedash.calls.times import times
from voicedash.tenants.board import writing

logger = logging.getLogger(__name__)

CHUNK = 90  # items written in one transaction


def add(bulk: Bulk, pks: list[int]) -> int:
    """Makes items of those of the first `CHUNK` calls that are live, and keeps the rest for later; gives how many.

    Called in a transaction that holds the tenant's lock.
    """
    live = Call.objects.filter(tenant=bulk.tenant_id, pk__in=pks[:CHUNK], ended_at=None).order_by("place", "pk")
    made = BulkItem.objects.bulk_create(BulkItem(bulk=bulk, call_id=pk) for pk in live.values_list("pk", flat=True))
    bulk.listed = pks[CHUNK:]
    return len(made)


def complete(bulk: Bulk, holder: UUID, stop: threading.Event) -> bool:
    """Makes items of all that is still only listed; False where another holds the bulk by now, or `stop` was set.

    Where the database cannot be written it waits until it can.
    """
    while bulk.listed and not stop.is_set():
        try:
            with writing(bulk.tenant_id) as stamp:
                mine = Bulk.objects.filter(pk=bulk.pk, holder=holder, finished_at=None)
                listed = mine.values_list("listed", flat=True).first()
                if listed is None:
                    transaction.set_rollback(True)
                    return False
                add(bulk, listed)
                mine.update(listed=bulk.listed, heard_at=stamp.now)
        except DatabaseProblem:
            logger.exception("bulk %s: its list waits until it can be written", bulk.pk)
            connection.close()
            stop.wait(times.settle)
    return not bulk.listed

"""*Fetch calls*: a person asks Bandwidth for the live calls now, and everyone sees how it goes."""

import logging
import threading
from datetime import timedelta

from django.db import connections, transaction
from django.db.models import Q
from django.db.models.functions import Now

from voicedash.bandwidth.errors import BandwidthError
from voicedash.calls import forbidden, tracking, words
from voicedash.calls.following import SILENT
from voicedash.calls.models import Fetch
from voicedash.calls.times import times
from voicedash.tenants import accounts, sealing
from voicedash.tenants.board import writing
from voicedash.tenants.models import BandwidthAccount, Tenant, User

logger = logging.getLogger(__name__)


def start(tenant: Tenant, *, by: User | None) -> int:
    """Starts a fetch of each of the tenant's accounts that has none running; gives how many."""
    fetches = [fetch for account in tenant.accounts.all() if (fetch := _begin(account, by)) is not None]
    for fetch in fetches:
        # One thread an account, and none that a server which stops would wait for: what it left can be begun anew.
        threading.Thread(target=_in_thread, args=(fetch,), name="fetch", daemon=True).start()
    return len(fetches)


def run(fetch: Fetch) -> None:
    """Lists the account's calls of the last 12 hours, every page, and takes them in."""
    account = fetch.account
    try:
        client = accounts.client_for(account)
    except sealing.Unopenable:
        logger.exception("account %s: its secret cannot be opened", account.pk)
        fetch.error = words.SEALED
        _note(fetch, finished=True)
        return
    try:
        for page in client.pages(since=fetch.started_at - timedelta(seconds=times.past)):
            learned = tracking.learn(account, page, heard=page.date)
            fetch.pages += 1
            fetch.read += len(page)
            fetch.live += sum(not state.ended for state in page)
            fetch.added += learned.added
            fetch.ended += learned.ended
            _note(fetch)
    except BandwidthError as error:
        logger.warning("account %s: its calls could not be listed: %s", account.pk, error)
        fetch.error = forbidden.told(error, client, account) or words.fetch_failed(error)
    except Exception:
        logger.exception("account %s: a fetch failed", account.pk)
        fetch.error = words.FETCH_BROKE
    _note(fetch, finished=True)


def with_dead() -> list[int]:
    """The tenants with a fetch that died: it said nothing for so long, and nobody has told their boards yet."""
    silent = Fetch.objects.filter(finished_at=None, heard_at__lt=Now() - SILENT)
    return list(silent.order_by().values_list("account__tenant", flat=True).distinct())


def end_dead(tenant_id: int) -> None:
    """Ends a tenant's fetches that died, which is a change: every open board is told. Raises DatabaseError.

    One that was only slow tells how far it is all the same, and that it goes on by it.
    """
    with writing(tenant_id) as stamp:
        dead = Fetch.objects.filter(account__tenant=tenant_id, finished_at=None, heard_at__lt=stamp.now - SILENT)
        if not dead.update(finished_at=stamp.now, error=words.FETCH_DIED):
            transaction.set_rollback(True)


def _in_thread(fetch: Fetch) -> None:
    try:
        run(fetch)
    except Exception:
        logger.exception("fetch of account %s: its end could not be written", fetch.account.pk)
    finally:
        connections.close_all()


def _begin(account: BandwidthAccount, by: User | None) -> Fetch | None:
    """The account's fetch, begun anew; None while one is running and has been heard of lately."""
    with writing(account.tenant_id) as stamp:
        Fetch.objects.bulk_create(
            [Fetch(account=account, started_at=stamp.now, heard_at=stamp.now, finished_at=stamp.now)],
            ignore_conflicts=True,
        )
        free = Fetch.objects.filter(Q(finished_at__isnull=False) | Q(heard_at__lt=stamp.now - SILENT), account=account)
        begun = free.update(
            by=by,
            started_at=stamp.now,
            heard_at=stamp.now,
            finished_at=None,
            pages=0,
            read=0,
            live=0,
            added=0,
            ended=0,
            error="",
        )
        return Fetch.objects.select_related("account").get(account=account) if begun else None


def _note(fetch: Fetch, *, finished: bool = False) -> None:
    """Tells how far the fetch is, unless another has taken its place."""
    with writing(fetch.account.tenant_id) as stamp:
        Fetch.objects.filter(pk=fetch.pk, started_at=fetch.started_at).update(
            heard_at=stamp.now,
            finished_at=stamp.now if finished else None,
            pages=fetch.pages,
            read=fetch.read,
            live=fetch.live,
            added=fetch.added,
            ended=fetch.ended,
            error=fetch.error,
        )

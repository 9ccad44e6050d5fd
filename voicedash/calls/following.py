"""What a board tells of each Bandwidth account: whether its calls come by themselves, and how a fetch goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.conf import settings

from voicedash.calls import words
from voicedash.calls.models import Fetch, Sync
from voicedash.tenants.models import BandwidthAccount

SILENT = timedelta(seconds=60)  # a fetch that says nothing for so long has died
FETCH_TOLD = timedelta(minutes=10)  # for so long it is told what a fetch brought
UNHEARD = timedelta(seconds=60)  # a worker that works would have told long ago what is wrong
PROMPT = 5.0  # seconds after which calls usually appear where lists are not late …
SLOW = 15.0  # … and those that are worth a word on a board
ENOUGH = 3  # calls to judge that by


@dataclass(frozen=True)
class AccountLine:
    """One account as a board tells of it. `fetch` is None where there was none lately."""

    account: BandwidthAccount
    fetch: Fetch | None
    running: bool
    died: bool
    trouble: str  # why its calls do not come by themselves; "": they do, or nobody has tried yet
    heard_at: datetime | None
    slow: int  # seconds from a call's start until it is known, usually; 0: not worth a word

    @property
    def bad(self) -> bool:
        if self.fetch is None:
            return bool(self.trouble or (self.refused and not self.followed))
        return bool(self.trouble or self.died or (self.fetch.error and not self.running))

    @property
    def refused(self) -> bool:
        """The newest check of its credentials did not go well."""
        return self.account.check_result not in {BandwidthAccount.Check.NONE, BandwidthAccount.Check.OK}

    @property
    def followed(self) -> bool:
        return self.heard_at is not None and not self.trouble


def read(tenant_id: int, now: datetime, alias: str) -> list[AccountLine]:
    """The accounts of a tenant, in one query."""
    accounts = BandwidthAccount.objects.using(alias).select_related("sync", "fetch").filter(tenant=tenant_id)
    return [_line(account, now) for account in accounts]


def appears_after(sync: Sync) -> float | None:
    """Seconds from the start of a call until it is known, of the newest that began under our eyes; None: too few."""
    return median(sync.appeared) if len(sync.appeared) >= ENOUGH else None


def _line(account: BandwidthAccount, now: datetime) -> AccountLine:
    sync: Sync | None = getattr(account, "sync", None) if settings.SYNC_SECONDS else None
    fetch: Fetch | None = getattr(account, "fetch", None)
    running = died = False
    if fetch is not None:
        running = fetch.finished_at is None and now - fetch.heard_at <= SILENT
        died = fetch.finished_at is None and not running
        fetch = None if fetch.finished_at and now - fetch.finished_at > FETCH_TOLD else fetch
    if sync is None:
        return AccountLine(account, fetch, running, died, "", None, 0)
    unheard = sync.heard_at is not None and now - sync.heard_at > UNHEARD + timedelta(seconds=settings.SYNC_SECONDS)
    trouble = sync.trouble or (words.NOT_HEARD if unheard else "")
    usual = appears_after(sync) or 0.0
    return AccountLine(account, fetch, running, died, trouble, sync.heard_at, round(usual) if usual > SLOW else 0)

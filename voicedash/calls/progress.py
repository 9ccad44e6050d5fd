"""How far presses on everyone at once are, for whoever looks at a board: the newest ones, counted. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connections
from django.db.models import Count, Q

from voicedash.calls import bulk_words
from voicedash.calls.models import Bulk, BulkItem, Outcome, Wanted

SHOWN_FOR = timedelta(seconds=60)  # after its end, where all went well
TROUBLE_FOR = timedelta(minutes=15)  # where something failed
# What came to nothing, and can be asked for again. Not: somebody has wished otherwise, or the call is over.
FAILED = (
    Outcome.REFUSED,
    Outcome.UNKNOWN_CALL,
    Outcome.CREDENTIALS,
    Outcome.UNREACHABLE,
    Outcome.UNCONFIRMED,
    Outcome.NOT_ASKED,
    "next",
    "busy",
)
_NEWEST = """
SELECT id FROM calls_bulk
WHERE tenant_id = %s AND begun_at IS NOT NULL AND (finished_at IS NULL OR finished_at > %s) ORDER BY id DESC LIMIT 3
"""
_CLOSED = Q(command__state="closed")
_FAILED = Q(_CLOSED, command__outcome__in=FAILED) | Q(command=None, outcome__in=FAILED)


@dataclass(frozen=True)
class Counted:
    """The calls of a bulk by what came of them; the rest is still to be asked, or being asked."""

    total: int  # those that are not items yet, too
    done: int  # acknowledged, or what was wished for by now
    failed: int
    ended: int  # over before they were asked
    left: int  # somebody has wished otherwise since

    @property
    def open(self) -> int:
        return self.total - self.done - self.failed - self.ended - self.left


@dataclass(frozen=True)
class Failure:
    """A call of a bulk that failed."""

    call_pk: int
    name: str
    why: str


@dataclass(frozen=True)
class Progress:
    """A bulk as a board shows it."""

    pk: int
    running: bool
    sentence: str  # what is done to whom, and by whom
    counted: Counted
    told: str  # how far it is, in words
    failures: list[Failure]
    until: datetime | None  # when it is shown no longer; None: it is at work


def read(tenant_id: int, now: datetime, alias: str) -> list[Progress]:
    """What a board shows of the newest bulks at `now`: those at work, and those that ended a moment ago."""
    pks = _newest(tenant_id, now, alias)
    if not pks:  # as nearly always
        return []
    newest = list(Bulk.objects.using(alias).select_related("by").filter(pk__in=pks).order_by("-id"))
    repeated = {bulk.of_id for bulk in newest}
    shown = []
    for bulk in newest:
        counted = count(bulk, alias)
        until = bulk.finished_at and bulk.finished_at + (TROUBLE_FOR if counted.failed else SHOWN_FOR)
        if bulk.pk in repeated or (until and until <= now):
            continue
        shown.append(_progress(bulk, counted, until, alias))
    return shown[:2]


def _newest(tenant_id: int, now: datetime, alias: str) -> list[int]:
    """The keys of the newest, by a statement of our own: every change of a board asks for them."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_NEWEST, [tenant_id, connections[alias].ops.adapt_datetimefield_value(now - TROUBLE_FOR)])
        return [pk for (pk,) in cursor.fetchall()]


def count(bulk: Bulk, alias: str) -> Counted:
    items = BulkItem.objects.using(alias).filter(bulk=bulk).order_by()
    right = Q(_CLOSED, command__outcome=Outcome.ACKNOWLEDGED) | (_FAILED & Q(call__recording=bulk.wanted))
    over = Q(call__ended_at__isnull=False)
    numbers = items.aggregate(
        total=Count("pk"),
        done=Count("pk", filter=right),
        failed=Count("pk", filter=_FAILED & ~Q(call__recording=bulk.wanted) & ~over),
        ended=Count("pk", filter=Q(outcome="ended") | (_FAILED & ~Q(call__recording=bulk.wanted) & over)),
        left=Count("pk", filter=Q(command=None, outcome__in=("stale", "overtaken", "confirm"))),
    )
    numbers["total"] += len(bulk.listed)
    return Counted(**numbers)


def failed(bulk: Bulk) -> list[int]:
    """The keys of its live calls that failed, and that nobody has put right since."""
    return [item.call_id for item in _failed(bulk, "default")]


def _failed(bulk: Bulk, alias: str) -> Iterable[BulkItem]:
    items = BulkItem.objects.using(alias).filter(_FAILED, bulk=bulk, call__ended_at=None)
    return items.exclude(call__recording=bulk.wanted).select_related("call", "command").order_by("pk")


def _progress(bulk: Bulk, counted: Counted, until: datetime | None, alias: str) -> Progress:
    running = bulk.finished_at is None
    failures = []
    if counted.failed and not running:
        for item in list(_failed(bulk, alias)[:20]):  # type: ignore[index]
            outcome = item.command.outcome if item.command else item.outcome
            failures.append(Failure(item.call_id, bulk_words.name(item.call), bulk_words.why(outcome)))
    return Progress(
        bulk.pk,
        running,
        bulk_words.sentence(bulk, counted.total, running=running),
        counted,
        bulk_words.told(Wanted(bulk.wanted), counted),
        failures,
        until,
    )

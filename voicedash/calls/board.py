"""Reads of the board: every row of a tenant, or one, as of one moment and one version."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from voicedash.calls import rows
from voicedash.calls.models import Attempt, Call, Command, Fetch, Recording, Wanted
from voicedash.calls.rows import Doubt, Row
from voicedash.tenants.board import snapshot
from voicedash.tenants.models import BandwidthAccount, Board, Tenant

GREY_FOR = timedelta(seconds=60)  # an ended call stays this long, so that nobody wonders where it went
_OPEN = (Command.State.CLAIMED, Command.State.WAITING)
SILENT = timedelta(seconds=60)  # a fetch that says nothing for so long has died


@dataclass(frozen=True)
class FetchView:
    """A *Fetch calls* of one account as the board tells it."""

    fetch: Fetch
    running: bool
    died: bool


@dataclass(frozen=True)
class BoardView:
    """A board at one moment: `version` is the newest change its rows show, `as_of` the database's time of reading."""

    version: int
    as_of: datetime
    rows: list[Row]
    accounts: list[BandwidthAccount]
    fetches: list[FetchView]

    @property
    def live(self) -> int:
        return sum(not row.ended for row in self.rows)

    @property
    def paused(self) -> int:
        return sum(_paused(row) for row in self.rows)

    @property
    def needs(self) -> int:
        return sum(row.recording == Recording.UNCONFIRMED and not row.ended for row in self.rows)


def read(tenant: Tenant, *, with_rows: bool = True) -> BoardView:
    """The tenant's board. The number of queries does not grow with its calls."""
    with snapshot() as alias:
        board = Board.objects.using(alias).annotate(now=Now()).get(tenant=tenant)
        shown = Q(ended_at__isnull=True) | Q(ended_at__gt=board.now - GREY_FOR)
        calls = Call.objects.using(alias).filter(shown, tenant=tenant)
        drawn = _draw(calls, board.now, alias) if with_rows else []
        accounts = list(BandwidthAccount.objects.using(alias).filter(tenant=tenant))
        running = Fetch.objects.using(alias).select_related("account").filter(account__tenant=tenant)
        fetches = [_fetch_view(fetch, board.now) for fetch in running.order_by("account")]
    return BoardView(board.version, board.now, drawn, accounts, fetches)


def asking_again(board: BoardView, pk: int, version: int) -> BoardView:
    """The board with the second press offered in the row `pk`: for browsers without JavaScript.

    Only while the row is at `version`, which the question was about: a newer pause asks anew.
    """
    drawn = [
        replace(row, confirm=f"{row.note}. Resume anyway?")
        if (row.pk, row.version) == (pk, version) and row.slot2
        else row
        for row in board.rows
    ]
    return replace(board, rows=drawn)


def row(call: Call) -> Row:
    """One call's row as it is now. Raises Call.DoesNotExist when the call was deleted meanwhile."""
    with snapshot() as alias:
        board = Board.objects.using(alias).annotate(now=Now()).get(tenant=call.tenant_id)
        drawn = _draw(Call.objects.using(alias).filter(pk=call.pk), board.now, alias)
    if not drawn:
        raise Call.DoesNotExist
    return drawn[0]


def _draw(calls: QuerySet[Call], now: datetime, alias: str) -> list[Row]:
    """Rows in four queries: joined into one, their commands' people and reasons cost more than all four."""
    found = list(calls.select_related("account").order_by("pk"))
    pks = [call.pk for call in found]
    shown = {call.acknowledged_id for call in found} | {
        call.last_pause_id for call in found if call.recording == Recording.UNCONFIRMED
    }
    commands = Command.objects.using(alias).select_related("by", "reason")
    known: dict[int, Command] = {}
    claimed: dict[int, Command] = {}
    waiting: dict[int, Command] = {}
    for command in commands.filter(Q(pk__in=shown - {None}) | Q(call__in=pks, state__in=_OPEN)):
        known[command.pk] = command
        # One that has expired still counts until it is closed: what its sender did is not known.
        if command.state == Command.State.CLAIMED:
            claimed[command.call_id] = command
        elif command.state == Command.State.WAITING:
            waiting[command.call_id] = command
    doubts: dict[int, list[Doubt]] = defaultdict(list)
    attempts = Attempt.objects.using(alias).filter(doubt_until__gt=now, command__call__in=pks).order_by()
    for pk, wanted, until in attempts.values_list("command__call__pk", "command__wanted", "doubt_until"):
        if until is not None:
            doubts[pk].append(Doubt(wanted, until))
    for call in found:
        call.acknowledged = known.get(call.acknowledged_id or 0)
        call.last_pause = known.get(call.last_pause_id or 0)
    return [
        rows.draw(call, command=claimed.get(call.pk), waiting=waiting.get(call.pk), doubts=doubts[call.pk], now=now)
        for call in found
    ]


def _fetch_view(fetch: Fetch, now: datetime) -> FetchView:
    open_ = fetch.finished_at is None
    died = open_ and now - fetch.heard_at > SILENT
    return FetchView(fetch, running=open_ and not died, died=died)


def _paused(row: Row) -> bool:
    """Shown as Paused: acknowledged, not over, and nobody is resuming it."""
    return row.recording == Recording.PAUSED and row.asking != Wanted.RECORDING and not row.ended

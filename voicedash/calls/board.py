"""Reads of the board: a page of a tenant's rows, what is newer, what matches, or one row; each as of one moment."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models.functions import Now

from voicedash.calls import due, following, progress, rows, standing, wholes
from voicedash.calls.counting import Counts
from voicedash.calls.following import AccountLine
from voicedash.calls.incidents import reading as incidents
from voicedash.calls.incidents.reading import Attention
from voicedash.calls.models import Call, Command, Conversation, Recording
from voicedash.calls.naming import fold
from voicedash.calls.progress import Progress
from voicedash.calls.rows import Doubt, Row
from voicedash.calls.selections import Legs, Mark, Selection
from voicedash.tenants import workers
from voicedash.tenants.board import snapshot
from voicedash.tenants.models import BandwidthAccount, Board, Line, Tenant

MOST_NEWS = 300  # changed rows that are told one by one; where there are more, a board is read anew


@dataclass(frozen=True)
class BoardView:
    """What was read of a board at one moment: some of its rows, and the parts that stand beside them.

    `version` is the newest change that they show, `as_of` the database's time of reading.
    """

    version: int
    as_of: datetime
    tenant: Tenant
    worker: datetime | None  # when a worker was heard of last
    counts: Counts
    lines: list[AccountLine]
    rows: list[Row]
    bulks: list[Progress]
    attention: Attention  # the incidents that are live
    after: str = ""  # the mark after which the page begins
    next: str = ""  # the mark after which the next page begins; "": this is the last
    left: int = 0  # how many rows there are beyond these
    since: int = 0  # of news: the oldest version for which `rows` is all that is newer

    @property
    def at_work(self) -> bool:
        """Whether a worker keeps the promises that need no browser."""
        return workers.are_at_work(self.worker, self.as_of)

    @property
    def accounts(self) -> list[BandwidthAccount]:
        return [line.account for line in self.lines]

    @property
    def followed(self) -> bool:
        return any(line.followed for line in self.lines)


def read(tenant: Tenant, *, after: str = "") -> BoardView:
    """A page of the tenant's board: what follows the mark `after`. The number of queries does not grow with its calls.

    With the first page come rows from beyond it that a person must see: paused, unconfirmed, being asked.
    """
    begin = Mark.read(after)
    with _moment(tenant.pk) as moment:
        calls, following = moment.calls.page(begin)
        last = Mark.of(calls[-1]) if calls else begin
        beyond = [] if begin.pk else moment.calls.pressing(last)
        view = moment.view(calls + beyond, last)
        left = view.counts.left - len(beyond)
        ends = last if following else None
        drawn = _of_page(view.rows, str(begin) if begin.pk else "", str(ends or ""), {call.pk for call in beyond})
        return replace(view, rows=drawn, after=str(begin) if begin.pk else "", next=str(following or ""), left=left)


def parts(tenant: Tenant) -> BoardView:
    """The board without rows."""
    with _moment(tenant.pk) as moment:
        return moment.view([])


def newer(tenant_id: int, since: int) -> BoardView:
    """Every row that changed after the version `since`, ended ones included; where there are too many, the newest.

    Raises Board.DoesNotExist where the tenant is gone.
    """
    with _moment(tenant_id) as moment:
        calls, whole = moment.calls.newer(since, MOST_NEWS)
        return replace(moment.view(calls), since=max(whole, moment.board.floor))


def found(tenant: Tenant, text: str, show: str, team: str = "") -> BoardView:
    """Rows of the whole tenant with `text` in a name, a number or an id, of the kind `show` ("live", "paused",
    "needs", "") and of `team` ("": all)."""
    with _moment(tenant.pk) as moment:
        calls, left = moment.calls.found(text, show, team)
        view = moment.view(calls)
        if show not in {"paused", "needs"}:
            return replace(view, left=left)
        other = {row.pk for row in view.rows if row.legs and not row.is_kind(show)}
        return replace(
            view, left=left, rows=[row for row in view.rows if not row.is_grouped or row.conversation not in other]
        )


def teams(tenant: Tenant) -> list[str]:
    """The teams that the tenant's lines name, in order; those of which a board may show one alone."""
    named = Line.objects.filter(tenant=tenant).exclude(team="").order_by("team").values_list("team", flat=True)
    return sorted(named.distinct(), key=fold)


def asking_again(board: BoardView, id: str, version: int) -> BoardView:
    """The board with the second press offered in the row `id`: for browsers without JavaScript.

    Only while the row is at `version`, which the question was about: a newer pause asks anew.
    """
    drawn = [
        replace(row, confirm=f"{row.note}. Resume anyway?")
        if (row.id, row.version) == (id, version) and row.slot2
        else row
        for row in board.rows
    ]
    return replace(board, rows=drawn)


def asking_for_note(board: BoardView, id: str) -> BoardView:
    """The board with a field for a note in the row `id`, as long as it is paused: for browsers without JavaScript."""
    drawn = [replace(row, outcome="note") if row.id == id and row.keeps else row for row in board.rows]
    return replace(board, rows=drawn)


def row(call: Call) -> Row:
    """One call's row as it is now. Raises Call.DoesNotExist when the call was deleted meanwhile."""
    with snapshot() as alias:
        board = Board.objects.using(alias).annotate(now=Now()).get(tenant=call.tenant_id)
        calls = list(Call.objects.using(alias).select_related("account").filter(pk=call.pk))
        drawn = _draw_calls(calls, board.now, alias)
    if not drawn:
        raise Call.DoesNotExist
    return drawn[0]


def of(calls: list[Call], now: datetime, alias: str) -> list[Row]:
    """The rows of `calls` and of nothing else, at the moment of the snapshot in which they were read by `alias`."""
    return _draw_calls(calls, now, alias)


def conversation(conversation: Conversation) -> list[Row]:
    """The row of a conversation as it is now, and those of its legs after it.

    Also where but one of them is left; only that one then. Raises Conversation.DoesNotExist when they were deleted.
    """
    with snapshot() as alias:
        board = Board.objects.using(alias).annotate(now=Now()).get(tenant=conversation.tenant_id)
        legs = Legs(alias, board.now)
        pks = [conversation.pk]
        calls = legs.of(pks)
        if not calls:
            raise Conversation.DoesNotExist
        return wholes.gather(_draw_calls(calls, board.now, alias), legs.versions(pks), board.now)


def _of_page(drawn: list[Row], begin: str, end: str, beyond: set[int]) -> list[Row]:
    """Without the conversations that stand on another page, though some of their legs would be on this one.

    `begin` and `end` are marks; of what is `beyond` some were asked for all the same.
    """
    elsewhere = {
        row.pk
        for row in drawn
        if row.legs and (row.order <= begin or (end and row.order > end and not beyond.intersection(row.legs)))
    }
    return [row for row in drawn if not row.is_grouped or row.conversation not in elsewhere]


@dataclass(frozen=True)
class _Moment:
    """One moment of one tenant, inside its snapshot."""

    board: Board
    now: datetime
    alias: str
    calls: Selection
    incidents: int  # that are live

    def view(self, calls: list[Call], last: Mark | None = None) -> BoardView:
        """The board with `calls` as rows. `last`: where a page ends, when it is asked how many follow it."""
        tenant_id = self.board.tenant_id
        return BoardView(
            version=self.board.version,
            as_of=self.now,
            tenant=self.board.tenant,
            worker=workers.newest(self.alias),
            counts=self.calls.counts(last),
            lines=following.read(tenant_id, self.now, self.alias),
            rows=_draw(calls, self.now, self.alias),
            bulks=progress.read(tenant_id, self.now, self.alias),
            attention=incidents.attention(tenant_id, self.incidents, self.alias),
        )


@contextmanager
def _moment(tenant_id: int) -> Iterator[_Moment]:
    """The version before everything else: what is read belongs to it. Raises Board.DoesNotExist."""
    with snapshot() as alias:
        boards = Board.objects.using(alias).select_related("tenant")
        board = boards.annotate(now=Now(), incidents=incidents.live_number()).get(tenant=tenant_id)
        lapsed = due.lapsed(tenant_id, board.now, alias)
        selection = Selection(tenant_id, board.now, alias, lapsed)
        yield _Moment(board, board.now, alias, selection, board.incidents)


def _draw(calls: list[Call], now: datetime, alias: str) -> list[Row]:
    """The rows of `calls`, and of the conversations that they are legs of with all the other legs."""
    pks = {call.conversation_id for call in calls if call.conversation_id}
    if not pks:
        return _draw_calls(calls, now, alias)
    legs = Legs(alias, now)
    known = {call.pk for call in calls}
    others = [leg for leg in legs.of(pks) if leg.pk not in known]
    return wholes.gather(_draw_calls([*calls, *others], now, alias), legs.versions(pks), now)


def _draw_calls(calls: list[Call], now: datetime, alias: str) -> list[Row]:
    """Rows in two more queries: joined into one, their commands' people and reasons cost more than both."""
    pks = [call.pk for call in calls]
    doubts: dict[int, list[Doubt]] = defaultdict(list)
    for pk, wanted, until in standing.doubts(pks, now - due.OLDEST, alias):
        doubts[pk].append(Doubt(wanted, until))
    shown = {call.acknowledged_id for call in calls} | {
        call.last_pause_id for call in calls if rows.believed(call, doubts[call.pk], now)[0] == Recording.UNCONFIRMED
    }
    commands = Command.objects.using(alias).select_related("by", "held_by", "reason")
    known: dict[int, Command] = {}
    claimed: dict[int, Command] = {}
    waiting: dict[int, Command] = {}
    about = [*(pk for pk in shown if pk), *standing.open_commands(pks, alias)]
    for command in commands.filter(pk__in=about) if about else ():
        known[command.pk] = command
        # One that has expired still counts until it is closed: what its sender did is not known.
        if command.state == Command.State.CLAIMED:
            claimed[command.call_id] = command
        elif command.state == Command.State.WAITING:
            waiting[command.call_id] = command
    for call in calls:
        call.acknowledged = known.get(call.acknowledged_id or 0)
        call.last_pause = known.get(call.last_pause_id or 0)
    return [
        rows.draw(call, command=claimed.get(call.pk), waiting=waiting.get(call.pk), doubts=doubts[call.pk], now=now)
        for call in calls
    ]

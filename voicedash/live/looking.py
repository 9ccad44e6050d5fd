"""One look of the hub at the database: which tenants changed, and what is newer, drawn for all who watch.

Runs in the hub's own thread and holds no connection between two looks on PostgreSQL.
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import Error as DatabaseProblem
from django.db import connection, connections

from voicedash.calls import board as boards
from voicedash.calls import drawing
from voicedash.calls.board import BoardView
from voicedash.tenants import workers
from voicedash.tenants.board import database_time, release_connection
from voicedash.tenants.models import Board


@dataclass(frozen=True)
class Ask:
    """What those who watch a tenant with one role want: what is newer than `since`.

    `always`: also where the tenant's version is no other, as somebody joins who has seen nothing yet.
    """

    tenant: int
    presses: bool
    since: int
    always: bool = False


@dataclass(frozen=True)
class News:
    """What is newer than a version, drawn for one role."""

    version: int
    since: int  # the oldest version for which `rows` is all that is newer
    rows: dict[str, str]  # by the id of its element
    counts: str
    accounts: str
    bulks: str
    incidents: str


@dataclass(frozen=True)
class Pulse:
    """The database's time and the newest heartbeat of a worker, and when (monotonic) they were asked for."""

    at: float
    now: datetime
    worker: datetime | None


@dataclass
class Seen:
    """What a look found. A tenant that is missing in `versions` is gone."""

    at: float  # monotonic, from before the first read: what is shown is no older
    versions: dict[int, int] = field(default_factory=dict)
    news: dict[Ask, News] = field(default_factory=dict)
    undrawn: dict[Ask, Exception] = field(default_factory=dict)  # what could not be drawn, and why
    pulse: Pulse | None = None


def look(tenants: Iterable[int], asks: Iterable[Ask], pulse: bool) -> Seen:
    """Reads the versions of `tenants`, and for each of `asks` what is newer. Raises DatabaseError.

    What cannot be drawn for one of `asks` costs the others nothing.
    """
    seen = Seen(time.monotonic())
    try:
        if pulse:
            seen.pulse = Pulse(time.monotonic(), database_time(), workers.newest())
        seen.versions = _versions(list(tenants))
        wanted: dict[tuple[int, int], list[Ask]] = defaultdict(list)
        for ask in asks:
            version = seen.versions.get(ask.tenant)
            if version is not None and (ask.always or version != ask.since):
                wanted[ask.tenant, ask.since].append(ask)
        for (tenant, since), alike in wanted.items():
            _take_in(seen, tenant, since, alike)
    except BaseException:
        connections.close_all()  # whatever is wrong with them, the next look begins with new ones
        raise
    release_connection()
    return seen


def _take_in(seen: Seen, tenant: int, since: int, alike: list[Ask]) -> None:
    """What is newer than `since`, for all who ask for that. Raises DatabaseError, and nothing else."""
    try:
        board = boards.newer(tenant, since)
        for presses in {ask.presses for ask in alike}:
            drawn = _draw(board, presses)
            seen.news.update((ask, drawn) for ask in alike if ask.presses == presses)
    except Board.DoesNotExist:  # deleted since its version was read
        seen.versions.pop(tenant, None)
    except DatabaseProblem:
        raise
    except Exception as error:
        seen.undrawn.update((ask, error) for ask in alike if ask not in seen.news)


def _versions(tenants: list[int]) -> dict[int, int]:
    """One query, ten times a second: by hand, as the ORM would take longer to write it than the database to answer."""
    if not tenants:
        return {}
    marks = ", ".join(["%s"] * len(tenants))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT tenant_id, version FROM tenants_board WHERE tenant_id IN ({marks})", tenants)
        return dict(cursor.fetchall())


def _draw(board: BoardView, presses: bool) -> News:
    return News(
        version=board.version,
        since=board.since,
        rows={row.id: drawn for row, drawn in zip(board.rows, drawing.rows(board, can_press=presses), strict=True)},
        counts=drawing.counts(board),
        accounts=drawing.accounts(board, can_press=presses),
        bulks=drawing.bulks(board, can_press=presses),
        incidents=drawing.incidents(board),
    )

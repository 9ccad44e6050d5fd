"""Who is on a call, by the tenant's lines, and where in the list it stands for that: team, then person, then start.

Copied onto the call, so that neither a page of ten thousand nor a search nor a stream costs a look at lines. A call
that is over keeps the names of its time, until its numbers are erased.
"""

import time
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.dispatch import receiver

from voicedash.calls import words
from voicedash.calls.models import NO_PLACE, Call
from voicedash.tenants import addresses, lines
from voicedash.tenants.board import writing
from voicedash.tenants.models import Line

COLUMNS = ["person", "team", "other_person", "names", "place"]
ERASED = {"person": "", "team": "", "other_person": "", "names": "", "place": NO_PLACE}

READ = 500  # live calls that are looked at together
AT_ONCE = 90  # that are written in a transaction
PAUSE = 0.02  # seconds between two: the tenant's lock is somebody's who presses
# In SQL: the ORM takes longer to write such statements than the database to obey them, and others wait for the lock.
_WRITE = f"UPDATE calls_call SET {', '.join(f'{column} = %s' for column in [*COLUMNS, 'version'])} WHERE id = %s"
_IN_TEAM, _IN_NONE, _ON_NO_LINE = "01", "02", NO_PLACE  # how a place begins


def name(tenant_id: int, calls: Iterable[Call]) -> None:
    """Sets COLUMNS on `calls` of the tenant, which the caller writes, by what else they hold. One query."""
    open_ = [call for call in calls if call.ended_at is None or not call.names]
    sides = [tuple(map(addresses.told, words.sides(call))) for call in open_]
    asked = {address for both in sides for address in both} - {""}
    known = {line.address: line for line in Line.objects.filter(tenant=tenant_id, address__in=asked)} if asked else {}
    for call, (ours, theirs) in zip(open_, sides, strict=True):
        line, other = known.get(ours), known.get(theirs)
        call.person, call.team = (line.name, line.team) if line else ("", "")
        call.other_person = other.name if other else ""
        call.names = fold(" ".join(filter(None, [call.person, call.team, call.other_person])))[:300]
        call.place = _place(line, call)


def of(call: Call) -> dict[str, Any]:
    """COLUMNS of `call`, for an update."""
    return {column: getattr(call, column) for column in COLUMNS}


def fold(text: str) -> str:
    """A name as it is searched and ordered: without capitals and accents."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def rename_live(tenant_id: int) -> int:
    """Gives the tenant's live calls the names that its lines have now, on every board; gives how many changed.

    Whoever has changed lines calls it when that is committed. Raises DatabaseError; what it has not come to then
    is done by the next call.
    """
    renamed = after = 0
    live = Call.objects.filter(tenant=tenant_id, ended_at=None).order_by("pk")
    while calls := list(live.filter(pk__gt=after)[:READ]):
        after = calls[-1].pk
        stale = [call.pk for call in _misnamed(tenant_id, calls)]
        for first in range(0, len(stale), AT_ONCE):
            time.sleep(PAUSE if renamed else 0)
            with writing(tenant_id) as stamp:
                changed = _misnamed(tenant_id, list(live.filter(pk__in=stale[first : first + AT_ONCE])))
                with connection.cursor() as cursor:
                    cursor.executemany(_WRITE, [[*of(call).values(), stamp.version, call.pk] for call in changed])
            renamed += len(changed)
    return renamed


@receiver(lines.changed)
def _lines_changed(*, tenant_id: int, **_: Any) -> None:
    rename_live(tenant_id)


def _misnamed(tenant_id: int, calls: list[Call]) -> list[Call]:
    """Those of `calls` whose names are no longer right, with the right ones set."""
    before = [of(call) for call in calls]
    name(tenant_id, calls)
    return [call for call, old in zip(calls, before, strict=True) if of(call) != old]


def _place(line: Line | None, call: Call) -> str:
    """Sorts alike in both databases and in a browser, whatever their rules for letters: hexadecimal digits only."""
    began = call.start_time or call.added_at
    start = f"{max(0, int(began.timestamp() * 1_000_000)):016x}"
    if line is None:
        return _ON_NO_LINE + start
    begin = _IN_TEAM if line.team else _IN_NONE
    return f"{begin}{_digits(line.team, 30)}00{_digits(line.name, 40)}00{start}"


def _digits(text: str, most: int) -> str:
    return fold(text).encode()[:most].hex()

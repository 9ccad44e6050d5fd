"""What a list of lines would change, and the writing of it: new ones added, others brought up to date, none removed."""

import hashlib
import re
import time
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from django.dispatch import Signal

from voicedash.tenants import changes, updates
from voicedash.tenants.board import Stamp
from voicedash.tenants.models import Line

AT_ONCE = 90  # lines of a transaction: with the log's entry below a hundred rows
PAUSE = 0.02  # seconds between two: the tenant's lock is somebody's who presses

_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_INVISIBLE = {"Cc", "Cf", "Mn", "Me", "Zs", "Zl", "Zp"}  # not what is unassigned: Python may be older than a letter
_FILLERS = "\u115f\u1160\u3164\uffa0\u2800"  # letters and a symbol by name, drawn as nothing

Writing = Callable[[], AbstractContextManager[Stamp]]  # begins a transaction under the tenant's lock

# Sent with `tenant_id` after lines were written and committed. Live calls show the names that their lines have.
changed = Signal()


@dataclass(frozen=True)
class Wish:
    """What a line is to be; None is left as it is."""

    at: int  # in which line of a file it stands
    address: str  # normal
    name: str | None
    team: str | None


@dataclass(frozen=True)
class Change:
    """A line that is to change: what it is now, and what it is to be."""

    at: int
    address: str
    name: str
    team: str
    was_name: str
    was_team: str


@dataclass
class Comparison:
    """Wishes beside the tenant's lines."""

    new: list[Wish] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    unchanged: int = 0
    nameless: list[Wish] = field(default_factory=list)  # new, but nobody said who is on it

    @property
    def to_do(self) -> int:
        """How many lines are to be written."""
        return len(self.new) + len(self.changed)

    def seal(self) -> str:
        """The same for the same things to do."""
        return hashlib.sha256(repr((self.new, self.changed)).encode()).hexdigest()


def plain(text: str) -> str:
    """A name or a team without spaces at its ends, and with single ones in it."""
    return " ".join(text.replace("\ufeff", " ").split())  # a mark of spreadsheets that counts as no space


def is_shown(text: str) -> bool:
    """Whether a name or a team has no character that is none: line feeds, and what turns the direction of others."""
    return not _UNSHOWN.search(text)


def is_seen(text: str) -> bool:
    """Whether there is anything to see of a name or a team, where it is not empty."""
    return not text or any(map(_is_visible, text))


def _is_visible(letter: str) -> bool:
    """Not a mark of its own, a space or a filler: those are no name by themselves, beside letters they may be right."""
    return unicodedata.category(letter) not in _INVISIBLE and letter not in _FILLERS


def compare(tenant_id: int, wishes: Iterable[Wish]) -> Comparison:
    """What the wishes, each of another address, would do to the tenant's lines. One query."""
    known = {line.address: line for line in Line.objects.filter(tenant=tenant_id)}
    result = Comparison()
    for wish in wishes:
        line = known.get(wish.address)
        if line is None:
            (result.new if wish.name else result.nameless).append(wish)
        elif _differs(line, wish):
            name, team = _wanted(line, wish)
            result.changed.append(Change(wish.at, wish.address, name, team, line.name, line.team))
        else:
            result.unchanged += 1
    return result


def take_in(tenant_id: int, wishes: list[Wish], *, actor: int | None, writing: Writing) -> tuple[int, int]:
    """Does what the wishes ask, a batch a transaction, and tells it; gives how many were added and changed.

    Each is judged by what the tenant has when its turn comes, so it can be done again after a failure.
    `writing` begins a transaction under the tenant's lock. Raises what that raises; what was
    committed by then stays, and is told.
    """
    added = renamed = 0
    try:
        for first in range(0, len(wishes), AT_ONCE):
            time.sleep(PAUSE if first else 0)
            with writing() as stamp:
                new, other = _take_in(tenant_id, wishes[first : first + AT_ONCE], stamp, actor)
            added, renamed = added + new, renamed + other
    finally:
        if added or renamed:
            tell(tenant_id)
    return added, renamed


def remove(tenant_id: int, keys: list[int], *, actor: int | None, writing: Writing) -> None:
    """Removes lines of the tenant, a batch a transaction, as `take_in` writes them. Raises what `writing` raises."""
    try:
        for first in range(0, len(keys), AT_ONCE):
            time.sleep(PAUSE if first else 0)
            with writing() as stamp:
                gone = Line.objects.filter(tenant=tenant_id, pk__in=keys[first : first + AT_ONCE])
                changes.tell_of_lines(tenant_id, at=stamp.now, actor=actor, removed=gone)
                gone.delete()
    finally:
        tell(tenant_id)


def tell(tenant_id: int) -> bool:
    """Tells those who copy names that the tenant's lines changed, after commit; False where one of them failed."""
    failed = [heard for _, heard in changed.send_robust(Line, tenant_id=tenant_id) if isinstance(heard, Exception)]
    return not failed


def _take_in(tenant_id: int, wishes: list[Wish], stamp: Stamp, actor: int | None) -> tuple[int, int]:
    listed = Line.objects.filter(tenant=tenant_id, address__in=[wish.address for wish in wishes])
    known = {line.address: line for line in listed}
    new, other = [], []
    for wish in wishes:
        line = known.get(wish.address)
        if line is None:
            if wish.name:
                new.append(Line(tenant_id=tenant_id, address=wish.address, name=wish.name, team=wish.team or ""))
        elif _differs(line, wish):
            line.name, line.team = _wanted(line, wish)
            other.append(line)
    new = Line.objects.bulk_create(new)
    updates.each(Line, ((line.pk, {"name": line.name, "team": line.team}) for line in other))
    changes.tell_of_lines(tenant_id, at=stamp.now, actor=actor, added=new, changed=other)
    return len(new), len(other)


def _wanted(line: Line, wish: Wish) -> tuple[str, str]:
    return wish.name or line.name, line.team if wish.team is None else wish.team


def _differs(line: Line, wish: Wish) -> bool:
    return _wanted(line, wish) != (line.name, line.team)

"""Finds entries for those who read the log: a page at a time along one index, however long the log has become.

Nothing at or below the head of a chain ever changes, so whoever reads up to the head of one moment sees that moment,
without holding a transaction open.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, Q, QuerySet

from voicedash.audit.models import Actor, Entry, Head, Kind, Subject, Told

LINES = 50  # of a page
MOST = 4_000  # entries that are looked through for a page; then it says how far back it looked
_FIRST, _BATCH = 128, 1_000  # entries of the first query, and of the later ones
ASKED = "recording.asked"
# What says how a command ended. An answer that came late tells of one that had ended before.
ENDS = ("recording.answered", "recording.sender_vanished")


@dataclass(frozen=True)
class Wish:
    """What somebody looks for in a chain; empty: anything. `actor` 0 is voicedash; `until` is not included."""

    chain: str
    since: datetime | None = None
    until: datetime | None = None
    actor: int | None = None
    call_id: str = ""
    kind: str = ""
    reason: str = ""  # its key
    outcome: str = ""
    verbs: frozenset[str] = frozenset()
    subject: str = ""  # the key of the user whom it is about
    subjects: frozenset[str] | None = None  # only about one of these users

    def fits(self, entry: Entry) -> bool:
        """Whether an entry of the chain is one of these."""
        data = entry.data if isinstance(entry.data, dict) else {}
        about = subject(entry)
        return (
            (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
            and (self.actor is None or (entry.actor or 0) == self.actor)
            and (not self.call_id or entry.call_id == self.call_id)
            and (not self.kind or kind(entry.verb) == self.kind)
            and (not self.reason or str(data.get("reason")) == self.reason)
            and (not self.outcome or data.get("outcome") == self.outcome)
            and (not self.verbs or entry.verb in self.verbs)
            and (not self.subject or about == self.subject)
            and (self.subjects is None or about in self.subjects)
        )

    def along(self) -> QuerySet[Entry]:
        """Entries of the chain that may fit, by the one index that leaves fewest."""
        entries = Entry.objects.filter(chain=self.chain)
        if self.call_id:
            return entries.filter(call_id=self.call_id)
        for wanted, expression in (
            (self.subject, Subject()),
            (self.reason, Told("data", "reason")),
            (self.outcome, Told("data", "outcome")),
        ):
            if wanted:
                return entries.alias(found=expression).filter(found=wanted)
        if self.actor is not None:
            return entries.alias(found=Actor("actor")).filter(found=self.actor)
        if self.kind:
            return entries.alias(found=Kind("verb")).filter(found=self.kind)
        return entries


@dataclass
class Shown:
    """An entry that a reader is shown. `asked`: where its command was asked for; `end`: how it ended, if elsewhere."""

    entry: Entry
    asked: Entry | None = None
    end: Entry | None = None


@dataclass
class Page:
    """`before`: the entry from which the next page goes on; `back_to`: how far back was looked without filling it."""

    shown: list[Shown] = field(default_factory=list)
    before: int | None = None
    back_to: datetime | None = None


def kind(verb: str) -> str:
    """The same as `models.Kind`."""
    if verb.startswith(("recording.", "bulk.")):
        return "recording"
    if verb.startswith("incident."):
        return "incident"
    return "call" if verb.startswith(("call.", "calls")) else "change"


def subject(entry: Entry) -> str:
    """The same as `models.Subject`; "" for what is not about a user."""
    if not entry.verb.startswith("user."):
        return ""
    named = entry.data.get("user") if isinstance(entry.data, dict) else None
    about = entry.actor if named is None else named
    return "" if about is None else str(about)


def head(chain: str) -> int:
    """The number of the newest entry: so many there are."""
    return Head.objects.filter(chain=chain).values_list("seq", flat=True).first() or 0


def has(wish: Wish) -> bool:
    """Whether the log holds anything of what one index leads to."""
    return wish.along().exists()


def between(wish: Wish) -> tuple[int, int] | None:
    """The first and the last entry in the time that is asked for; None where there is none."""
    entries = _in_time(Entry.objects.filter(chain=wish.chain), wish)
    first = entries.order_by("at", "id").values_list("seq", flat=True).first()
    last = entries.order_by("-at", "-id").values_list("seq", flat=True).first()
    return None if first is None or last is None else (first, last)


def page(wish: Wish, *, before: int | None = None) -> Page:
    """The newest of them, or those before the entry of that number, the newest first."""
    newest = head(wish.chain)
    found = Page()
    looked = 0
    for batch in _walk(wish, newest, start=_place(wish.chain, before), oldest_first=False, first=_FIRST):
        for shown in visible(wish, batch, newest):
            if len(found.shown) == LINES:
                found.before = found.shown[-1].entry.seq
                return found
            found.shown.append(shown)
        looked += len(batch)
        if looked >= MOST:
            found.before, found.back_to = batch[-1].seq, batch[-1].at
            return found
    return found


def all_of(wish: Wish, newest: int) -> Iterator[list[Shown]]:
    """All that fit, up to the entry of the number `newest`, the oldest first, some at a time."""
    for batch in _walk(wish, newest, start=None, oldest_first=True, first=_BATCH):
        yield visible(wish, batch, newest)


def trail(chain: str, seq: int) -> list[Entry]:
    """An entry and all others of its command, in their order. Raises Entry.DoesNotExist."""
    entry = Entry.objects.get(chain=chain, seq=seq)
    command = _command(entry)
    if not command:
        return [entry]
    same = Entry.objects.filter(chain=chain).alias(found=Told("data", "command")).filter(found=command)
    return sorted({one.pk: one for one in [entry, *same.order_by("at", "id")[:200]]}.values(), key=lambda one: one.seq)


def visible(wish: Wish, batch: list[Entry], newest: int) -> list[Shown]:
    """Those of a batch that fit, with a command told once: by its end, and by its beginning only where it has none."""
    fitting = [entry for entry in batch if wish.fits(entry)]
    ends: dict[str, Entry] = {}
    asked: dict[str, Entry] = {}
    begun = {_command(entry) for entry in fitting if entry.verb == ASKED}
    for end in _of_commands(wish.chain, begun, newest, ENDS):
        ends[_command(end)] = end
    # What was written before its end named its reason as well: that stands where it was asked for.
    bare = {_command(entry) for entry in fitting if entry.verb in ENDS and "source" not in entry.data}
    for begin in _of_commands(wish.chain, bare, newest, (ASKED,)):
        asked[_command(begin)] = begin
    found = []
    for entry in fitting:
        ended = ends.get(_command(entry)) if entry.verb == ASKED else None
        if ended is None or ended.actor != entry.actor:  # ended by voicedash: who looks for the person finds the wish
            found.append(Shown(entry, asked=asked.get(_command(entry)), end=ended))
    return found


def _walk(
    wish: Wish, newest: int, *, start: tuple[datetime, int] | None, oldest_first: bool, first: int
) -> Iterator[list[Entry]]:
    """Batches in the order of time. Each query goes on where the one before it ended, along the same index."""
    at, number = start or (None, 0)
    size = first
    while True:
        entries = _in_time(wish.along(), wish)
        if at is not None and oldest_first:
            entries = entries.filter(Q(at__gt=at) | Q(id__gt=number), at__gte=at)
        elif at is not None:
            entries = entries.filter(Q(at__lt=at) | Q(id__lt=number), at__lte=at)
        order = (F("at").asc(), F("id").asc()) if oldest_first else (F("at").desc(), F("id").desc())
        batch = list(entries.order_by(*order)[:size])
        # Not asked for in SQL, where it would tempt the database to another index.
        told = [entry for entry in batch if entry.seq <= newest]
        if told:
            at, number = batch[-1].at, batch[-1].pk
            yield told
        if len(batch) < size or not told:
            return
        size = min(size * 2, _BATCH)


def _in_time(entries: QuerySet[Entry], wish: Wish) -> QuerySet[Entry]:
    if wish.since:
        entries = entries.filter(at__gte=wish.since)
    return entries.filter(at__lt=wish.until) if wish.until else entries


def _place(chain: str, seq: int | None) -> tuple[datetime, int] | None:
    if seq is None:
        return None
    return Entry.objects.filter(chain=chain, seq=seq).values_list("at", "id").first()


def _of_commands(chain: str, commands: set[str], newest: int, verbs: tuple[str, ...]) -> list[Entry]:
    commands.discard("")
    if not commands:
        return []
    of_them = Entry.objects.filter(chain=chain).alias(found=Told("data", "command")).filter(found__in=commands)
    return [entry for entry in of_them.order_by() if entry.verb in verbs and entry.seq <= newest]


def _command(entry: Entry) -> str:
    return str(entry.data.get("command", "")) if isinstance(entry.data, dict) else ""

"""The proof that nothing in a chain was changed, taken away or moved, in memory that does not grow with the log."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, connection, connections, transaction

from voicedash.audit import log, signing
from voicedash.audit.models import Entry, Head

SHOWN = 5  # faults of a chain that are kept in full; of more only their number
_PAGE = 1000  # entries that are in memory at a time
# As text: whoever has tampered may have left what no driver can turn into a value. Nothing for what was never written:
# a time that is no text, or one before our era, of which to_char gives the year as if it were of ours.
_AT = {
    "sqlite": "CASE typeof(at) WHEN 'text' THEN at END",
    "postgresql": "CASE WHEN at >= '0001-01-02' THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') END",
}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a chain. `at` is what the entry says of its time, where there is one."""

    chain: str
    what: str
    at: datetime | None = None

    def __str__(self) -> str:
        when = f" (of {self.at:%Y-%m-%d %H:%M:%S} UTC)" if self.at else ""
        return f"{self.chain}: {self.what}{when}"


@dataclass
class Checked:
    """What was seen of one chain. `more` counts the faults beyond those in `faults`."""

    chain: str
    entries: int = 0
    newest: datetime | None = None
    unknown_keys: int = 0
    faults: list[Fault] = field(default_factory=list)
    more: int = 0

    def tell(self, what: str, at: datetime | None = None) -> None:
        if len(self.faults) < SHOWN:
            self.faults.append(Fault(self.chain, what, at))
        else:
            self.more += 1


def chains() -> list[str]:
    """The names of all chains that have a head or an entry. Raises django.db.Error. What has no name: `nameless`."""
    names = {name for name in Head.objects.values_list("chain", flat=True) if isinstance(name, str)}
    walked: set[str] = set()
    name = Entry.objects.filter(chain__gte="").order_by("chain").values_list("chain", flat=True).first()
    # From one name to the next in the index: a DISTINCT would read every entry. On SQLite what is no text comes last.
    while isinstance(name, str):
        if name in walked:
            raise DatabaseError("the index of audit_entry leads in a circle: it must be made anew (REINDEX)")
        walked.add(name)
        name = Entry.objects.filter(chain__gt=name).order_by("chain").values_list("chain", flat=True).first()
    return sorted(names | walked)


def nameless() -> list[str]:
    """What is in no chain because the name there is no text, in words: only SQLite can hold such a thing."""
    if connection.vendor != "sqlite":
        return []
    found = []
    with connection.cursor() as cursor:
        for table, what in (("audit_entry", "entries"), ("audit_head", "heads")):
            cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE typeof(chain) <> 'text'")
            if number := cursor.fetchone()[0]:
                found.append(f"{what} whose chain is no text, and that were never written so: {number:,}")
    return found


def fault_in(chain: str) -> str | None:
    """The first thing that is wrong with a chain, in words that name the entry; None when it is whole."""
    faults = check(chain).faults
    return f"{chain}: {faults[0].what}" if faults else None


def check(chain: str) -> Checked:
    """Walks a chain from its first entry to its head, as they were at one moment. Raises django.db.Error.

    A chain of which nothing is there has no fault: only a head kept elsewhere can tell that there was one.
    """
    checked = Checked(chain)
    keys = signing.keys()
    expected, previous = 1, "0" * 64
    last_id: int | None = None
    with _moment() as alias:
        for row in _rows(chain, alias):
            checked.entries += 1
            seq, entry = row[0], _entry(chain, row)
            if entry is None:
                checked.tell(f"entry {seq!r} cannot be read")
                if isinstance(seq, int):
                    expected = seq + 1
                previous = row[-1]
                continue
            checked.newest = max(checked.newest or entry.at, entry.at)
            if seq < expected:
                why = "is there twice" if seq > 0 else "does not belong there"
                checked.tell(f"entry {seq} {why}", entry.at)
                continue
            if seq > expected:
                gone = f"entry {expected} is" if seq == expected + 1 else f"entries {expected} to {seq - 1} are"
                checked.tell(f"{gone} missing, before entry {seq}", entry.at)
            elif entry.previous != previous:
                checked.tell(f"entry {seq} does not follow the one before it", entry.at)
            if entry.key not in keys:
                checked.unknown_keys += 1
                checked.tell(f"entry {seq} was signed with a key that is not in VOICEDASH_LOG_KEYS", entry.at)
            elif not signing.holds(entry.digest, log.told(entry), keys[entry.key]):
                checked.tell(f"entry {seq} was changed", entry.at)
            elif last_id is not None and entry.pk <= last_id:
                checked.tell(f"entry {seq} has a lower id than the one before it: shown in a wrong order", entry.at)
            expected, previous, last_id = seq + 1, entry.digest, entry.pk
        head: tuple[Any, Any] | None = (
            Head.objects.using(alias).filter(chain=chain).values_list("seq", "digest").first()
        )
    if head is None:
        if checked.entries:
            checked.tell("its head is gone")
    elif not isinstance(head[0], int):
        checked.tell("its head cannot be read")
    elif head[0] > expected - 1:
        checked.tell(f"cut off after entry {expected - 1}: its head is at {head[0]}", checked.newest)
    elif head[0] < expected - 1:
        checked.tell(f"its head was moved back to {head[0]}: there are entries up to {expected - 1}")
    elif head[1] != previous:
        checked.tell(f"its head was changed: it does not fit entry {head[0]}")
    return checked


def _rows(chain: str, alias: str) -> Iterator[tuple[Any, ...]]:
    database = connections[alias]
    sql = (
        f"SELECT seq, id, {_AT[database.vendor]}, verb, actor, call_id, CAST(data AS TEXT), key, previous, digest "
        "FROM audit_entry WHERE chain = %s ORDER BY seq"
    )
    with database.chunked_cursor() as cursor:  # on PostgreSQL the server keeps the rows that were not fetched
        cursor.execute(sql, [chain])
        while rows := cursor.fetchmany(_PAGE):
            yield from rows


def _entry(chain: str, row: tuple[Any, ...]) -> Entry | None:
    """The entry in a row; None where its values are none that were ever written."""
    seq, number, at, verb, actor, call_id, data, key, previous, digest = row
    try:
        when = datetime.fromisoformat(at)
        told = json.loads(data)
    except (TypeError, ValueError, RecursionError):
        return None
    written = str(when) if connection.vendor == "sqlite" else when.isoformat(" ", "microseconds")
    if not isinstance(seq, int) or not isinstance(number, int) or at != written or when.tzinfo:
        return None  # an offset, too: whoever reads the entry would see another time than the one that was signed
    return Entry(
        pk=number,
        chain=chain,
        seq=seq,
        at=when.replace(tzinfo=UTC),
        verb=verb,
        actor=actor,
        call_id=call_id,
        data=told,
        key=key,
        previous=previous,
        digest=digest,
    )


@contextmanager
def _moment() -> Iterator[str]:
    """Reads that all see one moment, for as long as they take; gives the alias to read with."""
    alias = "snapshot" if connection.vendor == "sqlite" else "default"
    with transaction.atomic(using=alias, durable=True):
        if connection.vendor == "postgresql":
            with connections[alias].cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                cursor.execute("SET LOCAL statement_timeout = 0")  # the server may sort a chain before it gives a row
        yield alias

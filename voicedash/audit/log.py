"""The one way into the log."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from voicedash.audit import signing
from voicedash.audit.models import Entry, Head

SIGN_INS = "sign-ins"

# In SQL: three statements through the ORM cost more than all else in the transaction of a press.
_READ = "SELECT seq, digest FROM audit_head WHERE chain = %s"
_ADD = (
    "INSERT INTO audit_entry (chain, seq, at, verb, actor, call_id, data, key, previous, digest) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
# For whoever reads the head in a statement of their own, before they append.
PLACE = ("audit_head.seq", "audit_head.digest")
_MOVE = "UPDATE audit_head SET seq = %s, digest = %s WHERE chain = %s"


def of_tenant(tenant_id: int) -> str:
    """The name of a tenant's chain."""
    return f"tenant-{tenant_id}"


class Place(NamedTuple):
    """Number and digest of a chain's newest entry, which the next one follows."""

    seq: int
    digest: str


def place(seq: int | None, digest: str | None) -> Place | None:
    """What was read as `PLACE`; None where the chain has no head yet."""
    return None if seq is None or digest is None else Place(seq, digest)


@dataclass(frozen=True)
class Said:
    """What an entry is to tell, before it has its place in a chain."""

    verb: str
    actor: int | None = None
    call_id: str = ""
    data: dict[str, Any] = field(default_factory=dict)


def append(
    chain: str,
    verb: str,
    *,
    at: datetime,
    actor: int | None = None,
    call_id: str = "",
    data: dict[str, Any] | None = None,
    head: Place | None = None,
) -> Entry:
    """Adds an entry, in the transaction of what it tells; gives it, without its key.

    `at` is the database's time of that transaction. `data` holds plain JSON values, those
    that both engines give back as they are (whole numbers, words as keys): database keys and
    words, no names, phone numbers or addresses (the log cannot be erased). On a
    tenant's chain the caller holds the tenant's lock (`tenants.board`); elsewhere the
    head itself is the lock. `head`: of a tenant's chain, where it was read under that lock and nothing was appended
    since. Raises RuntimeError outside a transaction.
    """
    _in_transaction()
    seq, previous = head or _head(chain)
    entry = _signed(chain, Said(verb, actor, call_id, data or {}), at, seq + 1, previous)
    _add(entry)
    return entry


def append_all(chain: str, said: Iterable[Said], *, at: datetime, head: Place | None = None) -> None:
    """Adds entries in their order, as `append` does each: for a group, for which the head is read once."""
    _in_transaction()
    seq, previous = head or _head(chain)
    rows: list[list[Any]] = []
    moves: list[list[Any]] = []
    for one in said:
        entry = _signed(chain, one, at, seq + 1, previous)
        seq, previous = entry.seq, entry.digest
        rows.append(_values(entry))
        moves.append([seq, previous, chain])
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_ADD, rows)
            cursor.executemany(_MOVE, moves)  # entry by entry: the database lets the head do no longer step


def _in_transaction() -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("an entry is written in the transaction of what it tells")


def _signed(chain: str, said: Said, at: datetime, seq: int, previous: str) -> Entry:
    key = signing.key()
    entry = Entry(
        chain=chain,
        seq=seq,
        at=at,
        verb=said.verb,
        actor=said.actor,
        call_id=said.call_id,
        data=said.data,
        key=signing.fingerprint(key),
        previous=previous,
    )
    entry.digest = signing.sign(told(entry), key)
    return entry


def _add(entry: Entry) -> None:
    """Writes an entry, and moves the head to it."""
    values: list[Any] = _values(entry)
    move: list[Any] = [entry.seq, entry.digest, entry.chain]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"WITH added AS ({_ADD}) {_MOVE}", [*values, *move])
        else:
            cursor.execute(_ADD, values)
            cursor.execute(_MOVE, move)


def _values(entry: Entry) -> list[Any]:
    """An entry's columns, as `_ADD` takes them."""
    ops = connection.ops
    return [
        entry.chain,
        entry.seq,
        ops.adapt_datetimefield_value(entry.at),
        entry.verb,
        entry.actor,
        entry.call_id,
        ops.adapt_json_value(entry.data, None),
        entry.key,
        entry.previous,
        entry.digest,
    ]


def _head(chain: str) -> Place:
    """Number and digest of the newest entry. The head stays locked until the transaction ends."""
    lock = " FOR UPDATE" if connection.vendor == "postgresql" else ""  # SQLite has one writer at a time
    with connection.cursor() as cursor:
        cursor.execute(_READ + lock, [chain])
        row = cursor.fetchone()
        if row is None:
            Head.objects.bulk_create([Head(chain=chain)], ignore_conflicts=True)
            cursor.execute(_READ + lock, [chain])
            row = cursor.fetchone()
    return Place(row[0], row[1])


def told(entry: Entry) -> list[Any]:
    """What the digest of an entry is made of."""
    return [
        entry.chain,
        entry.seq,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.verb,
        entry.actor,
        entry.call_id,
        entry.data,
        entry.key,
        entry.previous,
    ]

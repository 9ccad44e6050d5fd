"""The one way into the log."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection

from voicedash.audit import signing
from voicedash.audit.models import Entry, Head

SIGN_INS = "sign-ins"

# In SQL: three statements through the ORM cost more than all else in the transaction of a press.
_READ = "SELECT seq, digest FROM audit_head WHERE chain = %s"
_ADD = (
    "INSERT INTO audit_entry (chain, seq, at, verb, actor, call_id, data, key, previous, digest) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
)
_MOVE = "UPDATE audit_head SET seq = %s, digest = %s WHERE chain = %s"


def of_tenant(tenant_id: int) -> str:
    """The name of a tenant's chain."""
    return f"tenant-{tenant_id}"


def append(
    chain: str,
    verb: str,
    *,
    at: datetime,
    actor: int | None = None,
    call_id: str = "",
    data: dict[str, Any] | None = None,
) -> Entry:
    """Adds an entry, in the transaction of what it tells.

    `at` is the database's time of that transaction. `data` holds plain JSON values, those
    that both engines give back as they are (whole numbers, words as keys): database keys and
    words, no names, phone numbers or addresses (the log cannot be erased). On a
    tenant's chain the caller holds the tenant's lock (`tenants.board`); elsewhere the
    head itself is the lock. Raises RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an entry is written in the transaction of what it tells")
    seq, previous = _head(chain)
    key = signing.key()
    entry = Entry(
        chain=chain,
        seq=seq + 1,
        at=at,
        verb=verb,
        actor=actor,
        call_id=call_id,
        data=data or {},
        key=signing.fingerprint(key),
        previous=previous,
    )
    entry.digest = signing.sign(told(entry), key)
    ops = connection.ops
    values: list[Any] = [
        chain,
        entry.seq,
        ops.adapt_datetimefield_value(at),
        verb,
        actor,
        call_id,
        ops.adapt_json_value(entry.data, None),
        entry.key,
        previous,
        entry.digest,
    ]
    move: list[Any] = [entry.seq, entry.digest, chain]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"WITH added AS ({_ADD}), moved AS ({_MOVE}) SELECT id FROM added", [*values, *move])
            entry.pk = cursor.fetchone()[0]
        else:
            cursor.execute(_ADD, values)
            entry.pk = cursor.fetchone()[0]
            cursor.execute(_MOVE, move)
    return entry


def _head(chain: str) -> tuple[int, str]:
    """Number and digest of the newest entry. The head stays locked until the transaction ends."""
    lock = " FOR UPDATE" if connection.vendor == "postgresql" else ""  # SQLite has one writer at a time
    with connection.cursor() as cursor:
        cursor.execute(_READ + lock, [chain])
        row = cursor.fetchone()
        if row is None:
            Head.objects.bulk_create([Head(chain=chain)], ignore_conflicts=True)
            cursor.execute(_READ + lock, [chain])
            row = cursor.fetchone()
    return row[0], row[1]


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

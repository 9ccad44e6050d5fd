"""The one way into the log, and the proof that nothing in it was changed."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection

from voicedash.audit.models import Entry, Head

SIGN_INS = "sign-ins"


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

    `at` is the database's time of that transaction. `data` holds plain JSON values:
    keys and words, no names, numbers or addresses (the log cannot be erased). On a
    tenant's chain the caller holds the tenant's lock (`tenants.board`); elsewhere the
    head itself is the lock. Raises RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an entry is written in the transaction of what it tells")
    head = Head.objects.select_for_update().filter(chain=chain).first()
    if head is None:
        Head.objects.bulk_create([Head(chain=chain)], ignore_conflicts=True)
        head = Head.objects.select_for_update().get(chain=chain)
    key = settings.LOG_KEYS[0]
    entry = Entry(
        chain=chain,
        seq=head.seq + 1,
        at=at,
        verb=verb,
        actor=actor,
        call_id=call_id,
        data=data or {},
        key=_fingerprint(key),
        previous=head.digest,
    )
    entry.digest = _digest(entry, key)
    entry.save(force_insert=True)
    Head.objects.filter(chain=chain).update(seq=entry.seq, digest=entry.digest)
    return entry


def fault_in(chain: str) -> str | None:
    """What is wrong with a chain, in words that name the entry; None when it is whole."""
    keys = {_fingerprint(key): key for key in settings.LOG_KEYS}
    previous, seq = "0" * 64, 0
    for entry in Entry.objects.filter(chain=chain).order_by("seq").iterator(chunk_size=1000):
        if entry.seq != seq + 1:
            return f"{chain}: entry {seq + 1} is missing"
        if entry.previous != previous:
            return f"{chain}: entry {entry.seq} does not follow the one before it"
        if entry.key not in keys:
            return f"{chain}: entry {entry.seq} was signed with a key that is not in VOICEDASH_LOG_KEYS"
        if not hmac.compare_digest(entry.digest, _digest(entry, keys[entry.key])):
            return f"{chain}: entry {entry.seq} was changed"
        previous, seq = entry.digest, entry.seq
    head = Head.objects.filter(chain=chain).first()
    if (head.seq, head.digest) != (seq, previous) if head else seq > 0:
        return f"{chain}: cut off after entry {seq}"
    return None


def _fingerprint(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _digest(entry: Entry, key: str) -> str:
    told = [
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
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()

"""Keeps the callbacks that changed nothing, for an admin to see why: few, short, and without what is somebody's.

Kept are the names of fields, and values that can be nothing but an id, a time or a word of Bandwidth's. Numbers, SIP
addresses, names, tags and the digits that a caller pressed are not.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from voicedash.live.models import OddCallback

KEPT = 100  # of a tenant
MOST_FIELDS = 40
GONE = "…"

# As long as its column at most.
_ID = re.compile(r"[a-z]{1,4}-[0-9a-f-]{8,59}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACCOUNT = re.compile(r"[0-9]{4,8}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,16}(?:Z|[+-][0-9]{2}:?[0-9]{2})?")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]{0,39}")
_NAME = re.compile(r"[A-Za-z]{1,40}")
_SHAPES = {
    "accountId": _ACCOUNT,
    "eventType": _WORD,
    "direction": _WORD,
    "cause": _WORD,
    "status": _WORD,
    "fileFormat": _WORD,
} | dict.fromkeys(
    ("callId", "parentCallId", "recordingId", "conferenceId", "transcriptionId", "applicationId", "errorId"), _ID
)


@dataclass(frozen=True)
class Odd:
    """One of them: when it came, why it changed nothing, and its fields where it had such."""

    at: datetime
    why: str
    fields: dict[str, Any] | None


def keep(tenant_id: int, odd: list[Odd]) -> None:
    """Keeps them, and the newest 100 of the tenant in all. Raises DatabaseError."""
    rows = [
        OddCallback(
            tenant_id=tenant_id,
            at=one.at,
            kind=_shaped(one.fields or {}, "eventType"),
            why=one.why[:200],
            call_id=_shaped(one.fields or {}, "callId"),
            text=sketch(one.fields) if one.fields is not None else "",
        )
        for one in odd[-KEPT:]
    ]
    if not rows:
        return
    of_tenant = OddCallback.objects.filter(tenant=tenant_id).order_by("-id")
    with transaction.atomic(durable=True):
        OddCallback.objects.bulk_create(rows)
        if old := list(of_tenant.values_list("pk", flat=True)[KEPT : 2 * KEPT]):
            OddCallback.objects.filter(pk__in=old).delete()


def sketch(fields: dict[str, Any]) -> str:
    """The fields as JSON, one a line, with `…` for what is not kept."""
    shown: dict[str, str] = {}
    for name in list(fields)[:MOST_FIELDS]:
        if _NAME.fullmatch(name):
            shown[name] = _shaped(fields, name) or GONE
    left = len(fields) - len(shown)
    text = json.dumps(shown, ensure_ascii=False, indent=1)
    return f"{text}\n({left} more)" if left else text


def _shaped(fields: dict[str, Any], name: str) -> str:
    """The value of a field where its shape says that it is nobody's, else ""."""
    value = fields.get(name)
    shape = _TIME if name.endswith("Time") else _SHAPES.get(name)
    return value if isinstance(value, str) and shape is not None and shape.fullmatch(value) else ""

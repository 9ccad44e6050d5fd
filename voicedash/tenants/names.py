"""What the keys in a tenant's log are called now: an entry holds keys, as it can never be erased."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Model, QuerySet

from voicedash.tenants.models import BandwidthAccount, CallbackCredential, Line, Reason, User

_OF_A_TENANT: dict[str, type[Model]] = {
    "account": BandwidthAccount,
    "reason": Reason,
    "callback_credential": CallbackCredential,
    "line": Line,
}
_TEXTS: dict[str, Callable[[Any], str]] = {}


def add(what: str, model: type[Model], text: Callable[[Any], str]) -> None:
    """Makes a sort of thing of tenants known by its model, and what a reader of the log is told of one."""
    _OF_A_TENANT[what], _TEXTS[what] = model, text


def of(tenant_id: int, mentioned: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The names of ("user", "17"), ("reason", "3"), …: what is there no more, or another tenant's, has none.

    One query for each sort of thing, at most.
    """
    keys: dict[str, set[int]] = {}
    for what, key in mentioned:
        if key.isascii() and key.isdigit() and len(key) < 19:
            keys.setdefault(what, set()).add(int(key))
    found: dict[tuple[str, str], str] = {}
    for what, wanted in keys.items():
        rows: QuerySet[Any]
        if what == "user":  # also one who is no member: whoever did something here is told
            rows = User.objects.filter(pk__in=wanted)
        elif what in _OF_A_TENANT:
            rows = _OF_A_TENANT[what]._default_manager.filter(tenant=tenant_id, pk__in=wanted)
        else:
            continue
        text = _TEXTS.get(what, str)
        found |= {(what, str(row.pk)): text(row) for row in rows.order_by()}
    return found

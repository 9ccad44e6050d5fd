"""What the log keeps of a change of a tenant and of what belongs to it: keys, never names or numbers."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from voicedash.audit import log
from voicedash.tenants.models import BandwidthAccount, CallbackCredential, Line, Membership, Reason, Tenant, User

Kept = Tenant | Membership | BandwidthAccount | Reason | CallbackCredential | Line
_WORDS = {
    Tenant: "tenant",
    Membership: "member",
    BandwidthAccount: "account",
    Reason: "reason",
    CallbackCredential: "callback_credential",
    Line: "line",
}


def tell(
    what: Kept,
    did: str,
    *,
    at: datetime,
    actor: int | None = None,
    fields: Iterable[str] = (),
    **more: str | int,
) -> None:
    """Appends "member.added", "account.changed", … to the tenant's chain, under the tenant's lock.

    `did` is "added", "changed", "removed" or "checked", `fields` the names of the columns that
    changed, `actor` the key of who did it (None: `provision`). Raises RuntimeError outside a transaction.
    """
    data: dict[str, Any] = {"id": what.pk, **more}
    if names := sorted(fields):
        data["fields"] = names
    if isinstance(what, Membership):
        data |= {"user": what.user_id, "role": what.role}
    tenant_id = what.pk if isinstance(what, Tenant) else what.tenant_id
    log.append(log.of_tenant(tenant_id), f"{_WORDS[type(what)]}.{did}", at=at, actor=actor, data=data)


def tell_of_lines(tenant_id: int, *, at: datetime, actor: int | None = None, **did: Iterable[Line]) -> None:
    """Appends one "lines.changed" for all lines that were `added=`, `changed=` or `removed=` in this transaction."""
    data = {what: [line.pk for line in lines] for what, lines in did.items()}
    if told := {what: keys for what, keys in data.items() if keys}:
        log.append(log.of_tenant(tenant_id), "lines.changed", at=at, actor=actor, data=told)


def tell_of_user(user: User, did: str, *, at: datetime, actor: int | None = None, fields: Iterable[str] = ()) -> None:
    """The same for a user, who belongs to no tenant: on the chain of the sign-ins.

    Written last in its transaction: a sign-in locks its user first and this chain's head second.
    """
    data: dict[str, Any] = {"user": user.pk}
    if names := sorted(fields):
        data["fields"] = names
    log.append(log.SIGN_INS, f"user.{did}", at=at, actor=actor, data=data)

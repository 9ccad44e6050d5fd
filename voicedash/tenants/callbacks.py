"""Who may send a tenant's callbacks: credentials made by us, known by their digests, compared in constant time.

Several of a tenant are valid at once, so that they can be changed at Bandwidth without losing an event.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from voicedash.tenants import changes
from voicedash.tenants.board import Stamp
from voicedash.tenants.models import CallbackCredential, Tenant, User

MOST = 5  # of a tenant: two are enough to change them
_NOBODYS = "0" * 64  # compared with where there is nothing to compare with


class TooMany(Exception):
    """The tenant has as many credentials as it may have."""


@dataclass(frozen=True)
class Doors:
    """Every tenant's address and credentials as of one moment, so that 500 events a second do not ask each."""

    tenants: dict[str, int]  # by key
    digests: dict[tuple[str, str], str]  # by key and username

    def opens(self, key: str, username: str, password: bytes) -> bool:
        """Whether these are credentials of the tenant with that key. The same work for all, an unknown key included."""
        known = self.digests.get((key, username))
        same = hmac.compare_digest(_digest(password), known or _NOBODYS)
        return same and known is not None


def doors() -> Doors:
    """Reads them. Raises DatabaseError."""
    credentials = CallbackCredential.objects.order_by().values_list("tenant__callback_key", "username", "digest")
    return Doors(
        dict(Tenant.objects.order_by().values_list("callback_key", "pk")),
        {(key, username): digest for key, username, digest in credentials},
    )


def create(tenant: Tenant, stamp: Stamp, *, by: User | None) -> tuple[CallbackCredential, str]:
    """Makes credentials under the tenant's lock; the password is given now and never again. Raises TooMany."""
    if tenant.callback_credentials.count() >= MOST:
        raise TooMany
    password = secrets.token_urlsafe(32)
    made = CallbackCredential.objects.create(
        tenant=tenant,
        username=f"voicedash-{secrets.token_hex(4)}",
        digest=_digest(password.encode()),
        created_at=stamp.now,
        created_by=by,
    )
    changes.tell(made, "added", at=stamp.now, actor=by.pk if by else None)
    return made, password


def remove(credential: CallbackCredential, stamp: Stamp, *, by: User | None) -> None:
    """Takes credentials away, under the tenant's lock: what comes with them is refused a second later."""
    changes.tell(credential, "removed", at=stamp.now, actor=by.pk if by else None)
    credential.delete()


def _digest(password: bytes) -> str:
    # The passwords are ours, 256 random bits: nothing slower than this is needed.
    return hashlib.sha256(password).hexdigest()

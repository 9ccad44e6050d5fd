"""The one module that opens a Bandwidth secret, so that there is one place to look for a leak.

Fernet has no associated data, so what a token belongs to stands inside it and is checked when it
is opened: a token copied to another tenant's row, or from another column, opens nothing there.
"""

import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from voicedash.tenants.models import BandwidthAccount


class Unopenable(Exception):
    """No secret is set, no key of VOICEDASH_KEYS opens it, or it was sealed for another row."""


def seal(account: BandwidthAccount, secret: str) -> None:
    """Sets `account.sealed_secret`; the caller saves it.

    The row must have been saved before, for its key is sealed in: a new account is saved,
    sealed and saved again in one transaction. Raises ValueError for one without a key.
    """
    text = json.dumps([*_place(account), secret])
    account.sealed_secret = _box(tuple(settings.SEALING_KEYS)).encrypt(text.encode()).decode()


def open_secret(account: BandwidthAccount) -> str:
    """The secret in the clear, for a request to Bandwidth and for nothing else. Raises Unopenable."""
    if not account.sealed_secret:
        raise Unopenable("no secret is set")
    try:
        text = _box(tuple(settings.SEALING_KEYS)).decrypt(account.sealed_secret.encode())
    except InvalidToken:
        # `from None`: the token would stand in a traceback.
        raise Unopenable("no key in VOICEDASH_KEYS opens the secret") from None
    *place, secret = json.loads(text)
    if place != _place(account):
        raise Unopenable("the secret was sealed for another row")
    return str(secret)


def _place(account: BandwidthAccount) -> list[int | str]:
    if account.pk is None or account.tenant_id is None:
        raise ValueError("an account is saved before its secret is sealed")
    return [account.tenant_id, account.pk, "sealed_secret"]


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    """The first key seals, every key opens: so a new key is put in front, and the old ones stay until resealed."""
    return MultiFernet([Fernet(key) for key in keys])

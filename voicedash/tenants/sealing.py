"""The one module that opens a Bandwidth secret, so that there is one place to look for a leak.

Fernet has no associated data, so what a token belongs to stands inside it and is checked when it
is opened: a token copied to another tenant's row, or from another column, opens nothing there.
"""

import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken

from voicedash.tenants import keys
from voicedash.tenants.models import BandwidthAccount

Place = tuple[int | str, ...]


class Unopenable(Exception):
    """No secret is set, no key of VOICEDASH_KEYS opens it, or it was sealed for another row."""


def seal(account: BandwidthAccount, secret: str) -> None:
    """Sets `account.sealed_secret`; the caller saves it.

    The row must have been saved before, for its key is sealed in: a new account is saved,
    sealed and saved again in one transaction. Raises ValueError for one without a key.
    """
    text = json.dumps([*_place(account), secret])
    keys.look_again()  # after a rotation nothing may be sealed with what is about to be dropped
    account.sealed_secret = _lock(keys.current()[0]).encrypt(text.encode()).decode()


def open_secret(account: BandwidthAccount) -> str:
    """The secret in the clear, for a request to Bandwidth and for nothing else. Raises Unopenable."""
    return _opened(account)[1]


def key_of(account: BandwidthAccount) -> str:
    """The key that opens the account's secret, for `keys.fingerprint`. Raises Unopenable."""
    return _opened(account)[0]


def opens(account: BandwidthAccount) -> bool:
    """Whether the secret can be opened. Remembered by the sealed text, so that a page may ask for every account."""
    if account.sealed_secret and _opens(keys.current(), _place(account), account.sealed_secret):
        return True
    try:
        _opened(account)  # which looks for keys that came meanwhile
    except Unopenable:
        return False
    return True


def reseal(account: BandwidthAccount) -> bool:
    """Sets `account.sealed_secret` anew with the first key; False where that one sealed it already. Raises Unopenable.

    The caller saves it, by an update on the sealed text that was there before.
    """
    keys.look_again()
    key, secret = _opened(account)
    if key == keys.current()[0]:
        return False
    seal(account, secret)
    return True


def _opened(account: BandwidthAccount) -> tuple[str, str]:
    """The key and the secret."""
    if not account.sealed_secret:
        raise Unopenable("no secret is set")
    place, known = _place(account), keys.current()
    found = _decrypted(known, account.sealed_secret)
    if found is None:
        keys.look_again()  # sealed by a key that came after this process started
        if keys.current() != known:
            found = _decrypted(keys.current(), account.sealed_secret)
    if found is None:
        raise Unopenable("no key in VOICEDASH_KEYS opens the secret")
    key, (*sealed_for, secret) = found[0], json.loads(found[1])
    if tuple(sealed_for) != place:
        raise Unopenable("the secret was sealed for another row")
    return key, str(secret)


def _decrypted(known: tuple[str, ...], sealed: str) -> tuple[str, bytes] | None:
    for key in known:
        try:
            return key, _lock(key).decrypt(sealed.encode())
        except InvalidToken:
            continue
    return None


def _place(account: BandwidthAccount) -> Place:
    if account.pk is None or account.tenant_id is None:
        raise ValueError("an account is saved before its secret is sealed")
    return (account.tenant_id, account.pk, "sealed_secret")


@lru_cache(maxsize=2048)
def _opens(known: tuple[str, ...], place: Place, sealed: str) -> bool:
    found = _decrypted(known, sealed)
    return found is not None and tuple(json.loads(found[1])[:-1]) == place


@lru_cache(maxsize=32)
def _lock(key: str) -> Fernet:
    return Fernet(key)

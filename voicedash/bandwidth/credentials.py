"""How we sign in at Bandwidth: OAuth2 client credentials with a shared token cache, or Basic until it ends."""

import base64
import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import requests

from voicedash.bandwidth.errors import BadCredentials, NeverReached, OutcomeUnknown, TokenRefused
from voicedash.bandwidth.transport import exchange, within

EARLY = 60.0  # seconds before its end at which a token is renewed
UNTOLD = 300.0  # lifetime where the endpoint tells none: the shortest that Bandwidth's own code assumes
QUIET = 30.0  # seconds in which a second fresh token is not fetched after one was refused


class Credentials(Protocol):
    """Gives the Authorization header of a request."""

    def header(self, deadline: float) -> str:
        """The header's value, by `deadline` (time.monotonic()). Raises BadCredentials or NeverReached."""

    def accepted(self, header: str) -> None:
        """Notes that Bandwidth let `header` in."""

    def refused(self, header: str, text: str) -> BadCredentials:
        """The error for a 401 on `header`; forgets what can be renewed."""


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass(frozen=True)
class Basic:
    """Username and password, in UTF-8. Bandwidth ends this on 2 December 2026 (docs/bandwidth.md §3)."""

    username: str
    password: str = field(repr=False)

    def header(self, deadline: float) -> str:
        return _basic(self.username, self.password)

    def accepted(self, header: str) -> None:
        pass

    def refused(self, header: str, text: str) -> BadCredentials:
        return BadCredentials(text, status=401)


@dataclass
class _Token:
    """What is known of one credential's token. One thread fetches, the others wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    value: str = field(default="", repr=False)
    renew_at: float = 0.0
    renewed_after_refusal: float = float("-inf")
    refused: str = field(default="", repr=False)
    proven: bool = False  # Bandwidth has let this value in: when it is refused later, it was revoked

    def usable(self) -> bool:
        return bool(self.value) and self.value != self.refused and time.monotonic() < self.renew_at

    def renewable(self) -> bool:
        """Whether a refusal of this value is worth a new one: not so soon after a fresh one was refused."""
        return self.proven or time.monotonic() >= self.renewed_after_refusal + QUIET


_tokens: dict[str, _Token] = {}
_guard = threading.Lock()


@dataclass(frozen=True)
class OAuth2:
    """Client id and secret, exchanged for a token that all clients of this process share."""

    token_url: str
    client_id: str
    secret: str = field(repr=False)

    def header(self, deadline: float) -> str:
        return "Bearer " + self.token(deadline)

    def token(self, deadline: float) -> str:
        """A token that should work, fetched at most once however many ask."""
        token = self._entry()
        if token.usable():
            return token.value
        if not token.lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise NeverReached("no token in time: another request is still fetching it")
        try:
            if token.usable():
                return token.value
            after_refusal = bool(token.value) and token.value == token.refused
            if after_refusal and not token.renewable():
                # Bandwidth is asked with it all the same: another account of the same client may be let in, and a
                # refusal then comes from Bandwidth and not from us.
                return token.value
            value, renew_at = self._fetch(deadline)
            with _guard:  # an answer to the old token must not prove the new one
                token.value, token.renew_at, token.proven, token.refused = value, renew_at, False, ""
            if after_refusal:
                token.renewed_after_refusal = time.monotonic()
            return value
        finally:
            token.lock.release()

    def known(self) -> str:
        """The token at hand, "" where none has been fetched."""
        return self._entry().value

    def accepted(self, header: str) -> None:
        token = self._entry()
        with _guard:
            token.proven = token.proven or token.value == header.removeprefix("Bearer ")

    def refused(self, header: str, text: str) -> BadCredentials:
        token = self._entry()
        value = header.removeprefix("Bearer ")
        with _guard:
            if token.value == value:
                token.refused = value
                if not token.renewable():
                    return BadCredentials(text, status=401)
        return TokenRefused(text, status=401)

    def _entry(self) -> _Token:
        # The secret is part of the key, hashed: a new secret never meets the old one's token.
        key = hashlib.sha256("\0".join([self.token_url, self.client_id, self.secret]).encode()).hexdigest()
        with _guard:
            return _tokens.setdefault(key, _Token())

    def _fetch(self, deadline: float) -> tuple[str, float]:
        """A new token and when to renew it (time.monotonic()).

        Raises BadCredentials on 400, 401, 403, else NeverReached.
        """
        request = requests.Request(
            "POST",
            self.token_url,
            data={"grant_type": "client_credentials"},
            headers={"Authorization": _basic(self.client_id, self.secret)},
        )
        asked = time.monotonic()
        try:
            response = within(deadline, lambda gate: exchange(request, gate))
        except OutcomeUnknown as error:
            raise NeverReached(f"token endpoint: {error}") from None
        if response.status in {400, 401, 403}:
            raise BadCredentials(f"the token endpoint answered {response.status}")
        if response.status != 200:
            raise NeverReached(f"the token endpoint answered {response.status}", status=response.status)
        try:
            told = json.loads(response.body)
            value = told["access_token"]
            if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NeverReached("the token endpoint's answer holds no token") from None
        lifetime = _lifetime(told.get("expires_in"))
        return value, asked + lifetime - min(EARLY, lifetime / 5)


def _lifetime(told: Any) -> float:
    try:
        seconds = float(told)
    except (TypeError, ValueError, OverflowError):
        return UNTOLD
    return seconds if 0 < seconds < 7 * 86400 else UNTOLD


def claims(token: str) -> dict[str, Any]:
    """What a token says of itself, read without checking its signature; {} where it cannot be read.

    Bandwidth's tokens are JWTs with `accounts` and `roles` (docs/bandwidth.md §3).
    """
    try:
        part = token.split(".")[1]
        told = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}

"""Who may ask the stand-in: accounts, their credentials, and the tokens that were issued for them."""

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass, field

VOICE_ROLE = "HttpVoice"


@dataclass
class FakeAccount:
    """One account and who may use it. The fields may be changed at any time, for instance to rotate a secret."""

    account_id: str
    client_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    roles: list[str] = field(default_factory=lambda: [VOICE_ROLE])
    token_seconds: float = 3600


class Accounts:
    """The accounts, and what was issued for them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.accounts: dict[str, FakeAccount] = {}
        self._tokens: dict[str, tuple[frozenset[str], float]] = {}

    def issue_token(self, client_id: str, secret: str) -> tuple[str, float] | None:
        """A new token and its seconds for a client with the right secret, else None."""
        with self.lock:
            mine = [
                account
                for account in self.accounts.values()
                if account.client_id == client_id and account.secret is not None and account.secret == secret
            ]
            if not mine:
                return None
            reached = [account.account_id for account in mine]
            seconds = min(account.token_seconds for account in mine)
            claims = {
                "sub": client_id,
                "accounts": reached,
                "roles": sorted({role for account in mine for role in account.roles}),
                "exp": int(time.time() + seconds),
                "jti": secrets.token_hex(8),
            }
            now = time.monotonic()
            self._tokens = {known: to for known, to in self._tokens.items() if to[1] > now}  # or they pile up
            token = ".".join([_part({"alg": "none", "typ": "JWT"}), _part(claims), secrets.token_urlsafe(8)])
            self._tokens[token] = (frozenset(reached), now + seconds)
            return token, seconds

    def expire_tokens(self, account_id: str | None = None) -> None:
        """Takes back every token, or those that reach one account."""
        with self.lock:
            self._tokens = {
                token: (accounts, until)
                for token, (accounts, until) in self._tokens.items()
                if account_id is not None and account_id not in accounts
            }

    def accounts_of_token(self, token: str) -> frozenset[str] | None:
        """The accounts a living token reaches; None for a token that is unknown or over."""
        with self.lock:
            accounts, until = self._tokens.get(token, (frozenset(), 0.0))
            return accounts if time.monotonic() < until else None

    def accounts_of_user(self, username: str, password: str) -> frozenset[str] | None:
        """The accounts a username with the right password reaches, else None."""
        with self.lock:
            mine = frozenset(
                account.account_id
                for account in self.accounts.values()
                if account.username == username and account.password is not None and account.password == password
            )
        return mine or None


def _part(value: object) -> str:
    """One part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

"""What can go wrong between us and Bandwidth. Refused, never reached and unknown are never one branch.

BandwidthError
├── Refused              Bandwidth read the request and said no (a 4xx, whatever its body): nothing changed
│   ├── BadCredentials   401, 403, or 400/401/403 of the token endpoint: a matter for the account's admin
│   │   └── TokenRefused 401 on a Bearer token: a new token may help, once
│   ├── UnknownCall      404, 409: over, not answered yet, in its first seconds, or of another account
│   └── RateLimited      429: ask again after `retry_after` seconds
├── NeverReached         no byte of the request left us: no name, no connection, no TLS, no token, too late
└── OutcomeUnknown       a byte may have left and no readable answer came: it may have been done

`str()` is the whole truth for a log: status, Bandwidth's own words, its reference. It never holds
credentials, tokens, headers or a URL with a query. Sentences for people are made elsewhere.
"""


class BandwidthError(Exception):
    """Base of all. `status` is the HTTP status where there was one, `reference` Bandwidth's id of the error."""

    def __init__(self, text: str, *, status: int | None = None, reference: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.reference = reference


class Refused(BandwidthError):
    """A 4xx: the request was read and not done."""


class BadCredentials(Refused):
    """The account's credentials are wrong, or do not reach this account or the Voice API."""


class TokenRefused(BadCredentials):
    """A 401 on a Bearer token; the token has been forgotten, so asking again fetches a new one."""


class UnknownCall(Refused):
    """Bandwidth does not know this call now."""


class RateLimited(Refused):
    """Bandwidth asks us to wait `retry_after` seconds (1 where its header cannot be read)."""

    def __init__(self, text: str, *, retry_after: float, status: int | None = 429, reference: str = "") -> None:
        super().__init__(text, status=status, reference=reference)
        self.retry_after = retry_after


class NeverReached(BandwidthError):
    """The request did not leave this machine, and no longer can."""


class OutcomeUnknown(BandwidthError):
    """The request may have been done: no answer, half an answer, a 5xx, or one we cannot read."""

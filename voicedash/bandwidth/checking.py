"""Do these credentials reach this account? Asked when an admin saves them, so that no caller waits on a typo."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import OAuth2, claims
from voicedash.bandwidth.errors import BadCredentials, BandwidthError, RateLimited, Refused

Result = Literal["ok", "credentials", "role", "account", "unreachable"]


def check(client: Client) -> tuple[Result, str]:
    """Tries the credentials with a small listing; gives the result, and the whole truth for the log.

    A 403 does not say whether the account id or the Voice role is wrong; a token names its
    accounts and roles (docs/bandwidth.md §3), which does.
    """
    try:
        next(client.pages(since=datetime.now(UTC) - timedelta(minutes=1), page_size=1), None)
    except BadCredentials as error:
        if error.status != 403:
            return "credentials", str(error)
        return _forbidden(client), str(error)
    except RateLimited as error:
        return "ok", str(error)  # whoever is told to slow down has been let in
    except Refused as error:
        return "account", str(error)  # let in, and yet no such place: 404 and the like
    except BandwidthError as error:
        return "unreachable", str(error)
    return "ok", ""


def reaches(client: Client) -> bool | None:
    """Whether the token at hand says that it may use this account and Voice; None where it says nothing of that."""
    if not isinstance(client.credentials, OAuth2):
        return None
    told = claims(client.credentials.known())
    accounts, roles = told.get("accounts"), told.get("roles")
    if not isinstance(accounts, list) or not isinstance(roles, list) or not accounts:
        return None
    return _has_account(client, accounts) and _has_voice(roles)


def _forbidden(client: Client) -> Result:
    if not isinstance(client.credentials, OAuth2):
        return "account"
    told = claims(client.credentials.known())
    accounts, roles = told.get("accounts"), told.get("roles")
    if isinstance(accounts, list) and accounts and not _has_account(client, accounts):
        return "account"
    if isinstance(roles, list) and not _has_voice(roles):
        return "role"
    return "account"


def _has_account(client: Client, accounts: list[Any]) -> bool:
    return client.account_id in [str(account) for account in accounts]


def _has_voice(roles: list[Any]) -> bool:
    return any("voice" in str(role).lower() for role in roles)

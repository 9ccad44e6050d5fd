"""Bandwidth accounts in use: a client for one, whether its credentials work, and what managers must know of them."""

import logging
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from voicedash.bandwidth.checking import check
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import Basic, Credentials, OAuth2
from voicedash.tenants import access, board, changes, sealing
from voicedash.tenants.models import BandwidthAccount, Membership

logger = logging.getLogger(__name__)

# Bandwidth's own announcement: from this day on only OAuth2 client credentials sign in (docs/bandwidth.md §3).
BASIC_ENDS = date(2026, 12, 2)

_TO_DO = {
    BandwidthAccount.Check.NONE: "Nobody has tried these credentials yet.",
    BandwidthAccount.Check.OK: "Bandwidth accepts these credentials for this account.",
    BandwidthAccount.Check.CREDENTIALS: "Bandwidth refuses the client id or the secret: enter both again.",
    BandwidthAccount.Check.ROLE: (
        "Bandwidth accepts the credentials, but they may not use Voice: "
        "give them the role “HTTP Voice” in the Bandwidth App."
    ),
    BandwidthAccount.Check.ACCOUNT: (
        "Bandwidth accepts the credentials, but not for this account id: "
        "compare it with the one in the Bandwidth App, and see that the credentials may use Voice there."
    ),
    BandwidthAccount.Check.UNREACHABLE: (
        "Bandwidth did not answer in time, so nothing is known of the credentials: "
        "see that this machine reaches the internet, then check again."
    ),
    BandwidthAccount.Check.SEALED: (
        "The secret is not set, or no key in VOICEDASH_KEYS opens it: enter the secret again, or bring the key back."
    ),
}


def client_for(account: BandwidthAccount, *, patience: float | None = None) -> Client:
    """A client that signs in as `account` says. Asks nothing yet. Raises sealing.Unopenable.

    `patience`: seconds that a read may take, where not the usual.
    """
    secret = sealing.open_secret(account)
    if account.auth == BandwidthAccount.Auth.BASIC:
        credentials: Credentials = Basic(account.client_id, secret)
    else:
        credentials = OAuth2(settings.TOKEN_URL, account.client_id, secret)
    return Client(settings.VOICE_URL, account.account_id, credentials, patience=patience)


def check_account(account: BandwidthAccount, *, actor: int | None = None) -> BandwidthAccount.Check:
    """Tries the credentials at Bandwidth and keeps the result, which is also returned.

    Asks outside any transaction, so it takes as long as Bandwidth does (seconds). The result is
    kept only for the credentials that were tried: whoever changed them meanwhile has them checked anew.
    """
    result: str
    try:
        result, truth = check(client_for(account))
    except sealing.Unopenable as error:
        result, truth = "sealed", str(error)
    if truth:
        logger.warning("account %s: %s: %s", account.pk, result, truth)
    checked = BandwidthAccount.Check(result)
    tried = {name: getattr(account, name) for name in ("account_id", "auth", "client_id", "sealed_secret")}
    with board.writing(account.tenant_id) as stamp:
        kept = BandwidthAccount.objects.filter(pk=account.pk, **tried).update(
            check_result=checked, checked_at=stamp.now
        )
        if kept:
            changes.tell(account, "checked", at=stamp.now, actor=actor, result=checked.value)
            account.check_result, account.checked_at = checked, stamp.now
    return checked


def told(result: str) -> str:
    """What a check's result means and what to do, in a sentence for an admin."""
    return _TO_DO[BandwidthAccount.Check(result)]


@dataclass(frozen=True)
class BasicEnds:
    """The accounts that stop working when Basic ends, and in how many days (0 or less: it has ended)."""

    day: date
    days_left: int
    accounts: list[BandwidthAccount]

    @property
    def sentence(self) -> str:
        names = ", ".join(f"{account} ({account.tenant})" for account in self.accounts)
        day = f"{self.day.day} {self.day:%B %Y}"
        if self.days_left <= 0:
            return f"Bandwidth ended sign-in by username and password on {day}. Without OAuth2 credentials: {names}."
        days = "1 day" if self.days_left == 1 else f"{self.days_left} days"
        return f"Bandwidth ends sign-in by username and password on {day}, in {days}. Still using it: {names}."


def basic_ends(today: date, accounts: QuerySet[BandwidthAccount]) -> BasicEnds | None:
    """Which of `accounts` still use Basic, and how long they may; None where none does."""
    using = list(accounts.filter(auth=BandwidthAccount.Auth.BASIC).select_related("tenant"))
    return BasicEnds(BASIC_ENDS, (BASIC_ENDS - today).days, using) if using else None


def basic_ends_for(membership: Membership) -> BasicEnds | None:
    """The same for a manager's board, in the tenant's time zone. Supervisors are not bothered with it: None."""
    if membership.role not in access.MANAGES:
        return None
    return basic_ends(timezone.localdate(), BandwidthAccount.objects.filter(tenant=membership.tenant_id))


@dataclass(frozen=True)
class Sealed:
    """The accounts whose secret cannot be opened: no key that is here fits, or none is set."""

    accounts: list[BandwidthAccount]

    @property
    def sentence(self) -> str:
        names = ", ".join(f"{account} ({account.tenant})" for account in self.accounts)
        return f"Nothing can be paused or resumed where the account's secret cannot be opened: {names}."


def sealed(accounts: QuerySet[BandwidthAccount]) -> Sealed | None:
    """Which of `accounts` nobody can press on for want of a secret; None where all is well. Asks Bandwidth nothing."""
    found = [account for account in accounts.select_related("tenant") if not sealing.opens(account)]
    return Sealed(found) if found else None


def sealed_for(membership: Membership) -> Sealed | None:
    """The same for a manager's board; None for everybody else, whom a press tells."""
    if membership.role not in access.MANAGES:
        return None
    return sealed(BandwidthAccount.objects.filter(tenant=membership.tenant_id))


def secret_state(account: BandwidthAccount) -> str:
    """Whether the secret is set and can be opened, in words for the list of accounts. Asks Bandwidth nothing."""
    if not account.sealed_secret:
        return "not set"
    return "set" if sealing.opens(account) else "cannot be opened"

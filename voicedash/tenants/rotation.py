"""Rotation of the sealing keys while voicedash runs: a new key, every secret sealed anew, proof, the old keys out."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import Error as DatabaseProblem
from django.db import connection, transaction
from django.db.models import QuerySet

from voicedash.tenants import board, changes, keys, sealing
from voicedash.tenants.models import BandwidthAccount

logger = logging.getLogger(__name__)

_TRIES = 10  # of a transaction while presses hold the lock; each waits 2 s for it


@dataclass
class Survey:
    """Which key each secret needs. Keys are named by fingerprint, the first one seals."""

    keys: list[str]
    needing: dict[str, list[BandwidthAccount]]
    lost: list[tuple[BandwidthAccount, str]] = field(default_factory=list)  # with why
    unset: list[BandwidthAccount] = field(default_factory=list)

    @property
    def still_needed(self) -> dict[str, list[BandwidthAccount]]:
        """The keys behind the first that some account needs, with those accounts."""
        return {key: found for key, found in self.needing.items() if found and key != self.keys[0]}

    @property
    def first_opens_all(self) -> bool:
        """The proof: whatever other key there is may go."""
        return not self.still_needed and not self.lost


@dataclass
class Resealed:
    """What a rotation did, and what it had to leave."""

    done: list[BandwidthAccount] = field(default_factory=list)
    before: int = 0  # sealed with the first key already
    left: list[tuple[BandwidthAccount, str]] = field(default_factory=list)  # with why
    unset: int = 0


class StillNeeded(Exception):
    """Keys were not dropped: accounts need them."""

    def __init__(self, survey: Survey) -> None:
        super().__init__("accounts need a key behind the first")
        self.survey = survey


def named(account: BandwidthAccount) -> str:
    """An account in a line for an operator: "acme 9900001", with its name where it has one."""
    return f"{account.tenant.slug} {account.account_id}" + (f" ({account.name})" if account.name else "")


def survey() -> Survey:
    """Opens every secret, and says with which key. Changes nothing."""
    keys.look_again()
    return _survey(keys.current(), _accounts().iterator(chunk_size=500))


def _survey(known: Iterable[str], accounts: Iterable[BandwidthAccount]) -> Survey:
    names = [keys.fingerprint(key) for key in known]
    found = Survey(names, {name: [] for name in names})
    for account in accounts:
        if not account.sealed_secret:
            found.unset.append(account)
            continue
        try:
            key = sealing.key_of(account)
        except sealing.Unopenable as error:
            found.lost.append((account, str(error)))
        else:
            found.needing.setdefault(keys.fingerprint(key), []).append(account)
    return found


def reseal_all(say: Callable[[str], None]) -> Resealed:
    """Seals every secret with the first key, one account a transaction; `say` is told of each.

    May run while people press, beside another one, and again after it was killed. An account that cannot be opened
    or written is left, with why, and the others go on.
    """
    result = Resealed()
    for pk in list(BandwidthAccount.objects.order_by("tenant", "pk").values_list("pk", flat=True)):
        account = _accounts().filter(pk=pk).first()
        if account is None:
            continue
        if not account.sealed_secret:
            result.unset += 1
            continue
        try:
            resealed = _patiently(lambda account=account: _reseal(account))  # type: ignore[misc]
        except sealing.Unopenable as error:
            result.left.append((account, str(error)))
            say(f"{named(account)}: left as it is: {error}")
        except DatabaseProblem as error:
            logger.exception("account %s could not be resealed", account.pk)
            result.left.append((account, "it could not be written"))
            say(f"{named(account)}: left as it is: it could not be written ({str(error).strip()})")
        else:
            if resealed:
                result.done.append(account)
                say(f"{named(account)}: sealed anew")
            else:
                result.before += 1
    return result


def drop() -> list[str]:
    """Takes every key but the first out of voicedash's own file; gives their fingerprints.

    Raises StillNeeded where an account needs one of them, keys.CannotWrite where the file is not ours to write.
    """
    with keys.changing() as file:
        kept = keys.stored(file)
        keys.look_again()
        if (found := survey()).still_needed:
            raise StillNeeded(found)
        if len(kept) == 1:
            return []
        keys.keep(file, kept[:1])
        # Who sealed with an old key until a moment ago has written it by now.
        if (found := survey()).still_needed:
            keys.keep(file, kept)
            raise StillNeeded(found)
    return [keys.fingerprint(key) for key in kept[1:]]


def _reseal(account: BandwidthAccount) -> bool:
    if not sealing.reseal(account):  # a look without the lock: most of a second run ends here
        return False
    with board.writing(account.tenant_id) as stamp:
        fresh = BandwidthAccount.objects.filter(pk=account.pk).first()
        was = fresh.sealed_secret if fresh else ""
        if fresh is None or not was or not sealing.reseal(fresh):  # deleted, or somebody entered a new secret
            transaction.set_rollback(True)
            return False
        # On the sealed text that was read: a secret that somebody entered meanwhile stays.
        rows = BandwidthAccount.objects.filter(pk=fresh.pk, sealed_secret=was)
        if not rows.update(sealed_secret=fresh.sealed_secret):
            transaction.set_rollback(True)
            return False
        changes.tell(fresh, "resealed", at=stamp.now, key=keys.fingerprint(keys.current()[0]))
    return True


def _patiently(write: Callable[[], bool]) -> bool:
    tries = 0
    while True:
        try:
            return write()
        except DatabaseProblem:
            connection.close()
            tries += 1
            if tries == _TRIES:
                raise
        time.sleep(0.2)


def _accounts() -> QuerySet[BandwidthAccount]:
    return BandwidthAccount.objects.select_related("tenant").order_by("tenant", "pk")

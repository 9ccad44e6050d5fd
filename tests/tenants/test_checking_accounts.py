"""An account's credentials are tried at Bandwidth, and the result is kept with what to do about it."""

import pytest

from tests.cast import Cast
from tests.tenants.conftest import told
from voicedash.bandwidth.credentials import Basic, OAuth2
from voicedash.bandwidth.fake import Fake
from voicedash.tenants import accounts, sealing
from voicedash.tenants.models import BandwidthAccount

Check = BandwidthAccount.Check


def kept(account: BandwidthAccount) -> tuple[str, bool]:
    account.refresh_from_db()
    return account.check_result, account.checked_at is not None


def test_credentials_that_work_are_ok(cast: Cast, bandwidth: Fake) -> None:
    assert accounts.check_account(cast.acme_account, actor=cast.root.pk) == Check.OK
    assert kept(cast.acme_account) == ("ok", True)
    assert told(cast.acme) == [("account.checked", cast.root.pk, {"id": cast.acme_account.pk, "result": "ok"})]


def test_username_and_password_still_work(cast: Cast, bandwidth: Fake) -> None:
    cast.acme_account.auth = "basic"
    cast.acme_account.save()
    assert accounts.check_account(cast.acme_account) == Check.OK
    assert bandwidth.requests[-1].authorization_kind == "basic"


def test_a_wrong_secret_is_wrong_credentials(cast: Cast, bandwidth: Fake) -> None:
    sealing.seal(cast.acme_account, "wrong")
    cast.acme_account.save()
    assert accounts.check_account(cast.acme_account) == Check.CREDENTIALS
    assert kept(cast.acme_account) == ("credentials", True)


def test_a_wrong_password_is_wrong_credentials(cast: Cast, bandwidth: Fake) -> None:
    cast.acme_account.auth = "basic"
    sealing.seal(cast.acme_account, "wrong")
    cast.acme_account.save()
    assert accounts.check_account(cast.acme_account) == Check.CREDENTIALS


def test_credentials_that_may_not_use_voice_lack_the_role(cast: Cast, fake: Fake) -> None:
    account = cast.acme_account
    fake.add_account("9900001", client_id=account.client_id, secret="secret-9900001", roles=["HttpMessaging"])
    assert accounts.check_account(account) == Check.ROLE


def test_credentials_of_another_account_name_the_account_id(cast: Cast, fake: Fake) -> None:
    fake.add_account("9900007", client_id=cast.acme_account.client_id, secret="secret-9900001")
    fake.add_account("9900001", client_id="CLI-of-others", secret="theirs")
    assert accounts.check_account(cast.acme_account) == Check.ACCOUNT


def test_a_service_that_fails_is_not_reachable(cast: Cast, bandwidth: Fake) -> None:
    bandwidth.fail_next(503, times=5, on="any")
    assert accounts.check_account(cast.acme_account) == Check.UNREACHABLE


def test_a_service_that_is_gone_is_not_reachable(cast: Cast, bandwidth: Fake) -> None:
    bandwidth.stop()
    assert accounts.check_account(cast.acme_account) == Check.UNREACHABLE


def test_a_secret_that_cannot_be_opened_is_told_without_asking(cast: Cast, bandwidth: Fake) -> None:
    cast.acme_account.sealed_secret = cast.globex_account.sealed_secret
    cast.acme_account.save()
    assert accounts.check_account(cast.acme_account) == Check.SEALED
    assert kept(cast.acme_account) == ("sealed", True)
    assert bandwidth.requests == []


def test_credentials_changed_during_the_check_do_not_get_its_result(cast: Cast, bandwidth: Fake) -> None:
    stale = BandwidthAccount.objects.get(pk=cast.acme_account.pk)
    BandwidthAccount.objects.filter(pk=stale.pk).update(client_id="CLI-new")
    assert accounts.check_account(stale) == Check.OK
    assert kept(cast.acme_account) == ("", False)
    assert told(cast.acme) == []


@pytest.mark.parametrize("result", Check.values)
def test_every_result_says_what_to_do(result: str) -> None:
    assert accounts.told(result).endswith(".")


def test_no_credentials_show_what_they_hold(cast: Cast) -> None:
    client = accounts.client_for(cast.acme_account)
    assert isinstance(client.credentials, OAuth2)
    cast.acme_account.auth = "basic"
    other = accounts.client_for(cast.acme_account)
    assert isinstance(other.credentials, Basic)
    assert "secret-9900001" not in repr(client.credentials) + repr(other.credentials)

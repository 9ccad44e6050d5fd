"""A Bandwidth secret is sealed for its row, by the first key, and a lost key leaves the pages alive."""

from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from pytest_django.fixtures import Settings

from tests.cast import Cast
from voicedash.tenants import sealing
from voicedash.tenants.models import BandwidthAccount, User


def test_a_secret_comes_back_as_it_went_in(cast: Cast) -> None:
    sealing.seal(cast.acme_account, "pä$$ 'word'\0 ")
    assert sealing.open_secret(cast.acme_account) == "pä$$ 'word'\0 "


def test_the_sealed_text_holds_nothing_of_the_secret(cast: Cast) -> None:
    assert "secret-9900001" not in cast.acme_account.sealed_secret


def test_a_secret_copied_to_another_account_opens_nothing_there(cast: Cast) -> None:
    cast.globex_account.sealed_secret = cast.acme_account.sealed_secret
    with pytest.raises(sealing.Unopenable, match="another row"):
        sealing.open_secret(cast.globex_account)


def test_a_secret_does_not_follow_its_row_to_another_tenant(cast: Cast) -> None:
    cast.acme_account.tenant = cast.globex
    with pytest.raises(sealing.Unopenable, match="another row"):
        sealing.open_secret(cast.acme_account)


def test_an_account_without_a_key_cannot_be_sealed(cast: Cast) -> None:
    with pytest.raises(ValueError, match="saved before"):
        sealing.seal(BandwidthAccount(tenant=cast.acme), "secret")


def test_the_first_key_seals_and_every_key_opens(cast: Cast, settings: Settings) -> None:
    settings.SEALING_KEYS_FILE = None  # nowhere else to look
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    account = cast.acme_account
    settings.SEALING_KEYS = [old]
    sealing.seal(account, "before")
    settings.SEALING_KEYS = [new, old]
    assert sealing.open_secret(account) == "before"

    sealing.seal(account, "after")
    settings.SEALING_KEYS = [new]
    assert sealing.open_secret(account) == "after"
    settings.SEALING_KEYS = [old]
    with pytest.raises(sealing.Unopenable, match="no key"):
        sealing.open_secret(account)


def test_an_account_without_a_secret_says_so(cast: Cast) -> None:
    cast.acme_account.sealed_secret = ""
    with pytest.raises(sealing.Unopenable, match="no secret is set"):
        sealing.open_secret(cast.acme_account)


@pytest.mark.parametrize("broken", ["", "nonsense", "gAAAAAB", "ä"])
def test_a_secret_that_nobody_can_open_leaves_the_pages_alive(
    cast: Cast, browser: Callable[[User], Client], broken: str
) -> None:
    BandwidthAccount.objects.filter(pk=cast.acme_account.pk).update(sealed_secret=broken)
    assert browser(cast.mia).get("/t/acme/").status_code == 200
    admin = browser(cast.root)
    assert admin.get("/admin/tenants/bandwidthaccount/").status_code == 200
    assert admin.get(f"/admin/tenants/bandwidthaccount/{cast.acme_account.pk}/change/").status_code == 200


def test_a_lost_key_leaves_the_pages_alive(cast: Cast, browser: Callable[[User], Client], settings: Settings) -> None:
    settings.SEALING_KEYS_FILE = None  # nowhere else to look
    settings.SEALING_KEYS = [Fernet.generate_key().decode()]
    assert browser(cast.ana).get("/t/acme/").status_code == 200
    page = browser(cast.root).get(f"/admin/tenants/bandwidthaccount/{cast.acme_account.pk}/change/")
    assert page.status_code == 200

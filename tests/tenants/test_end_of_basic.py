"""The end of sign-in by username and password is told to those who can do something about it, and to nobody else."""

from collections.abc import Callable
from datetime import date

import pytest
from django.test import Client

from tests.cast import Cast
from voicedash.tenants import accounts
from voicedash.tenants.models import BandwidthAccount, User

ENDS = "Bandwidth ends sign-in by username and password"


@pytest.fixture(autouse=True)
def _acme_uses_basic(cast: Cast) -> None:
    BandwidthAccount.objects.filter(pk=cast.acme_account.pk).update(auth="basic")


@pytest.mark.parametrize(
    ("today", "left", "words"),
    [
        (date(2026, 11, 22), 10, "on 2 December 2026, in 10 days"),
        (date(2026, 12, 1), 1, "in 1 day."),
        (date(2026, 12, 2), 0, "ended sign-in by username and password on 2 December 2026"),
        (date(2027, 1, 1), -30, "ended"),
    ],
)
def test_the_days_left_are_counted_to_the_second_of_december(today: date, left: int, words: str) -> None:
    ends = accounts.basic_ends(today, BandwidthAccount.objects.all())
    assert ends
    assert ends.days_left == left
    assert words in ends.sentence
    assert [account.account_id for account in ends.accounts] == ["9900001"]


def test_nothing_is_told_where_no_account_uses_it(cast: Cast) -> None:
    assert accounts.basic_ends(date(2026, 11, 22), BandwidthAccount.objects.filter(tenant=cast.globex)) is None


def test_a_manager_is_told_and_others_are_not(cast: Cast) -> None:
    ends = accounts.basic_ends_for(cast.mia.memberships.get())
    assert ends
    assert [account.account_id for account in ends.accounts] == ["9900001"]
    for user in (cast.ana, cast.vic):
        assert accounts.basic_ends_for(user.memberships.get()) is None


def test_admin_shows_it_on_its_pages(cast: Cast, root: Client) -> None:
    for address in ("/admin/", "/admin/tenants/tenant/"):
        assert "username and password" in root.get(address).content.decode()
    BandwidthAccount.objects.update(auth="oauth2")
    assert "username and password" not in root.get("/admin/").content.decode()


def test_the_board_shows_it_to_managers_only(cast: Cast, browser: Callable[[User], Client]) -> None:
    assert "2 December 2026" in browser(cast.mia).get("/t/acme/").content.decode()
    for user in (cast.ana, cast.vic):
        assert "2 December 2026" not in browser(user).get("/t/acme/").content.decode()

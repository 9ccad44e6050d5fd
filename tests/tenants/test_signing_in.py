"""Signing in: the tenth failure in a row locks for thirty full minutes, and nothing tells who exists."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from tests.cast import PASSWORD, Cast
from tests.tenants.conftest import sign_in, told
from voicedash.audit import log
from voicedash.tenants import signing_in
from voicedash.tenants.board import database_time
from voicedash.tenants.models import User


def fail(times: int, username: str = "ana") -> None:
    for _ in range(times):
        assert sign_in(Client(), username, "wrong").status_code == 200


def let_in(username: str = "ana", password: str = PASSWORD) -> bool:
    return bool(sign_in(Client(), username, password).status_code == 302)


def verbs() -> list[str]:
    return [verb for verb, _, _ in told(log.SIGN_INS)]


def said(username: str, password: str) -> str:
    page = sign_in(Client(), username, password).content.decode()
    alert = re.search(r'role="alert">([^<]+)<', page)
    assert alert, page
    return alert[1]


def test_the_right_password_lets_in_and_leads_home(cast: Cast) -> None:
    client = Client()
    answer = sign_in(client, "ana")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/").status_code == 302
    assert told(log.SIGN_INS) == [("user.signed_in", cast.ana.pk, {})]


def test_signing_in_leads_back_to_where_one_wanted_to_go(cast: Cast) -> None:
    answer = Client().post("/accounts/login/?next=/t/acme/", {"login": "ana", "password": PASSWORD, "next": "/t/acme/"})
    assert answer["Location"] == "/t/acme/"
    answer = Client().post("/accounts/login/", {"login": "ana", "password": PASSWORD, "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_nine_failures_do_not_lock(cast: Cast) -> None:
    fail(9)
    assert let_in()


def test_the_tenth_failure_in_a_row_locks(cast: Cast) -> None:
    fail(10)
    assert not let_in()
    cast.ana.refresh_from_db()
    assert cast.ana.failed_sign_ins == 10
    assert verbs() == ["user.sign_in_failed"] * 10 + ["user.locked", "user.sign_in_failed"]
    assert told(log.SIGN_INS)[-1] == ("user.sign_in_failed", cast.ana.pk, {"why": "locked"})


def test_a_success_ends_the_row_of_failures(cast: Cast) -> None:
    fail(9)
    assert let_in()
    fail(9)
    assert let_in()


def test_the_lock_lasts_thirty_full_minutes_from_the_tenth_failure(cast: Cast) -> None:
    fail(9)
    before = database_time()
    fail(1)
    after = database_time()
    cast.ana.refresh_from_db()
    assert cast.ana.locked_until
    assert before + timedelta(minutes=30) <= cast.ana.locked_until <= after + timedelta(minutes=30)


def test_the_lock_holds_to_its_last_second_and_no_longer(cast: Cast) -> None:
    fail(10)
    User.objects.filter(pk=cast.ana.pk).update(locked_until=database_time() + timedelta(seconds=20))
    assert not let_in()
    User.objects.filter(pk=cast.ana.pk).update(locked_until=database_time() - timedelta(milliseconds=20))
    assert let_in()
    cast.ana.refresh_from_db()
    assert (cast.ana.failed_sign_ins, cast.ana.locked_until) == (0, None)


def test_a_try_during_the_lock_does_not_prolong_it(cast: Cast) -> None:
    fail(10)
    cast.ana.refresh_from_db()
    until = cast.ana.locked_until
    fail(3)
    assert not let_in()
    cast.ana.refresh_from_db()
    assert (cast.ana.failed_sign_ins, cast.ana.locked_until) == (10, until)


def test_after_the_lock_one_has_ten_tries_again(cast: Cast) -> None:
    fail(10)
    User.objects.filter(pk=cast.ana.pk).update(locked_until=database_time() - timedelta(seconds=1))
    fail(9)
    cast.ana.refresh_from_db()
    assert (cast.ana.failed_sign_ins, cast.ana.locked_until) == (9, None)
    fail(1)
    assert not let_in()


def test_failures_at_the_same_moment_are_all_counted(cast: Cast) -> None:
    def one(_: int) -> None:
        try:
            signing_in.fail(cast.ana)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(16)))
    cast.ana.refresh_from_db()
    assert cast.ana.failed_sign_ins == 10
    assert verbs().count("user.locked") == 1
    assert verbs().count("user.sign_in_failed") == 16


def test_a_password_found_while_the_lock_falls_does_not_let_in(cast: Cast) -> None:
    fail(10)
    assert signing_in.succeed(cast.ana) is False


def test_an_account_locks_whatever_letters_its_name_is_typed_in(cast: Cast) -> None:
    fail(5, "ana")
    fail(5, "ANA")
    assert not let_in("Ana")


def test_another_account_is_not_locked_with_it(cast: Cast) -> None:
    fail(10)
    assert let_in("mia")


def test_an_admin_unlocks(cast: Cast, root: Client) -> None:
    fail(10)
    page = root.post(
        "/admin/tenants/user/", {"action": "unlock", "_selected_action": [cast.ana.pk]}, follow=True
    ).content.decode()
    assert "Ana Ruiz can sign in again." in page
    assert let_in()
    assert ("user.unlocked", cast.root.pk, {"user": cast.ana.pk}) in told(log.SIGN_INS)


def test_a_wrong_password_an_unknown_name_a_locked_and_a_closed_account_read_the_same(cast: Cast) -> None:
    User.objects.filter(pk=cast.vic.pk).update(is_active=False)
    fail(10)
    wrong = said("mia", "wrong")
    assert said("nobody", "wrong") == wrong
    assert said("ana", PASSWORD) == wrong
    assert said("ana", "wrong") == wrong
    assert said("vic", PASSWORD) == wrong
    assert "half an hour" in wrong


def test_an_unknown_name_is_not_written_down(cast: Cast) -> None:
    fail(1, "my-password-by-mistake")
    assert told(log.SIGN_INS) == [("user.sign_in_failed", None, {"why": "unknown"})]


def test_a_right_password_during_the_lock_counts_against_the_address(cast: Cast, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "1000/m/ip", "login_failed": "12/m/ip"}
    fail(10)
    assert not let_in()
    assert not let_in()
    assert said("mia", PASSWORD).startswith("Too many tries from this address")


def test_sixty_people_behind_one_address_can_sign_in(cast: Cast, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "1000/m/ip", "login_failed": "5/m/ip"}
    for _ in range(12):  # more than failures are allowed
        assert let_in()


def test_signing_out_is_told(cast: Cast) -> None:
    client = Client()
    sign_in(client, "ana")
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert client.get("/")["Location"].startswith("/accounts/login/")
    assert told(log.SIGN_INS)[-1] == ("user.signed_out", cast.ana.pk, {})


def test_an_own_new_password_is_told_without_it(cast: Cast) -> None:
    client = Client()
    sign_in(client, "ana")
    new = "another-long-password"
    page = client.post(
        "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new}, follow=True
    )
    assert page.status_code == 200
    assert let_in("ana", new)
    assert ("user.changed", cast.ana.pk, {"user": cast.ana.pk, "fields": ["password"]}) in told(log.SIGN_INS)


def test_a_short_password_is_refused(cast: Cast) -> None:
    client = Client()
    sign_in(client, "ana")
    client.post(
        "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": "short-pass1", "password2": "short-pass1"}
    )
    assert let_in("ana", PASSWORD)


@pytest.mark.parametrize(
    "address",
    [
        "signup/",
        "password/reset/",
        "password/reset/key/1-abc/",
        "password/set/",
        "email/",
        "confirm-email/",
        "inactive/",
        "reauthenticate/",
        "login/code/",
        "2fa/",
    ],
)
def test_of_allauths_pages_only_three_exist(cast: Cast, root: Client, address: str) -> None:
    assert root.get(f"/accounts/{address}").status_code == 404
    assert Client().get(f"/accounts/{address}").status_code == 404

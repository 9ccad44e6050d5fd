"""What an admin is told of new credentials: which of them is wrong, before a caller waits on it."""

from collections.abc import Callable

import pytest

from tests.bandwidth.asking import ACCOUNT
from voicedash.bandwidth import client as client_module
from voicedash.bandwidth.checking import check
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import Basic, OAuth2
from voicedash.bandwidth.fake import Fake, Fault

pytestmark = pytest.mark.usefixtures("call")
OTHER = "9900002"


def by_token(fake: Fake, account: str = ACCOUNT, secret: str = "s") -> Client:
    return Client(fake.voice_url, account, OAuth2(fake.token_url, "CLI-1", secret))


def by_password(fake: Fake, account: str = ACCOUNT, password: str = "p") -> Client:
    return Client(fake.voice_url, account, Basic("u", password))


WAYS = pytest.mark.parametrize("way", [by_token, by_password])


@WAYS
def test_good_credentials_are_ok_and_asked_for_one_call_only(fake: Fake, way: Callable[[Fake], Client]) -> None:
    assert check(way(fake)) == ("ok", "")
    assert [request.kind for request in fake.requests if request.kind != "token"] == ["list"]
    assert "pageSize=1" in fake.requests[-1].path


@pytest.mark.parametrize(
    "wrong", [lambda fake: by_token(fake, secret="no"), lambda fake: by_password(fake, password="no")]
)
def test_a_wrong_secret_is_told_as_wrong_credentials(fake: Fake, wrong: Callable[[Fake], Client]) -> None:
    result, truth = check(wrong(fake))
    assert result == "credentials"
    assert "401" in truth
    assert "no" not in truth.split()


@WAYS
def test_an_account_that_is_not_theirs_is_told_as_such(fake: Fake, way: Callable[[Fake, str], Client]) -> None:
    fake.add_account(OTHER, client_id="CLI-2", secret="t", username="v", password="q")
    assert check(way(fake, OTHER))[0] == "account"


def test_a_token_without_a_voice_role_is_told_as_such(fake: Fake) -> None:
    fake.world.accounts[ACCOUNT].roles = ["HTTP Application Management"]
    result, truth = check(by_token(fake))
    assert (result, "403" in truth) == ("role", True)


def test_a_wrong_account_is_told_before_a_missing_role(fake: Fake) -> None:
    fake.add_account(OTHER, client_id="CLI-2", secret="t")
    fake.world.accounts[ACCOUNT].roles = []
    assert check(by_token(fake, OTHER))[0] == "account"


def test_a_password_tells_no_roles_so_a_403_is_told_as_the_account(fake: Fake) -> None:
    fake.world.accounts[ACCOUNT].roles = []
    assert check(by_password(fake))[0] == "account"


@pytest.mark.parametrize("token", ["opaque", "e30.e30.x", "e30.bnVsbA.x"])
def test_a_403_on_a_token_that_tells_nothing_is_told_as_the_account(fake: Fake, token: str) -> None:
    fake.token_fault(Fault("token", status=200, body=f'{{"access_token": "{token}"}}'.encode()))
    fake.fail_next(403, on="list")
    assert check(by_token(fake))[0] == "account"


def test_a_credential_for_the_whole_system_without_a_voice_role_is_told_as_such(fake: Fake) -> None:
    token = "e30.eyJhY2NvdW50cyI6W10sInJvbGVzIjpbIk51bWJlcnMiXX0.x"  # {"accounts":[],"roles":["Numbers"]}
    fake.token_fault(Fault("token", status=200, body=f'{{"access_token": "{token}"}}'.encode()))
    fake.fail_next(403, on="list")
    assert check(by_token(fake))[0] == "role"


def test_a_token_taken_back_before_its_time_is_no_wrong_credential(fake: Fake) -> None:
    assert check(by_token(fake))[0] == "ok"
    fake.expire_tokens()
    assert check(by_token(fake))[0] == "ok"
    assert len(fake.tokens) == 2


def test_whoever_is_told_to_slow_down_has_been_let_in(fake: Fake) -> None:
    fake.fail_next(429, retry_after="string", on="list")
    assert check(by_token(fake))[0] == "ok"


WEATHER: list[tuple[str, Callable[[Fake], None]]] = [
    ("nobody there", lambda fake: fake.stop()),
    ("a server error", lambda fake: fake.fail_next(500, on="list")),
    ("HTML", lambda fake: fake.html_next(200, on="list")),
    ("a redirect", lambda fake: fake.redirect_next(302, on="list")),
    ("no answer", lambda fake: fake.drop_next(on="list")),
    ("silence", lambda fake: fake.hang_next(on="list")),
    ("a token endpoint that is down", lambda fake: fake.token_fault(Fault("down", status=503))),
]


@pytest.mark.parametrize("fault", [row[1] for row in WEATHER], ids=[row[0] for row in WEATHER])
def test_bad_weather_says_nothing_of_the_credentials(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, fault: Callable[[Fake], None]
) -> None:
    monkeypatch.setattr(client_module, "READ_SECONDS", 0.5)
    fault(fake)
    result, truth = check(by_token(fake))
    assert result == "unreachable"
    assert truth

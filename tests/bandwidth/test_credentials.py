"""Signing in at Bandwidth: one token for all who ask, renewed in time, and what the token endpoint's answers mean."""

import base64
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.bandwidth.asking import ACCOUNT, put
from voicedash.bandwidth import credentials
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import Basic, OAuth2, claims
from voicedash.bandwidth.errors import BadCredentials, NeverReached, TokenRefused
from voicedash.bandwidth.fake import Fake, FakeCall, Fault

pytestmark = pytest.mark.usefixtures("call")


class Clock:
    """The clock that tokens age by, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(credentials, "time", clock)
    return clock


def oauth(fake: Fake, secret: str = "s") -> OAuth2:
    return OAuth2(fake.token_url, "CLI-1", secret)


def token(of: OAuth2, seconds: float = 5.0) -> str:
    return of.token(time.monotonic() + seconds)


def answer(fake: Fake, value: object, status: int = 200) -> None:
    """Every token request is answered so."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    fake.token_fault(Fault("scripted", status=status, body=body, content_type="application/json"))


def test_basic_is_the_pair_in_utf8(fake: Fake, call: FakeCall) -> None:
    username, password = "жозе", "пароль: €秘"
    header = Basic(username, password).header(0)
    assert header == "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    fake.world.accounts[ACCOUNT].username, fake.world.accounts[ACCOUNT].password = username, password
    put(Client(fake.voice_url, ACCOUNT, Basic(username, password)), call)
    assert [(put.status, put.authorization_kind) for put in fake.puts] == [(200, "basic")]


def test_the_token_request_is_the_one_bandwidth_documents(fake: Fake, call: FakeCall, bearer: Client) -> None:
    put(bearer, call)
    asked, done = fake.requests
    assert (asked.method, asked.path, asked.body) == (
        "POST",
        "/api/v1/oauth2/token",
        b"grant_type=client_credentials",
    )
    assert asked.header("Content-Type") == "application/x-www-form-urlencoded"
    assert (asked.authorization_kind, asked.status) == ("basic", 200)
    assert (done.authorization_kind, done.status) == ("bearer", 200)


def test_a_client_id_and_secret_beyond_ascii_sign_in(fake: Fake) -> None:
    fake.world.accounts[ACCOUNT].client_id, fake.world.accounts[ACCOUNT].secret = "CLI-é", "Geheimnis-ß-秘"
    assert OAuth2(fake.token_url, "CLI-é", "Geheimnis-ß-秘").token(time.monotonic() + 5)


def test_twenty_threads_share_one_fetch(fake: Fake, call: FakeCall, bearer: Client) -> None:
    fake.hold(ACCOUNT, on="token")
    with ThreadPoolExecutor(20) as threads:
        pressing = [threads.submit(put, bearer, call) for _ in range(20)]
        assert fake.wait_until(lambda: len(fake.tokens) == 1)
        fake.release(ACCOUNT)
        for press in pressing:
            press.result()
    assert (len(fake.tokens), len(fake.puts)) == (1, 20)


def test_clients_made_anew_for_every_press_share_the_token(fake: Fake, call: FakeCall) -> None:
    for _ in range(3):
        put(Client(fake.voice_url, ACCOUNT, oauth(fake)), call)
    assert len(fake.tokens) == 1


def test_a_token_that_was_taken_back_is_renewed_once_however_many_ask(
    fake: Fake, call: FakeCall, bearer: Client
) -> None:
    put(bearer, call)
    fake.expire_tokens()
    fake.hold(ACCOUNT, on="put")
    refused = threading.Barrier(20, timeout=10)

    def press() -> None:
        with pytest.raises(TokenRefused):
            put(bearer, call, 10)
        refused.wait()
        put(bearer, call)

    with ThreadPoolExecutor(20) as threads:
        pressing = [threads.submit(press) for _ in range(20)]
        assert fake.wait_until(lambda: len(fake.puts) == 21)
        fake.release(ACCOUNT)
        for one in pressing:
            one.result()
    assert len(fake.tokens) == 2


def test_a_late_refusal_of_the_old_token_does_not_take_the_new_one(fake: Fake, call: FakeCall) -> None:
    of = oauth(fake)
    old = token(of)
    of.refused(f"Bearer {old}", "")
    new = token(of)
    of.refused(f"Bearer {old}", "")
    assert token(of) == new != old
    assert len(fake.tokens) == 2
    assert not isinstance(of.refused(f"Bearer {new}", ""), TokenRefused)  # fresh: not worth another one yet
    assert isinstance(of.refused(f"Bearer {old}", ""), TokenRefused)
    assert token(of) == new
    assert len(fake.tokens) == 2


def test_a_fresh_token_that_is_refused_too_brings_at_most_one_renewal_in_thirty_seconds(
    fake: Fake, call: FakeCall, bearer: Client, clock: Clock
) -> None:
    fake.fail_next(401, times=6)
    with pytest.raises(TokenRefused):
        put(bearer, call)
    for ahead in (0.0, 0.0, 15.0, 29.0):
        clock.ahead = ahead
        with pytest.raises(BadCredentials) as caught:
            put(bearer, call)
        assert caught.value.status == 401
        assert not isinstance(caught.value, TokenRefused)
    assert (len(fake.tokens), len(fake.puts)) == (2, 5)
    clock.ahead = 31.0
    with pytest.raises(BadCredentials):
        put(bearer, call)
    assert (len(fake.tokens), len(fake.puts)) == (3, 6)


def test_a_client_refused_at_one_account_still_works_at_another(fake: Fake, call: FakeCall) -> None:
    """Both share a token; Bandwidth lets it into one and not into the other."""
    fake.add_account("9900009", client_id=oauth(fake).client_id, secret="s")
    theirs = fake.add_call("9900009")
    fake.fail_next(401, times=9, account="9900009")
    elsewhere = Client(fake.voice_url, "9900009", oauth(fake))
    here = Client(fake.voice_url, call.account_id, oauth(fake))
    for _ in range(3):
        with pytest.raises(BadCredentials):
            put(elsewhere, theirs)
        put(here, call)
    assert call.recorder == "paused"
    assert len(fake.tokens) <= 4


def test_a_token_that_worked_and_was_taken_back_is_renewed_as_often_as_that_happens(
    fake: Fake, call: FakeCall, bearer: Client
) -> None:
    for number in (1, 2, 3):
        put(bearer, call)
        assert len(fake.tokens) == number
        fake.expire_tokens()
        with pytest.raises(TokenRefused):
            put(bearer, call)


LIFETIMES: list[tuple[Any, float]] = [
    # expires_in, seconds after which the token is fetched anew
    (3600, 3540),
    ("3600", 3540),
    (3600.5, 3540.5),
    (100, 80),
    (1, 0.8),
    # What tells nothing counts as 300 s.
    (None, 240),
    ("soon", 240),
    ([], 240),
    (0, 240),
    (-5, 240),
    (10**12, 240),
    (10**400, 240),
    (float("inf"), 240),
    (float("nan"), 240),
]


@pytest.mark.parametrize(("expires_in", "renewed"), LIFETIMES, ids=[str(row[0])[:12] for row in LIFETIMES])
def test_a_token_is_renewed_before_its_end(fake: Fake, clock: Clock, expires_in: Any, renewed: float) -> None:
    answer(fake, {"access_token": "a.b.c", "token_type": "Bearer", "expires_in": expires_in})
    of = oauth(fake)
    token(of)
    clock.ahead = renewed - 0.5
    token(of)
    assert len(fake.tokens) == 1
    clock.ahead = renewed + 0.5
    token(of)
    assert len(fake.tokens) == 2


def test_a_lifetime_that_is_not_told_is_not_thought_endless(fake: Fake, clock: Clock) -> None:
    answer(fake, {"access_token": "a.b.c"})
    token(oauth(fake))
    clock.ahead = 300
    token(oauth(fake))
    assert len(fake.tokens) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_the_endpoints_no_is_a_matter_of_credentials(fake: Fake, call: FakeCall, bearer: Client, status: int) -> None:
    answer(fake, {"error": "invalid_client"}, status)
    with pytest.raises(BadCredentials) as caught:
        put(bearer, call)
    assert not isinstance(caught.value, TokenRefused)
    assert fake.puts == []


WEATHER: list[tuple[str, Callable[[Fake], None]]] = [
    ("a rate limit", lambda fake: fake.token_fault(Fault("429", status=429, headers=(("Retry-After", "string"),)))),
    ("a server error", lambda fake: answer(fake, b"", 500)),
    ("overload", lambda fake: answer(fake, b"", 503)),
    ("an unknown 4xx", lambda fake: answer(fake, {}, 404)),
    ("HTML", lambda fake: answer(fake, b"<html>Sorry</html>")),
    ("nothing", lambda fake: answer(fake, b"")),
    ("another 2xx", lambda fake: answer(fake, {"access_token": "a.b.c"}, 202)),
    ("no token", lambda fake: answer(fake, {"expires_in": 3600})),
    ("an empty token", lambda fake: answer(fake, {"access_token": ""})),
    ("a token that is none", lambda fake: answer(fake, {"access_token": 7})),
    ("a token that breaks the header", lambda fake: answer(fake, {"access_token": "a\r\nX-Evil: 1"})),
    ("a token beyond ASCII", lambda fake: answer(fake, {"access_token": "tökén"})),
    ("a list", lambda fake: answer(fake, ["access_token"])),
    ("a word", lambda fake: answer(fake, "access_token")),
    ("bytes that are no text", lambda fake: answer(fake, b"\xff\xfe\x00")),
    ("brackets without end", lambda fake: answer(fake, b"[" * 60_000)),
    ("far too much", lambda fake: answer(fake, {"access_token": "a" * 70_000})),
    ("no answer", lambda fake: fake.drop_next(on="token")),
    ("half an answer", lambda fake: fake.truncate_next(on="token")),
    ("silence", lambda fake: fake.hang_next(on="token")),
]


@pytest.mark.parametrize("fault", [row[1] for row in WEATHER], ids=[row[0] for row in WEATHER])
def test_an_endpoint_in_bad_weather_means_that_bandwidth_was_never_reached(
    fake: Fake, call: FakeCall, bearer: Client, fault: Callable[[Fake], None]
) -> None:
    fault(fake)
    with pytest.raises(NeverReached):
        put(bearer, call, 0.5)
    assert fake.puts == []
    fake.token_fault(None)
    put(bearer, call)


def test_who_waits_for_anothers_fetch_gives_up_at_a_deadline_of_its_own(fake: Fake) -> None:
    fake.hold(ACCOUNT, on="token")
    with ThreadPoolExecutor(1) as threads:
        patient = threads.submit(token, oauth(fake), 10)
        assert fake.wait_until(lambda: len(fake.tokens) == 1)
        began = time.monotonic()
        with pytest.raises(NeverReached):
            token(oauth(fake), 0.2)
        assert time.monotonic() - began < 2.0
        fake.release(ACCOUNT)
        assert patient.result()
    assert len(fake.tokens) == 1


def test_a_new_secret_never_meets_the_old_ones_token(fake: Fake) -> None:
    old = token(oauth(fake, "s"))
    with pytest.raises(BadCredentials):
        token(oauth(fake, "wrong"))
    fake.world.accounts[ACCOUNT].secret = "rotated"
    assert token(oauth(fake, "rotated")) != old
    assert len(fake.tokens) == 3


@pytest.mark.parametrize("text", ["", "opaque", "a.b", "a.!.c", "a.W10.c", "a." + base64.b64encode(b"\xff").decode()])
def test_a_token_that_tells_nothing_of_itself_has_no_claims(text: str) -> None:
    assert claims(text) == {}

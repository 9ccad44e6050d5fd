"""The stand-in keeps to the official description: Prism stands before it and checks every request and every answer."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.contracts.prism import Prism, Relay
from tests.contracts.sdk import ACCOUNT, KINDS
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import Basic, OAuth2
from voicedash.bandwidth.fake import Fake, FakeCall
from voicedash.bandwidth.fake.world import KEPT, now

SECONDS = 10


@pytest.fixture(scope="module")
def standing() -> Iterator[Fake]:
    """One stand-in for all tests of this file: Prism is told its address when it starts."""
    with Fake() as fake:
        fake.add_account(ACCOUNT, client_id="CLI-1", secret="s", username="u", password="p")
        fake.add_account("9900002", username="u", password="p", roles=["HTTP Application Management"])
        yield fake


@pytest.fixture(scope="module")
def proxy(program_and_description: tuple[str, Path], standing: Fake) -> Iterator[Prism]:
    program, description = program_and_description
    with Prism(program, "proxy", description, standing.voice_url) as prism:
        yield prism


@pytest.fixture
def relay(proxy: Prism, standing: Fake) -> Iterator[Relay]:
    standing.clear_requests()
    with Relay(proxy, behind=standing.base_url) as relay:
        yield relay


def seen(relay: Relay) -> list[tuple[int, str]]:
    """What passed the relay: statuses, and what Prism has against the request or the answer."""
    return [(one.status, one.violations) for one in relay.exchanges]


def ask(relay: Relay, method: str, tail: str, *, account: str = ACCOUNT, **more: object) -> requests.Response:
    """A plain request, by which also what our client never does can be done."""
    settings: dict[str, object] = {"auth": ("u", "p"), "timeout": SECONDS} | more
    return requests.request(method, f"{relay.voice_url}/accounts/{account}{tail}", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_a_day_with_our_client_has_nothing_that_the_description_does_not_allow(
    standing: Fake, relay: Relay, kind: str
) -> None:
    account_id = {"basic": "9900010", "oauth2": "9900011"}[kind]
    standing.add_account(account_id, client_id="CLI-day", secret="s", username="day", password="p")
    credentials = Basic("day", "p") if kind == "basic" else OAuth2(standing.token_url, "CLI-day", "s")
    client = Client(relay.voice_url, account_id, credentials)
    begun = now()
    standing.add_call(account_id, state="queued", direction="outbound")
    standing.add_call(account_id, state="initiated", from_="Anonymous", to="sip:agent@example.com")
    standing.add_call(account_id, state="a-state-of-tomorrow")
    first, leg = standing.add_call(account_id), standing.add_call(account_id, parent_call_id="c-parent")
    client.put_recording(leg.call_id, "paused", deadline=_soon())
    client.put_recording(first.call_id, "recording", deadline=_soon())
    leg.hang_up()
    pages = list(client.pages(since=begun, page_size=2))
    assert [len(page) for page in pages] == [2, 2]  # not the one in the queue, which has no start
    assert client.call(leg.call_id) == pages[1][1]
    assert [recording.call_id for recording in client.recordings(leg.call_id)] == [leg.call_id]
    first.hang_up("busy")
    assert [recording.call_id for recording in client.recordings(first.call_id)] == [first.call_id]
    assert client.recordings("c-nobody") == []
    assert seen(relay) == [(200, "")] * 8


def over(call: FakeCall) -> str:
    call.hang_up(at=now() - KEPT)
    return call.call_id


REFUSED: list[tuple[str, int, Callable[[Relay, FakeCall], object]]] = [
    ("a wrong password", 401, lambda relay, call: _put(relay, call.call_id, auth=("u", "wrong"))),
    ("an account without the Voice role", 403, lambda relay, call: _put(relay, call.call_id, account="9900002")),
    ("somebody else's account", 403, lambda relay, call: _put(relay, call.call_id, account="9900003")),
    ("an unknown call", 404, lambda relay, call: _put(relay, "c-nobody")),
    ("a call of last week", 404, lambda relay, call: _put(relay, over(call))),
    ("a look at an unknown call", 404, lambda relay, call: ask(relay, "GET", "/calls/c-nobody")),
    ("a listing with a wrong password", 401, lambda relay, call: ask(relay, "GET", "/calls", auth=("u", "x"))),
    ("a page token that is none", 400, lambda relay, call: ask(relay, "GET", "/calls?pageToken=x")),
    ("a time that is none", 400, lambda relay, call: ask(relay, "GET", "/calls?minStartTime=soon")),
]


@pytest.mark.parametrize(("status", "asked"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_refusal_is_one_of_the_description(
    standing: Fake, relay: Relay, status: int, asked: Callable[[Relay, FakeCall], object]
) -> None:
    asked(relay, standing.add_call(ACCOUNT))
    assert seen(relay) == [(status, "")]
    assert [request.status for request in standing.requests] == [status]


@pytest.mark.parametrize("on", ["put", "list", "get", "recordings"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 415, 429, 500])
def test_an_error_that_is_ordered_is_one_of_the_description(standing: Fake, relay: Relay, on: str, status: int) -> None:
    call = standing.add_call(ACCOUNT)
    tails = {
        "list": "/calls",
        "get": f"/calls/{call.call_id}",
        "recordings": f"/calls/{call.call_id}/recordings",
    }
    standing.fail_next(status, retry_after="2" if status == 429 else None, on="any")
    answer = _put(relay, call.call_id) if on == "put" else ask(relay, "GET", tails[on])
    assert seen(relay) == [(status, "")]
    assert answer.headers.get("Retry-After") == ("2" if status == 429 else None)


@pytest.mark.parametrize("status", [409, 503])
def test_what_only_bandwidths_error_page_knows_is_missing_from_the_description(
    standing: Fake, relay: Relay, status: int
) -> None:
    call = standing.add_call(ACCOUNT, state="initiated" if status == 409 else "answered")
    if status == 503:
        standing.fail_next(503)
    _put(relay, call.call_id)
    ((told, violations),) = seen(relay)
    assert told == status
    assert "Unable to match the returned status code with those defined" in violations


def test_prism_does_notice_an_answer_that_the_description_does_not_allow(standing: Fake, relay: Relay) -> None:
    standing.fail_next(200, body='[{"callId": 7}]', on="list")
    ask(relay, "GET", "/calls")
    ((status, violations),) = seen(relay)
    assert status == 500
    assert "callId must be string" in violations


def _put(
    relay: Relay, call_id: str, *, account: str = ACCOUNT, auth: tuple[str, str] = ("u", "p")
) -> requests.Response:
    return ask(relay, "PUT", f"/calls/{call_id}/recording", account=account, auth=auth, json={"state": "paused"})


def _soon() -> float:
    return time.monotonic() + SECONDS

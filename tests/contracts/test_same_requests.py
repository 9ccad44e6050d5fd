"""What our client asks is what the official SDK asks: method, path, query, JSON, content type and signing in."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.contracts.sdk import ACCOUNT, KINDS, Sdk, our_client
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.fake import Fake, FakeAccount, Request
from voicedash.bandwidth.fake.world import now

CALL_ID = "c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85"
SINCE = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12)


@dataclass(frozen=True)
class Operation:
    """One thing that we ask, by our client and by the SDK; both make as many requests."""

    ours: Callable[[Client], object]
    theirs: Callable[[Sdk], object]


@dataclass(frozen=True)
class Meaning:
    """What a request says, whatever its spelling: times as moments, JSON as a value, a token as what it opens."""

    method: str
    path: str
    query: dict[str, object]
    value: object
    content_type: str
    accept: str
    authorization: str


def all_pages(sdk: Sdk) -> None:
    answer = sdk.list_calls(min_start_time=SINCE.isoformat(), page_size=2)
    while link := answer.headers.get("Link"):
        answer = sdk.page_after(link[1 : link.index(">")])


OPERATIONS = {
    "a pause": Operation(
        lambda client: client.put_recording(CALL_ID, "paused", deadline=time.monotonic() + 5),
        lambda sdk: sdk.put_recording(CALL_ID, "paused"),
    ),
    "a resume": Operation(
        lambda client: client.put_recording(CALL_ID, "recording", deadline=time.monotonic() + 5),
        lambda sdk: sdk.put_recording(CALL_ID, "recording"),
    ),
    "every page of the calls": Operation(lambda client: list(client.pages(since=SINCE, page_size=2)), all_pages),
    "one call": Operation(lambda client: client.call(CALL_ID), lambda sdk: sdk.call(CALL_ID)),
    "the recordings of a call": Operation(
        lambda client: client.recordings(CALL_ID), lambda sdk: sdk.recordings(CALL_ID)
    ),
}


def meaning(request: Request, fake: Fake) -> Meaning:
    """Raises ValueError where a time or a body cannot be read."""
    url = urlsplit(request.path)
    query: dict[str, object] = {}
    for name, text in parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)):
        assert name not in query
        query[name] = datetime.fromisoformat(text) if name.endswith("Time") else text
    scheme, _, token = request.authorization.partition(" ")
    opens = fake.world.accounts_of_token(token) if scheme == "Bearer" else None
    return Meaning(
        method=request.method,
        path=url.path,
        query=query,
        value=json.loads(request.body) if request.body else None,
        content_type=request.header("Content-Type"),
        accept=request.header("Accept"),
        authorization=f"Bearer for {sorted(opens)}" if opens else request.authorization,
    )


def meanings(fake: Fake) -> list[Meaning]:
    """What was asked of the Voice API, and forgets it."""
    asked = [meaning(request, fake) for request in fake.requests if request.kind != "token"]
    fake.clear_requests()
    return asked


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_we_ask_what_the_sdk_asks(fake: Fake, sdk: Sdk, client: Client, kind: str, operation: Operation) -> None:
    fake.add_call(ACCOUNT, CALL_ID, start=now() - timedelta(minutes=1))
    for _ in range(4):
        fake.add_call(ACCOUNT)
    operation.theirs(sdk)
    theirs = meanings(fake)
    operation.ours(client)
    assert meanings(fake) == theirs
    assert len(theirs) == (3 if operation.theirs is all_pages else 1)
    expected = "Basic dTpw" if kind == "basic" else f"Bearer for ['{ACCOUNT}']"
    assert {asked.authorization for asked in theirs} == {expected}


@pytest.mark.parametrize("call_id", ["c-a/../../x", "c-a?x=1#y", "c-%2F", "c-é €", "c-a+b&c=d;e,f:g@h~i"])
def test_an_odd_id_is_written_into_the_path_as_the_sdk_writes_it(
    fake: Fake, sdk: Sdk, client: Client, call_id: str
) -> None:
    fake.add_call(ACCOUNT, call_id)
    sdk.put_recording(call_id, "paused")
    client.put_recording(call_id, "paused", deadline=time.monotonic() + 5)
    theirs, ours = fake.puts
    assert ours.path == theirs.path
    assert ours.call_id == call_id


SECRETS = ["s", "a:colon", " spaces and +/=%& ", 'quotes "\\"', "x" * 300]


@pytest.mark.parametrize("secret", SECRETS)
def test_name_and_password_make_the_same_header(fake: Fake, secret: str) -> None:
    fake.add_account(ACCOUNT, username="u@example.com", password=secret)
    Sdk(fake, "basic", name="u@example.com", secret=secret).list_calls()
    next(our_client(fake, "basic", name="u@example.com", secret=secret).pages(since=SINCE))
    theirs, ours = fake.requests
    assert ours.authorization == theirs.authorization
    assert (theirs.status, ours.status) == (200, 200)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_token_is_fetched_from_the_same_place_by_the_same_form(fake: Fake, secret: str) -> None:
    fake.add_account(ACCOUNT, client_id="CLI-1", secret=secret)
    Sdk(fake, "oauth2", secret=secret).list_calls()
    next(our_client(fake, "oauth2", secret=secret).pages(since=SINCE))
    theirs, *_, ours = fake.tokens
    assert (ours.method, ours.path) == (theirs.method, theirs.path) == ("POST", "/api/v1/oauth2/token")
    assert ours.body == theirs.body == b"grant_type=client_credentials"
    assert ours.header("Content-Type") == theirs.header("Content-Type")
    assert ours.authorization == theirs.authorization
    assert (theirs.status, ours.status) == (200, 200)


@pytest.mark.parametrize("kind", KINDS)
def test_both_send_their_credentials_with_the_first_request_and_wait_for_no_challenge(
    fake: Fake, account: FakeAccount, kind: str
) -> None:
    Sdk(fake, kind).list_calls()
    next(our_client(fake, kind).pages(since=SINCE))
    assert [request.status for request in fake.requests if request.kind == "list"] == [200, 200]

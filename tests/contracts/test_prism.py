"""Our client against the official description, served by Prism: what we ask is valid, and we can read every answer."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.contracts.prism import Prism, Relay
from tests.contracts.sdk import ACCOUNT
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import Basic, OAuth2
from voicedash.bandwidth.errors import (
    BadCredentials,
    BandwidthError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TokenRefused,
    UnknownCall,
)
from voicedash.bandwidth.fake import Fake, FakeAccount

CALL_ID = "c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85"  # that of the description's examples
SINCE = datetime.now(UTC) - timedelta(hours=12)


@pytest.fixture
def relay(mock: Prism) -> Iterator[Relay]:
    with Relay(mock) as relay:
        yield relay


@pytest.fixture
def client(relay: Relay, fake: Fake, account: FakeAccount, kind: str) -> Client:
    """Tokens are the stand-in's: the description has no endpoint for them."""
    credentials = Basic("u", "p") if kind == "basic" else OAuth2(fake.token_url, "CLI-1", "s")
    return Client(relay.voice_url, ACCOUNT, credentials)


def pause(client: Client) -> None:
    client.put_recording(CALL_ID, "paused", deadline=time.monotonic() + 10)


def resume(client: Client) -> None:
    client.put_recording(CALL_ID, "recording", deadline=time.monotonic() + 10)


def listing(client: Client) -> object:
    return list(client.pages(since=SINCE))


def one_call(client: Client) -> object:
    return client.call(CALL_ID)


def recordings(client: Client) -> object:
    return client.recordings(CALL_ID)


Ask = Callable[[Client], object]
EVERY = [pause, resume, listing, one_call, recordings]


@pytest.mark.parametrize("ask", EVERY)
def test_what_we_ask_is_valid_and_its_answer_is_read(relay: Relay, client: Client, ask: Ask) -> None:
    ask(client)
    assert [(one.status, one.violations) for one in relay.exchanges] == [(200, "")]


def test_the_examples_of_the_description_are_read_as_they_stand(client: Client) -> None:
    ((listed,),) = client.pages(since=SINCE)
    single = client.call(CALL_ID)
    assert single == listed
    assert (single.call_id, single.state, single.direction, single.ended) == (CALL_ID, "disconnected", "inbound", True)
    assert single.parent_call_id == "c-25ac29a2-1331029c-2cb0-4a07-b215-b22865662d85"
    assert (single.from_address, single.to_address) == ("+19195554321", "+19195551234")
    assert single.start_time == datetime(2022, 6, 16, 13, 15, 7, 160000, tzinfo=UTC)
    assert single.answer_time == datetime(2022, 6, 16, 13, 15, 18, 126000, tzinfo=UTC)
    assert single.end_time == single.last_update == datetime(2022, 6, 16, 13, 15, 18, 314000, tzinfo=UTC)
    (recording,) = client.recordings(CALL_ID)
    assert recording.recording_id == "r-fbe05094-9fd2afe9-bf5b-4c68-820a-41a01c1c5833"
    assert (recording.call_id, recording.status, recording.duration) == (CALL_ID, "completed", "PT13.67S")
    assert recording.end_time == datetime(2022, 6, 17, 22, 20, tzinfo=UTC)


# Every error that the description gives these operations: Prism refuses to answer with any other.
CODES: list[tuple[int, type[BandwidthError]]] = [
    (400, Refused),
    (401, BadCredentials),
    (403, BadCredentials),
    (404, UnknownCall),
    (405, Refused),
    (415, Refused),
    (429, RateLimited),
    (500, OutcomeUnknown),
]


@pytest.mark.parametrize("ask", EVERY)
@pytest.mark.parametrize(("code", "error"), CODES)
def test_every_error_of_the_description_is_told_for_what_it_is(
    relay: Relay, client: Client, kind: str, ask: Ask, code: int, error: type[BandwidthError]
) -> None:
    relay.code = code
    with pytest.raises(error) as caught:
        ask(client)
    renewed = code == 401 and kind == "oauth2"
    assert type(caught.value) in ({TokenRefused, BadCredentials} if renewed else {error})
    assert caught.value.status == code
    assert {(one.status, one.violations) for one in relay.exchanges} == {(code, "")}
    reads_again = renewed and ask not in (pause, resume)  # with a new token; the PUT's caller decides for itself
    assert len(relay.exchanges) == (2 if reads_again else 1)
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 1.0  # the description's example of Retry-After is the word "string"


def test_prism_does_refuse_what_the_description_does_not_allow(relay: Relay, client: Client) -> None:
    with pytest.raises(Refused) as state:
        client.put_recording(CALL_ID, "PAUSED", deadline=time.monotonic() + 10)  # type: ignore[arg-type]
    with pytest.raises(Refused) as size:
        next(client.pages(since=SINCE, page_size=10_001))
    assert (state.value.status, size.value.status) == (400, 400)
    assert "paused, recording" in relay.exchanges[0].violations
    assert "10000" in relay.exchanges[1].violations


def test_without_a_good_header_prism_lets_nobody_in(relay: Relay) -> None:
    class Nobody(Basic):
        def header(self, deadline: float) -> str:
            return "Basic !!!"

    with pytest.raises(BadCredentials) as caught:
        pause(Client(relay.voice_url, ACCOUNT, Nobody("", "")))
    assert caught.value.status == 401

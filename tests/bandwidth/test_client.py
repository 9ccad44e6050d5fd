"""The PUT and what its answers mean: only a 200 that can be read is an acknowledgement, only a 4xx is a refusal."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bandwidth.asking import ACCOUNT, payload, put
from voicedash.bandwidth.client import Client, State, retry_after
from voicedash.bandwidth.errors import (
    BadCredentials,
    BandwidthError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TokenRefused,
    UnknownCall,
)
from voicedash.bandwidth.fake import Fake, FakeCall, Fault

ERRORS: dict[str, dict[str, str | None]] = payload("errors")


@pytest.mark.parametrize("state", ["paused", "recording"])
def test_the_put_is_the_one_bandwidth_documents(fake: Fake, call: FakeCall, client: Client, state: State) -> None:
    client.put_recording(call.call_id, state, deadline=time.monotonic() + 5)
    (asked,) = fake.requests
    assert (asked.method, asked.path) == ("PUT", f"/api/v2/accounts/{ACCOUNT}/calls/{call.call_id}/recording")
    assert json.loads(asked.body) == {"state": state}
    assert asked.header("Content-Type") == "application/json"
    assert asked.header("Content-Length") == str(len(asked.body))
    assert asked.header("Accept") == "application/json"
    assert asked.header("Accept-Encoding") == "identity"
    assert call.recorder == state


@pytest.mark.parametrize(
    ("call_id", "sent"),
    [
        ("c-a/../../x", "c-a%2F..%2F..%2Fx"),
        ("c-a?x=1#y", "c-a%3Fx%3D1%23y"),
        ("c-%2F", "c-%252F"),
        ("c-é €", "c-%C3%A9%20%E2%82%AC"),
    ],
)
def test_an_id_cannot_leave_its_place_in_the_path(
    fake: Fake, call: FakeCall, client: Client, call_id: str, sent: str
) -> None:
    with pytest.raises(UnknownCall):
        client.put_recording(call_id, "paused", deadline=time.monotonic() + 5)
    assert fake.requests[0].path == f"/api/v2/accounts/{ACCOUNT}/calls/{sent}/recording"
    assert fake.requests[0].call_id == call_id


def test_a_slash_at_the_end_of_the_configured_address_is_no_second_one(
    fake: Fake, call: FakeCall, client: Client
) -> None:
    put(Client(fake.voice_url + "/", ACCOUNT, client.credentials), call)
    assert fake.puts[0].status == 200


@pytest.mark.parametrize("body", [b"", b" \r\n", b"{}", b"null", b'{"state": "paused", "more": [1]}'])
def test_a_200_that_is_empty_or_json_is_an_acknowledgement(
    fake: Fake, call: FakeCall, client: Client, body: bytes
) -> None:
    fake.script(Fault("200", status=200, body=body))
    put(client, call)
    assert len(fake.puts) == 1


@pytest.mark.parametrize("body", [b"<html>", b'{"state"', b"OK", b"\xff\xfe{}", b"[" * 60_000])
def test_a_200_that_cannot_be_read_is_unknown(fake: Fake, call: FakeCall, client: Client, body: bytes) -> None:
    fake.script(Fault("200", status=200, body=body))
    with pytest.raises(OutcomeUnknown) as caught:
        put(client, call)
    assert caught.value.status == 200


STATUSES: list[tuple[int, type[BandwidthError]]] = [
    *[(status, OutcomeUnknown) for status in (201, 202, 204, 206, 226)],
    *[(status, OutcomeUnknown) for status in (300, 302, 304, 307)],
    *[(status, Refused) for status in (400, 402, 405, 406, 408, 410, 415, 422, 451, 499)],
    *[(status, BadCredentials) for status in (401, 403)],
    *[(status, UnknownCall) for status in (404, 409)],
    (429, RateLimited),
    *[(status, OutcomeUnknown) for status in (500, 501, 502, 503, 504, 599)],
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_every_status_is_one_kind_of_error_and_the_put_is_never_repeated(
    fake: Fake, call: FakeCall, client: Client, status: int, kind: type[BandwidthError]
) -> None:
    fake.fail_next(status, retry_after="0")
    with pytest.raises(BandwidthError) as caught:
        put(client, call)
    assert (type(caught.value), caught.value.status) == (kind, status)
    assert (len(fake.puts), call.recorder) == (1, "recording")


def test_a_401_on_a_token_says_that_a_new_one_may_help(fake: Fake, call: FakeCall, bearer: Client) -> None:
    fake.fail_next(401, body=json.dumps(ERRORS["401"]))
    with pytest.raises(TokenRefused) as caught:
        put(bearer, call)
    assert caught.value.reference == ERRORS["401"]["id"]


@pytest.mark.parametrize("status", [status for status in ERRORS if status < "500"])
def test_bandwidths_own_words_and_reference_are_kept_for_the_log(
    fake: Fake, call: FakeCall, client: Client, status: str
) -> None:
    told = ERRORS[status]
    fake.fail_next(int(status), body=json.dumps(told), content_type="application/json;charset=UTF-8")
    with pytest.raises(Refused) as caught:
        put(client, call)
    assert str(caught.value) == f"Bandwidth answered {status}: {told['description']}"
    assert caught.value.reference == (told["id"] or "")


BODIES: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("HTML", b"<html><h1>Sorry</h1></html>"),
    ("no object", b'["description"]'),
    ("no text in it", b'{"description": 5, "id": {"a": 1}}'),
    ("brackets without end", b"[" * 60_000),
    ("not UTF-8", b'{"description": "\xe9\xff"}'),
]


@pytest.mark.parametrize("body", [row[1] for row in BODIES], ids=[row[0] for row in BODIES])
def test_a_refusal_with_a_body_that_says_nothing_is_a_refusal(
    fake: Fake, call: FakeCall, client: Client, body: bytes
) -> None:
    fake.script(Fault("409", status=409, body=body))
    with pytest.raises(UnknownCall) as caught:
        put(client, call)
    assert (str(caught.value), caught.value.reference) == ("Bandwidth answered 409: no reason given", "")


def test_what_no_database_and_no_log_can_hold_is_taken_out_of_their_words(
    fake: Fake, call: FakeCall, client: Client
) -> None:
    told = {"description": "one\x00\r\nFATAL two\ud800 " + "x" * 9000, "id": "ref\x00\ud800-1" + "y" * 9000}
    fake.fail_next(400, body=json.dumps(told))
    with pytest.raises(Refused) as caught:
        put(client, call)
    for text in (str(caught.value), caught.value.reference):
        assert text.isprintable()
        assert len(text) < 250
    assert len(caught.value.reference) <= 100
    assert caught.value.reference.startswith("ref")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("2", 2.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("3600", 3600.0),
        ("", 1.0),
        ("string", 1.0),
        ("-5", 1.0),
        ("nan", 1.0),
        ("inf", 1.0),
        ("-inf", 1.0),
        ("1e999", 1.0),
        ("2 seconds", 1.0),
        ("Fri, 20 Nov 2026 14:03:22 GMT", 1.0),  # the past
        ("Mon, 01 Jan 0001 00:00:00 -0000", 1.0),
        ("Mon, 99 Foo 2026 99:99:99 GMT", 1.0),
    ],
)
def test_retry_after_is_read_or_is_one_second(value: str, seconds: float) -> None:
    assert retry_after(value) == seconds


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000"])
def test_retry_after_may_be_a_moment(zone: str) -> None:
    moment = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S ") + zone
    assert 28 < retry_after(moment) <= 30


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ [\d:]+ [-+]?\d*", fullmatch=True))
def test_no_retry_after_is_anything_but_a_time_to_wait(value: str) -> None:
    assert 0 <= retry_after(value) < float("inf")


@pytest.mark.parametrize(("header", "seconds"), [("4", 4.0), ("string", 1.0), (None, 1.0)])
def test_a_rate_limit_tells_how_long_to_wait(
    fake: Fake, call: FakeCall, client: Client, header: str | None, seconds: float
) -> None:
    fake.fail_next(429, retry_after=header)
    with pytest.raises(RateLimited) as caught:
        put(client, call)
    assert caught.value.retry_after == seconds

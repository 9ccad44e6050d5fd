"""Listing calls to the last page and no further than our host; one call that cannot be read costs only itself."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.bandwidth.asking import ACCOUNT, PAYLOADS, payload
from voicedash.bandwidth import client as client_module
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.errors import (
    BadCredentials,
    BandwidthError,
    NeverReached,
    OutcomeUnknown,
    RateLimited,
    Refused,
    UnknownCall,
)
from voicedash.bandwidth.fake import Fake, FakeCall, Fault
from voicedash.bandwidth.listing import CallState, calls_in, recordings_in
from voicedash.bandwidth.transport import Response

pytestmark = pytest.mark.usefixtures("call")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def listed(client: Client, **how: Any) -> list[CallState]:
    return list(chain.from_iterable(client.pages(since=LONG_AGO, **how)))


def page(fake: Fake, value: Any, link: str = "") -> None:
    """The next page is this."""
    headers = (("Link", link),) if link else ()
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    fake.script(Fault("page", status=200, body=body, content_type="application/json", headers=headers), on="list")


def item(call_id: str, **fields: Any) -> dict[str, Any]:
    return {**payload("call"), "callId": call_id, **fields}


def test_2500_calls_come_page_by_page_in_order(fake: Fake, client: Client) -> None:
    first = fake.requests
    start = datetime.now(UTC) - timedelta(hours=1)
    made = [fake.add_call(ACCOUNT, start=start + timedelta(seconds=n)).call_id for n in range(2499)]
    pages = list(client.pages(since=start - timedelta(minutes=1)))
    assert [len(states) for states in pages] == [1000, 1000, 500]
    assert [state.call_id for states in pages for state in states][:2499] == made
    asked = fake.requests[len(first) :]
    queries = [parse_qs(urlsplit(request.path).query) for request in asked]
    assert ["pageToken" in query for query in queries] == [False, True, True]
    assert queries[0]["pageSize"] == ["1000"]
    assert {request.authorization_kind for request in asked} == {"basic"}
    assert len({request.connection for request in asked}) == 1


def test_the_next_page_is_not_asked_for_before_the_last_was_taken(fake: Fake, client: Client) -> None:
    for _ in range(4):
        fake.add_call(ACCOUNT)
    pages = client.pages(since=LONG_AGO, page_size=2)
    assert (len(next(pages)), len(fake.requests)) == (2, 1)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-5))])
def test_the_start_is_told_in_utc_whatever_zone_it_was_given_in(fake: Fake, client: Client, zone: timezone) -> None:
    list(client.pages(since=datetime(2026, 11, 20, 14, 0, tzinfo=UTC).astimezone(zone)))
    query = parse_qs(urlsplit(fake.requests[0].path).query)
    assert query["minStartTime"] == ["2026-11-20T14:00:00.000Z"]


@pytest.mark.parametrize(
    "link",
    [
        "</api/v2/accounts/9900001/calls?pageToken=x>; rel=next",
        '<?pageToken=x>; rel="next"',
        '<{base}/api/v2/accounts/9900001/calls?pageToken=p>; rel="prev", <{base}/api/v2/accounts/9900001/calls?pageToken=x>; rel="next"',
    ],
)
def test_a_link_may_be_relative_bare_or_one_of_several(fake: Fake, client: Client, link: str) -> None:
    page(fake, [item("c-1")], link.format(base=fake.base_url))
    page(fake, [item("c-2")])
    assert [state.call_id for state in listed(client)] == ["c-1", "c-2"]
    assert fake.requests[-1].path == "/api/v2/accounts/9900001/calls?pageToken=x"


@pytest.mark.parametrize("link", ["", "no link at all", '<>; rel="next"x', '</x>; rel="prev"', ";;,,<", "</x>"])
def test_a_link_that_leads_nowhere_is_the_end(fake: Fake, client: Client, link: str) -> None:
    page(fake, [item("c-1")], link)
    assert [state.call_id for state in listed(client)] == ["c-1"]


def elsewhere_links(fake: Fake, other: Fake) -> Iterator[str]:
    path = f"/api/v2/accounts/{ACCOUNT}/calls?pageToken=x"
    yield f"{other.base_url}{path}"
    yield f"//127.0.0.1:{other.port}{path}"
    yield f"https://127.0.0.1:{fake.port}{path}"
    yield f"http://localhost:{fake.port}{path}"
    yield f"http://127.0.0.1{path}"
    yield f"http://127.0.0.1:{fake.port}@127.0.0.1:{other.port}{path}"
    yield f"http://eve:hers@127.0.0.1:{fake.port}{path}"
    yield "file:///etc/passwd"
    yield "http://[half"
    yield f"http://127.0.0.1:{fake.port}.evil.invalid{path}"


def test_a_link_that_leaves_the_host_is_refused_and_nothing_is_told_there(fake: Fake, client: Client) -> None:
    with Fake() as other:
        for number, link in enumerate(elsewhere_links(fake, other), 1):
            page(fake, [item("c-1")], f'<{link}>; rel="next"')
            pages = client.pages(since=LONG_AGO)
            assert len(next(pages)) == 1
            with pytest.raises(OutcomeUnknown):
                next(pages)
            assert len(fake.requests) == number
        assert other.requests == []


def test_pages_that_lead_in_a_circle_are_refused(fake: Fake, client: Client) -> None:
    here = f"/api/v2/accounts/{ACCOUNT}/calls"
    for token in ("a", "b", "a", "b", "a"):
        page(fake, [item(f"c-{token}")], f'<{here}?pageToken={token}>; rel="next"')
    with pytest.raises(OutcomeUnknown, match="circle"):
        listed(client)
    assert len(fake.requests) == 3


def test_one_call_that_cannot_be_read_is_left_out_and_the_rest_stays(fake: Fake, client: Client) -> None:
    bad: list[Any] = [5, None, [], "c-text", {}, {"callId": 7}, {"callId": "c-" + "x" * 99}, {"callId": "c-\x00"}]
    page(fake, [item("c-first"), *bad, item("c-last")])
    assert [state.call_id for state in listed(client)] == ["c-first", "c-last"]


def test_the_documented_listing_is_read_as_it_stands(fake: Fake, client: Client) -> None:
    page(fake, (PAYLOADS / "calls.json").read_bytes())
    ended, live, leg, queued = listed(client)
    assert (ended.state, ended.ended, ended.direction) == ("disconnected", True, "outbound")
    assert ended.end_time == datetime(2026, 11, 20, 14, 0, 32, 500_000, tzinfo=UTC)
    assert (live.state, live.ended, live.from_address) == ("answered", False, "+19195554321")
    assert live.answer_time == live.last_update == datetime(2026, 11, 20, 14, 3, 25, 126_000, tzinfo=UTC)
    assert (leg.parent_call_id, leg.from_address) == (live.call_id, "Restricted")
    assert leg.to_address == "sip:desk-7@pbx.acme.example;transport=tls"
    assert (queued.state, queued.ended, queued.start_time) == ("queued", False, None)


def test_words_and_values_that_are_not_documented_are_kept_or_left_empty(fake: Fake, client: Client) -> None:
    page(fake, [payload("call_unknown_values")])
    (odd,) = listed(client)
    assert (odd.state, odd.direction, odd.ended) == ("reconnecting", "sideways", False)
    assert odd.start_time == datetime(2026, 11, 20, 14, 3, 22, 234_000, tzinfo=UTC), "a time without a zone is UTC"
    assert (odd.from_address, odd.answer_time, odd.last_update) == ("", None, None)


@pytest.mark.parametrize("end", ["2026-11-20T14:03:58Z", "0001-01-01T00:00:00+00:00"])
def test_a_call_with_an_end_has_ended_whatever_its_state_is_called(fake: Fake, client: Client, end: str) -> None:
    page(fake, [item("c-1", state="finished", endTime=end)])
    assert listed(client)[0].ended


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-09:00", "", "2026-13-01", 7, {}])
def test_a_time_that_is_none_is_left_out(fake: Fake, client: Client, time: Any) -> None:
    page(fake, [item("c-1", startTime=time)])
    assert listed(client)[0].start_time is None


@pytest.mark.parametrize(
    "time", ["0001-01-02T00:00:00Z", "1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "9999-12-31Z"]
)
@pytest.mark.parametrize("field", ["startTime", "answerTime", "lastUpdate"])
def test_a_time_that_no_call_can_have_is_left_out(field: str, time: str) -> None:
    """In a zone west or east of UTC it could not even be drawn."""
    (read,) = calls_in([item("c-1", state="answered", **{field: time})])
    assert (read.start_time, read.answer_time, read.last_update).count(None) == 1
    assert not read.ended


@pytest.mark.parametrize("letter", ["\u0130", "\u1e9e"])
def test_a_word_that_is_longer_in_small_letters_fits_all_the_same(letter: str) -> None:
    (read,) = calls_in([item("c-1", state=letter * 40, direction=letter * 20)])
    assert len(read.state) <= 40 and len(read.direction) <= 20


@pytest.mark.parametrize("call_id", [".", "..", "c-1/../c-2", "c-1?x", "c 1", "c-\u0130", "c-" + 63 * "0", ""])
def test_what_cannot_stand_in_an_address_is_no_id(call_id: str) -> None:
    assert calls_in([item(call_id)]) == []
    assert calls_in([item("c-1", parentCallId=call_id)])[0].parent_call_id == ""
    assert recordings_in([{"recordingId": "r-1", "callId": call_id}])[0].call_id == ""


@pytest.mark.parametrize("body", [b"<html>", b"", b"{}", b'"x"', b'[{"callId": "c-1"}', b"\xff", b"[" * 100_000])
def test_a_listing_that_is_no_list_is_unknown(fake: Fake, client: Client, body: bytes) -> None:
    page(fake, body)
    with pytest.raises(OutcomeUnknown):
        listed(client)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, OutcomeUnknown) for status in (204, 302, 500, 503)],
        *[(status, BadCredentials) for status in (401, 403)],
        (400, Refused),
        (404, UnknownCall),
        (429, RateLimited),
    ],
)
def test_a_listing_that_is_refused_says_how(
    fake: Fake, client: Client, status: int, kind: type[BandwidthError]
) -> None:
    fake.fail_next(status, on="list")
    with pytest.raises(BandwidthError) as caught:
        listed(client)
    assert (type(caught.value), caught.value.status) == (kind, status)
    assert len(fake.requests) == 1


def test_a_page_that_hangs_is_given_up(fake: Fake, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "READ_SECONDS", 0.3)
    fake.hang_next(on="list")
    with pytest.raises(OutcomeUnknown):
        listed(client)


def test_a_token_taken_back_between_two_pages_is_renewed_and_the_page_asked_again(fake: Fake, bearer: Client) -> None:
    for _ in range(3):
        fake.add_call(ACCOUNT)
    pages = bearer.pages(since=LONG_AGO, page_size=2)
    next(pages)
    fake.expire_tokens()
    assert len(next(pages)) == 2
    assert (len(fake.tokens), [r.status for r in fake.requests if r.kind == "list"]) == (2, [200, 401, 200])


def test_a_read_whose_fresh_token_is_refused_too_gives_up(fake: Fake, bearer: Client) -> None:
    fake.fail_next(401, times=9, on="list")
    with pytest.raises(BadCredentials):
        listed(bearer)
    assert len(fake.requests) == 4


def test_nobody_there_is_never_reached(fake: Fake, client: Client) -> None:
    fake.stop()
    with pytest.raises(NeverReached):
        listed(client)


def test_one_call_is_read_and_an_unknown_one_is_told(fake: Fake, call: FakeCall, client: Client) -> None:
    told = client.call(call.call_id)
    assert (told.call_id, told.state, told.from_address) == (call.call_id, "answered", call.from_)
    call.hang_up()
    assert client.call(call.call_id).ended
    with pytest.raises(UnknownCall):
        client.call("c-nobody")


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b"<html>"])
def test_a_call_that_is_none_is_unknown(fake: Fake, call: FakeCall, client: Client, body: bytes) -> None:
    fake.script(Fault("odd", status=200, body=body), on="get")
    with pytest.raises(OutcomeUnknown):
        client.call(call.call_id)


def test_recordings_are_read_and_an_unknown_call_has_none(fake: Fake, call: FakeCall, client: Client) -> None:
    fake.script(Fault("file", status=200, body=(PAYLOADS / "recordings.json").read_bytes()), on="recordings")
    done, running = client.recordings(call.call_id)
    assert (done.status, done.duration) == ("complete", "PT13.67S")
    assert (running.status, running.duration, running.end_time) == ("processing", "", None)
    assert client.recordings("c-nobody") == []


def test_each_page_tells_its_date(client: Client) -> None:
    (told,) = client.pages(since=LONG_AGO)
    assert told.date is not None
    assert abs(datetime.now(UTC) - told.date) < timedelta(seconds=2)


@pytest.mark.parametrize("date", ["soon", "", "Fri, 99 Nov 2026 10:00:00 GMT", "0"])
def test_a_date_that_cannot_be_read_is_none(date: str) -> None:
    assert client_module._date(Response(200, {"date": date}, b"[]")) is None
    assert client_module._date(Response(200, {}, b"[]")) is None


def test_a_list_may_end_before_now(fake: Fake, client: Client, call: FakeCall) -> None:
    start = datetime.now(UTC) - timedelta(hours=3)
    old = fake.add_call(ACCOUNT, start=start)
    assert [state.call_id for state in listed(client, until=start)] == [old.call_id]
    assert "maxStartTime" in fake.requests[-1].path

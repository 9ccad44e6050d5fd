"""Callbacks are read as Bandwidth's pages show them, and whatever else comes breaks nothing."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicedash.bandwidth.callbacks import KINDS, Event, Unreadable, event_in, fields_in, fields_of

SAMPLES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "payloads" / "callbacks.json").read_text("utf-8"))
BY_KIND = {sample["eventType"]: sample for sample in SAMPLES}
CALL = "c-95ac8d6e-1a31c52e-b38f-4198-93c1-51633ec68f8d"


def sample(kind: str, **other: Any) -> Event:
    return event_in(BY_KIND[kind] | other)


def time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("kind", "state", "at"),
    [
        ("initiate", "initiated", "2019-06-20T15:56:11.554Z"),
        ("answer", "answered", "2019-06-20T15:54:25.440Z"),
        ("disconnect", "disconnected", "2019-06-20T15:55:55.533Z"),
        ("transferAnswer", "answered", "2019-06-20T15:57:22.477Z"),
        ("transferDisconnect", "disconnected", "2019-12-27T19:19:28.003Z"),
    ],
)
def test_each_kind_tells_the_state_of_its_call(kind: str, state: str, at: str) -> None:
    event = sample(kind)
    assert event.call is not None
    assert (event.kind, event.account_id, event.call.call_id) == (kind, "55555555", CALL)
    assert (event.call.state, event.call.last_update, event.call.event) == (state, time(at), True)
    assert event.call.ended == (state == "disconnected")


def test_what_comes_during_a_call_is_no_news_of_it_but_that_it_was_answered() -> None:
    call = sample("transferComplete").call  # its cause is why the other leg ended
    assert call is not None
    assert (call.state, call.ended, call.last_update) == ("answered", False, time("2019-07-31T13:13:40.644Z"))
    assert (call.from_address, call.to_address) == ("+15551112222", "+15553334444")
    assert sample("transferComplete", answerTime=None).call is None


def test_the_leg_of_a_transfer_has_its_own_numbers_and_its_parent() -> None:
    for kind in ("transferAnswer", "transferDisconnect"):
        call = sample(kind).call
        assert call is not None
        assert call.parent_call_id == BY_KIND[kind]["parentCallId"]
        assert (call.from_address, call.to_address) == (BY_KIND[kind]["transferCallerId"], "+15556667777")
    assert sample("transferAnswer", parentCallId=None, transferTo=None).call.to_address == ""


def test_the_times_of_a_recording_are_not_those_of_its_call() -> None:
    event = sample("recordingAvailable")
    assert event.recording is not None
    assert (event.at, event.recording.end_time) == (time("2019-09-13T16:49:40.5Z"), time("2019-09-13T16:48:48.890Z"))
    assert event.call is None  # it comes during a call as well as after its end
    assert event.about is not None and event.about.start_time is None
    complete = sample("recordComplete")
    assert complete.call is not None
    assert (complete.call.state, complete.call.start_time, complete.call.end_time) == ("answered", None, None)
    assert complete.recording == event_in(BY_KIND["recordComplete"] | {"eventType": "recordingComplete"}).recording


def test_an_end_without_a_time_is_as_old_as_the_call_tells() -> None:
    assert sample("disconnect", eventTime=None).call.last_update == time("2019-06-20T15:55:54.123Z")
    assert sample("initiate", eventTime="yesterday").call.last_update == time("2019-06-20T15:54:22.234Z")
    assert sample("disconnect", eventTime=None, endTime=None).call.ended


def test_a_state_that_somebody_added_is_not_believed() -> None:
    assert sample("initiate", state="disconnected", endTime="2019-06-20T16:00:00Z").call.ended is False


@pytest.mark.parametrize(
    ("fields", "account"),
    [
        ({}, "55555555"),
        ({"accountId": None}, "55555555"),  # of its call's address
        ({"accountId": "", "callUrl": None}, ""),
        ({"accountId": None, "callUrl": "https://../{accountId}/calls/{callId-1}"}, ""),
        ({"accountId": 55555555}, "55555555"),
        ({"accountId": "+15551112222"}, "?"),
        ({"accountId": ["55555555"]}, "?"),
        ({"accountId": None, "callUrl": 7}, ""),
    ],
)
def test_the_account_is_the_one_it_names(fields: dict[str, Any], account: str) -> None:
    assert sample("disconnect", **fields).account_id == account


def test_events_of_a_conference_have_no_account_and_maybe_no_call() -> None:
    event = event_in({"eventType": "conferenceCompleted", "eventTime": "2019-06-20T15:56:11.554Z", "name": "x"})
    assert (event.account_id, event.about, event.call, event.recording) == ("", None, None, None)
    assert event.at == time("2019-06-20T15:56:11.554Z")


def test_a_get_and_a_form_carry_the_same() -> None:
    for told in SAMPLES:
        query = "&".join(f"{name}={str(value).replace('+', '%2B')}" for name, value in told.items())
        assert event_in(fields_of(query.encode())) == event_in(told)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON: Expecting value at 0"),
        (b'{"eventType": "disconnect"', "not JSON: Expecting ',' delimiter at 26"),
        (b"[]", "JSON, but no object"),
        (b"\xff\xff", "not JSON: UnicodeDecodeError"),
        (b"[" * 60_000, "not JSON: RecursionError"),
        (b'{"n": ' + b"1" * 5000 + b"}", "not JSON: ValueError"),
    ],
)
def test_what_is_no_json_says_why_and_nothing_that_it_held(body: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match="JSON") as told:
        fields_in(body)
    assert str(told.value) == why


@pytest.mark.parametrize("kind", [None, "", 7, ["disconnect"], "a" * 41, "+15551112222", "two words", "x\u0000"])
def test_what_names_no_type_is_no_event(kind: Any) -> None:
    with pytest.raises(Unreadable, match="no eventType"):
        event_in({"eventType": kind})


def test_a_get_with_very_many_fields_is_none() -> None:
    with pytest.raises(Unreadable, match="more than 200 fields"):
        fields_of(b"&".join(b"a%d=1" % number for number in range(201)))


NAMES = sorted({name for told in SAMPLES for name in told})
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(sorted(KINDS)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(KINDS)), st.dictionaries(st.sampled_from(NAMES) | st.text(), ANYTHING))
def test_whatever_the_fields_hold_it_is_an_event_that_can_be_kept(kind: str, fields: dict[str, Any]) -> None:
    event = event_in(fields | {"eventType": kind})
    for state in (event.call, event.about):
        if state:
            texts = (state.call_id, state.parent_call_id, state.state, state.from_address, state.to_address)
            assert all(text.isprintable() and len(text) <= 300 for text in texts)
            assert state.call_id and len(state.call_id) <= 64


@given(st.binary())
def test_whatever_bytes_come_they_are_fields_or_unreadable(body: bytes) -> None:
    for read in (fields_in, fields_of):
        try:
            event_in(read(body))
        except Unreadable:
            continue

"""The official SDK finds in the stand-in what it finds at Bandwidth: every operation we use, and both ways of signing in."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest

from tests.contracts.sdk import ACCOUNT, Sdk, our_client
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.fake import Fake, FakeAccount
from voicedash.bandwidth.fake.world import now

# Fields of a call and of a recording as our reader and as the SDK name them.
CALL_FIELDS = {
    "call_id": "call_id",
    "parent_call_id": "parent_call_id",
    "state": "state",
    "direction": "direction",
    "from_address": "var_from",
    "to_address": "to",
    "start_time": "start_time",
    "answer_time": "answer_time",
    "end_time": "end_time",
    "last_update": "last_update",
}
RECORDING_FIELDS = {name: name for name in ("recording_id", "call_id", "status", "duration", "start_time", "end_time")}


def as_read(read: Any, names: list[str]) -> dict[str, object]:
    """Fields of an object as plain values; what is missing is "" to our reader and None to the SDK's."""
    values = {name: getattr(read, name) for name in names}
    return {name: getattr(value, "value", value) or None for name, value in values.items()}


def assert_read_alike(ours: list[Any], theirs: list[Any], fields: dict[str, str]) -> None:
    told = [dict(zip(fields, as_read(item, list(fields.values())).values(), strict=True)) for item in theirs]
    assert [as_read(item, list(fields)) for item in ours] == told


def test_a_pause_and_a_resume_are_acknowledged_and_done(fake: Fake, sdk: Sdk) -> None:
    call = fake.add_call(ACCOUNT)
    for state in ("paused", "recording"):
        answer = sdk.put_recording(call.call_id, state)
        assert (answer.status_code, answer.data, answer.raw_data) == (200, None, b"")
        assert call.recorder == state


def test_calls_are_listed_with_the_fields_the_sdk_knows_and_no_others(fake: Fake, sdk: Sdk) -> None:
    fake.add_call(ACCOUNT, state="queued", direction="outbound")
    fake.add_call(ACCOUNT, state="initiated", to="sip:agent@example.com", from_="Restricted")
    fake.add_call(ACCOUNT, parent_call_id="c-parent")
    fake.add_call(ACCOUNT, state="a-state-of-tomorrow")
    fake.add_call(ACCOUNT).hang_up("busy")
    answer = sdk.list_calls()
    calls = answer.data
    assert [call.state for call in calls] == ["queued", "initiated", "answered", "a-state-of-tomorrow", "disconnected"]
    queued, ringing, leg, _, ended = calls
    assert [(call.additional_properties, call.account_id) for call in calls] == [({}, ACCOUNT)] * 5
    known = {field.alias or name for name, field in type(calls[0]).model_fields.items()} - {"additional_properties"}
    assert [set(told) for told in json.loads(answer.raw_data)] == [known] * 5
    assert (queued.start_time, queued.enqueued_time is not None) == (None, True)
    assert (ringing.to, ringing.var_from, ringing.answer_time) == ("sip:agent@example.com", "Restricted", None)
    assert (leg.parent_call_id, leg.end_time, leg.disconnect_cause) == ("c-parent", None, None)
    assert (ended.disconnect_cause, ended.end_time.utcoffset()) == ("busy", timedelta(0))


def test_pages_hang_together_by_the_link_that_the_sdk_hands_out(fake: Fake, sdk: Sdk, client: Client) -> None:
    since = now() - timedelta(hours=1)
    made = [fake.add_call(ACCOUNT, start=now() - timedelta(minutes=minutes)).call_id for minutes in range(5, 0, -1)]
    answer = sdk.list_calls(page_size=2, min_start_time=since.isoformat(), to="+18885550123")
    pages = [answer.data]
    while link := answer.headers.get("Link"):
        assert link.startswith(f"<{fake.voice_url}/accounts/{ACCOUNT}/calls?")
        assert link.endswith('>; rel="next"')
        answer = sdk.page_after(link[1 : link.index(">")])
        pages.append(answer.data)
    assert [[call.call_id for call in page] for page in pages] == [made[:2], made[2:4], made[4:]]
    ours = list(client.pages(since=since, page_size=2))
    assert [len(page) for page in ours] == [2, 2, 1]
    assert_read_alike([call for page in ours for call in page], [call for page in pages for call in page], CALL_FIELDS)


def test_every_filter_of_the_list_narrows_it(fake: Fake, sdk: Sdk) -> None:
    old = fake.add_call(ACCOUNT, start=now() - timedelta(hours=2), from_="+19195550101").call_id
    new = fake.add_call(ACCOUNT, to="+18885550999").call_id
    over = fake.add_call(ACCOUNT, from_="sip:a+b@example.com")
    over.hang_up("timeout")
    hour_ago = (now() - timedelta(hours=1)).isoformat()
    narrowed = [
        sdk.list_calls(**query).data
        for query in (
            {"min_start_time": hour_ago},
            {"max_start_time": hour_ago},
            {"var_from": "+19195550101"},
            {"var_from": "sip:a+b@example.com"},
            {"to": "+18885550999"},
            {"disconnect_cause": "timeout"},
            {"page_size": 1},
        )
    ]
    ids = [[call.call_id for call in calls] for calls in narrowed]
    assert ids == [[new, over.call_id], [old], [old], [over.call_id], [new], [over.call_id], [old]]


@pytest.mark.parametrize("state", ["queued", "initiated", "answered", "disconnected", "a-state-of-tomorrow"])
def test_one_call_is_read_by_the_sdk_and_by_us_alike(fake: Fake, sdk: Sdk, client: Client, state: str) -> None:
    call = fake.add_call(ACCOUNT, state=state, direction="outbound", parent_call_id="c-parent")
    theirs = sdk.call(call.call_id).data
    assert (theirs.call_id, theirs.state, theirs.additional_properties) == (call.call_id, state, {})
    assert_read_alike([client.call(call.call_id)], [theirs], CALL_FIELDS)


def test_recordings_are_read_by_the_sdk_and_by_us_alike(fake: Fake, sdk: Sdk, client: Client) -> None:
    live, over = fake.add_call(ACCOUNT), fake.add_call(ACCOUNT, start=now() - timedelta(minutes=2))
    over.hang_up()
    assert [sdk.recordings(call_id).data for call_id in (live.call_id, "c-nobody")] == [[], []]
    theirs = sdk.recordings(over.call_id).data
    (recording,) = theirs
    assert (recording.status, recording.file_format.value, recording.channels) == ("complete", "wav", 1)
    assert recording.media_url.endswith(f"/calls/{over.call_id}/recordings/{recording.recording_id}/media")
    assert recording.additional_properties == {}
    assert_read_alike(client.recordings(over.call_id), theirs, RECORDING_FIELDS)


def test_a_token_serves_many_requests_of_the_sdk_and_is_fetched_anew_in_its_last_minute(
    fake: Fake, account: FakeAccount
) -> None:
    sdk, call = Sdk(fake, "oauth2"), fake.add_call(ACCOUNT)
    sdk.put_recording(call.call_id, "paused")
    sdk.list_calls()
    assert len(fake.tokens) == 1
    account.token_seconds = 59
    short = Sdk(fake, "oauth2")
    short.call(call.call_id)
    fetched = len(fake.tokens)
    short.call(call.call_id)
    assert len(fake.tokens) > fetched > 1
    assert {token.status for token in fake.tokens} == {200}


def test_a_wrong_client_secret_gets_no_token_and_nothing_is_asked_with_it(fake: Fake, account: FakeAccount) -> None:
    call = fake.add_call(ACCOUNT)
    with pytest.raises(KeyError):  # the SDK takes the answer for a token without looking at its status
        Sdk(fake, "oauth2", secret="wrong").put_recording(call.call_id, "paused")
    assert ([token.status for token in fake.tokens], fake.puts) == ([401], [])


def test_the_sdk_and_we_see_what_the_other_has_done(fake: Fake, sdk: Sdk, kind: str) -> None:
    call, ours = fake.add_call(ACCOUNT), our_client(fake, kind)
    ours.put_recording(call.call_id, "paused", deadline=time.monotonic() + 5)
    sdk.put_recording(call.call_id, "recording")
    assert [state for _, state in call.timeline] == ["none", "recording", "paused", "recording"]

"""What the stand-in's GET tells late, and what a busy hour has left behind."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.bandwidth.fake_wire import ACCOUNT, Wire
from voicedash.bandwidth.fake import Fake
from voicedash.bandwidth.fake.traffic import add_past
from voicedash.bandwidth.fake.world import now


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as fake:
        fake.add_account(ACCOUNT, client_id="CLI-1", secret="s", username="u", password="p")
        yield fake


@pytest.fixture
def wire(fake: Fake) -> Iterator[Wire]:
    with Wire(fake) as wire:
        yield wire


def test_a_list_that_lags_shows_each_change_so_much_later_and_the_put_is_live(fake: Fake, wire: Wire) -> None:
    fake.lag = 0.4

    def listed() -> dict[str, str]:
        return {call["callId"]: call["state"] for call in wire.get("/calls").json()}

    call = fake.add_call(ACCOUNT, state="initiated")
    assert listed() == {}
    assert wire.get(f"/calls/{call.call_id}").status == 404
    time.sleep(0.25)
    call.answer()
    assert wire.put(call.call_id).status == 200
    time.sleep(0.2)
    assert listed() == {call.call_id: "initiated"}
    time.sleep(0.25)
    assert listed() == {call.call_id: "answered"}
    call.hang_up()
    assert (listed(), wire.put(call.call_id).status) == ({call.call_id: "answered"}, 409)
    time.sleep(0.45)
    assert listed() == {call.call_id: "disconnected"}
    assert wire.get(f"/calls/{call.call_id}").json()["endTime"]


def test_what_was_so_before_the_lag_is_shown_at_once(fake: Fake, wire: Wire) -> None:
    fake.lag = 60
    old = fake.add_call(ACCOUNT, start=now() - timedelta(minutes=5))
    odd = fake.add_call(ACCOUNT, state="held", start=now() - timedelta(minutes=4))
    fake.add_call(ACCOUNT, start=now() - timedelta(seconds=30))
    told = {call["callId"]: call["state"] for call in wire.get("/calls").json()}
    assert told == {old.call_id: "answered", odd.call_id: "held"}


def test_an_hour_of_past_is_thousands_of_ended_calls_page_by_page(fake: Fake, wire: Wire) -> None:
    live = fake.add_call(ACCOUNT)
    began = now()
    add_past(fake, ACCOUNT, 3000)
    first = wire.get("/calls")
    second = wire.get("/calls?" + first.headers["Link"].partition("?")[2].partition(">")[0])
    calls = first.json() + second.json()
    assert len(calls) == 2000
    assert {call["state"] for call in calls} == {"disconnected"}
    starts = [datetime.fromisoformat(call["startTime"]) for call in calls]
    assert starts == sorted(starts)
    assert began - timedelta(hours=1) <= starts[0] + timedelta(seconds=1)
    assert all(datetime.fromisoformat(call["endTime"]) <= now() for call in calls)
    assert len({call["callId"] for call in calls} - {live.call_id}) == 2000


def test_every_answer_tells_its_date(wire: Wire) -> None:
    told = parsedate_to_datetime(wire.get("/calls").headers["Date"])
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=2)

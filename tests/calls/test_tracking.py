"""What Bandwidth's listing teaches us: in any order and however often, the board ends up with the same calls."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import cast as people
from tests.cast import Cast
from voicedash.bandwidth.fake import Fake
from voicedash.bandwidth.listing import CallState, calls_in
from voicedash.calls import ids, recording, tracking
from voicedash.calls.models import Call
from voicedash.calls.tracking import Learned, learn
from voicedash.tenants.models import Board

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def told(call_id: str = "c-one", second: int = 0, state: str = "answered", **fields: Any) -> CallState:
    """A call as Bandwidth tells it `second` seconds after noon."""
    known: dict[str, Any] = {
        "callId": call_id,
        "state": state,
        "direction": "inbound",
        "from": "+19195554321",
        "to": "+19195551234",
        "startTime": "2026-11-20T12:00:00.000Z",
        "lastUpdate": (NOON + timedelta(seconds=second)).isoformat(),
    }
    if state == "disconnected":
        known["endTime"] = known["lastUpdate"]
    (read,) = calls_in([known | fields])
    return read


def version(cast: Cast) -> int:
    return Board.objects.get(tenant=cast.acme).version


def rows() -> list[Any]:
    return list(Call.objects.order_by("call_id").values())


def test_a_live_call_joins_the_board_with_all_that_is_told(cast: Cast) -> None:
    parent = told(parentCallId="c-parent", answerTime="2026-11-20T12:00:04Z")
    assert learn(cast.acme_account, [parent]) == Learned(added=1)
    call = Call.objects.get()
    assert (call.tenant, call.account, call.call_id) == (cast.acme, cast.acme_account, "c-one")
    assert (call.state, call.direction, call.parent_call_id) == ("answered", "inbound", "c-parent")
    assert (call.from_address, call.to_address) == ("+19195554321", "+19195551234")
    assert (call.start_time, call.answer_time, call.end_time) == (NOON, NOON + timedelta(seconds=4), None)
    assert (call.last_update, call.ended_at, call.recording) == (NOON, None, "assumed")
    assert call.version == version(cast)


def test_a_call_that_had_ended_before_we_knew_it_is_no_news(cast: Cast) -> None:
    assert learn(cast.acme_account, [told(state="disconnected")]) == Learned()
    assert (Call.objects.count(), version(cast)) == (0, 0)


def test_the_same_listing_again_writes_nothing(cast: Cast) -> None:
    listing = [told("c-one"), told("c-two", 3, "queued", startTime=None), told("c-three", 5, "disconnected")]
    learn(cast.acme_account, listing)
    before, at = rows(), version(cast)
    with CaptureQueriesContext(connections["default"]) as asked:
        assert learn(cast.acme_account, listing) == Learned()
    assert (rows(), version(cast)) == (before, at)
    assert len(asked) == 1


def test_only_what_changed_gets_a_new_version(cast: Cast) -> None:
    learn(cast.acme_account, [told("c-one"), told("c-two")])
    learn(cast.acme_account, [told("c-one"), told("c-two", 9, "held")])
    versions = dict(Call.objects.values_list("call_id", "version"))
    assert (versions["c-one"], versions["c-two"]) == (1, 2)


def test_older_news_changes_nothing(cast: Cast) -> None:
    learn(cast.acme_account, [told(second=20)])
    before, at = rows(), version(cast)
    assert learn(cast.acme_account, [told(second=10, state="initiated", to="+18005550100")]) == Learned()
    assert (rows(), version(cast)) == (before, at)


def test_news_without_a_time_does_not_wake_an_ended_call(cast: Cast) -> None:
    learn(cast.acme_account, [told()])
    learn(cast.acme_account, [told(second=5, state="disconnected")])
    learn(cast.acme_account, [replace(told(), last_update=None)])
    assert Call.objects.get().state == "disconnected"


def test_a_call_that_ends_is_greyed_once_by_the_databases_clock(cast: Cast) -> None:
    began = datetime.now(UTC) - timedelta(seconds=2)
    learn(cast.acme_account, [told()])
    assert learn(cast.acme_account, [told(second=60, state="disconnected")]) == Learned(ended=1)
    call = Call.objects.get()
    assert (call.state, call.end_time) == ("disconnected", NOON + timedelta(seconds=60))
    assert call.ended_at is not None
    assert began <= call.ended_at <= datetime.now(UTC) + timedelta(seconds=2)
    assert learn(cast.acme_account, [told(second=61, state="disconnected")]) == Learned()
    assert Call.objects.get().ended_at == call.ended_at


@pytest.mark.parametrize("state", ["ringing-somewhere", "answered-by-a-machine", ""])
def test_a_state_that_nobody_has_documented_is_a_live_call(cast: Cast, state: str) -> None:
    assert learn(cast.acme_account, [told(state=state)]) == Learned(added=1)
    call = Call.objects.get()
    assert (call.state, call.ended_at) == (state or "unknown", None)


def test_what_news_leaves_out_takes_nothing_away(cast: Cast) -> None:
    learn(cast.acme_account, [told(parentCallId="c-parent", answerTime="2026-11-20T12:00:04Z")])
    learn(cast.acme_account, [told(second=9, to=5, startTime="soon", direction="", answerTime=None)])
    call = Call.objects.get()
    assert (call.from_address, call.to_address, call.direction) == ("+19195554321", "+19195551234", "inbound")
    assert (call.parent_call_id, call.start_time) == ("c-parent", NOON)
    assert call.answer_time == NOON + timedelta(seconds=4)


def test_a_typed_call_is_seen_and_finds_its_true_account(cast: Cast) -> None:
    tracking.add_typed(cast.acme, ids.read("c-one"), account=None, by=cast.ana)
    second = people.account(cast.acme, "9900003")
    assert learn(second, [told()]) == Learned()
    call = Call.objects.get()
    assert (call.account, call.state, call.added_by) == (second, "answered", cast.ana)


def test_the_recording_is_none_of_the_listings_business(cast: Cast, bandwidth: Fake, live_call: Any) -> None:
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    kept = ("recording", "recording_since", "acknowledged", "last_pause")
    before = Call.objects.values(*kept).get()
    for state in ("held", "disconnected"):
        learn(cast.acme_account, [told(call.call_id, 10**8, state)])
        assert Call.objects.values(*kept).get() == before
    assert before["recording"] == "paused"


def test_one_id_in_two_tenants_is_two_calls(cast: Cast) -> None:
    learn(cast.acme_account, [told()])
    assert learn(cast.globex_account, [told(state="initiated")]) == Learned(added=1)
    assert Call.objects.get(tenant=cast.acme).state == "answered"


def test_a_call_told_twice_in_one_listing_counts_once_and_the_newer_news_wins(cast: Cast) -> None:
    assert learn(cast.acme_account, [told(second=20), told(second=10, state="initiated")]) == Learned(added=1)
    assert (Call.objects.get().state, version(cast)) == ("answered", 1)


def test_a_long_listing_is_taken_in_by_short_transactions(cast: Cast) -> None:
    listing = [told(f"c-{number:04}") for number in range(250)]
    assert learn(cast.acme_account, iter(listing)) == Learned(added=250)
    sizes = Counter(Call.objects.values_list("version", flat=True))
    assert (sorted(sizes), max(sizes.values())) == ([1, 2, 3], 100)
    ends = [told(f"c-{number:04}", 60, "disconnected") for number in range(250)]
    assert learn(cast.acme_account, ends) == Learned(ended=250)
    assert max(Counter(Call.objects.values_list("version", flat=True)).values()) == 100


def test_a_page_without_news_costs_one_query_for_100_calls(cast: Cast) -> None:
    listing = [told(f"c-{number:04}", state="disconnected") for number in range(1000)]
    with CaptureQueriesContext(connections["default"]) as asked:
        learn(cast.acme_account, listing)
    assert (len(asked), version(cast)) == (10, 0)


def test_two_listings_at_once_bring_each_call_once(cast: Cast, threads: ThreadPoolExecutor) -> None:
    listing = [told(f"c-{number:04}") for number in range(300)]
    learning = [threads.submit(learn, cast.acme_account, listing) for _ in range(4)]
    assert sum(one.result().added for one in learning) == 300
    assert Call.objects.count() == 300


def history(call_id: str, dice: Random) -> list[CallState]:
    """One call from queue to end, as ever more is known of it."""
    second, states = dice.randrange(100), []
    known: dict[str, Any] = {"startTime": None}
    for state in ("queued", "initiated", "answered", "transferring", "disconnected")[: dice.randint(1, 5)]:
        second += dice.randint(1, 50)
        moment = (NOON + timedelta(seconds=second)).isoformat()
        known |= {"initiated": {"startTime": moment}, "answered": {"answerTime": moment}}.get(state, {})
        states.append(told(call_id, second, state, **known))
    return states


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_the_same_listings_ends_in_the_same_calls(cast: Cast, dice: Random) -> None:
    Call.objects.all().delete()
    histories = [history(f"c-{number:03}", dice) for number in range(dice.randint(1, 6))]
    # Typed in: an ended call that nobody ever showed is no news, so that which came first would count.
    tracking.add_typed(cast.acme, ids.read(" ".join(h[0].call_id for h in histories)), account=None, by=cast.ana)
    news = [state for states in histories for state in states]
    news += dice.choices(news, k=dice.randint(0, 10))
    dice.shuffle(news)
    while news:
        size = dice.randint(1, 8)
        learn(cast.acme_account, news[:size])
        news = news[size:]
    shown = ("state", "direction", "start_time", "answer_time", "end_time", "last_update")
    for states in histories:
        newest = max(states, key=lambda state: state.last_update or NOON)
        call = Call.objects.get(call_id=newest.call_id)
        assert {name: getattr(call, name) for name in shown} == {name: getattr(newest, name) for name in shown}
        assert (call.ended_at is not None) == newest.ended


def test_what_the_database_refuses_of_one_call_costs_no_other(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    """SQLite takes any text; PostgreSQL none that is longer than its column."""
    long = replace(told("c-long"), state="x" * 41, from_address="+19195550123")
    learned = learn(cast.acme_account, [told("c-one"), long, told("c-two")])
    kept = set(Call.objects.values_list("call_id", flat=True))
    assert kept >= {"c-one", "c-two"}
    assert learned.added == len(kept)
    if connection.vendor == "postgresql":
        assert "c-long" not in kept
        assert "cannot be kept: DataError" in caplog.text
        assert "0123" not in caplog.text

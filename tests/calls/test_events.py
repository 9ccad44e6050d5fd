"""What an event teaches us of a call: it makes one that nobody knew, and never more than it says."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests import cast as people
from tests.calls.test_tracking import NOON, told, version
from voicedash.calls import board, ids, recording, tracking
from voicedash.calls.models import Call
from voicedash.calls.tracking import Learned, learn
from voicedash.tenants.models import Board


def event(call_id="c-one", second=0, state="answered", **fields):
    return replace(told(call_id, second, state, **fields), event=True)


def on_board(cast):
    return [row.call_id for row in board.read(cast.acme).rows]


def test_an_event_about_a_call_that_nobody_knows_makes_it(cast):
    assert learn(cast.acme_account, [event(state="initiated")]) == Learned(added=1)
    call = Call.objects.get()
    assert (call.state, call.account, call.listed_at) == ("initiated", cast.acme_account, None)
    assert on_board(cast) == ["c-one"]


def test_a_call_whose_end_is_all_that_was_told_is_kept_and_on_no_board(cast):
    assert learn(cast.acme_account, [event(second=9, state="disconnected")]) == Learned()
    assert Call.objects.get().ended_at is not None
    assert on_board(cast) == []
    assert board.newer(cast.acme.pk, 0).rows == []
    assert board.found(cast.acme, "c-one", "").rows == []
    # What was sent before it and comes after it does not bring it to life, but may add to it.
    learn(cast.acme_account, [event(second=1, state="initiated", to="+19195550000"), told(second=5)])
    call = Call.objects.get()
    assert (call.state, call.ended_at is not None) == ("disconnected", True)
    assert on_board(cast) == []


def test_a_call_that_was_shown_greys_when_an_event_ends_it(cast):
    learn(cast.acme_account, [told()])
    assert learn(cast.acme_account, [event(second=9, state="disconnected")]) == Learned(ended=1)
    [row] = board.read(cast.acme).rows
    assert (row.over, row.ended) == ("Ended", True)


def test_an_event_told_twice_or_out_of_order_writes_nothing_more(cast):
    news = [event(second=20), event(second=10, state="initiated"), event(second=20)]
    learn(cast.acme_account, news)
    before, at = Call.objects.values().get(), version(cast)
    learn(cast.acme_account, news)
    assert (Call.objects.values().get(), version(cast)) == (before, at)


def test_an_event_without_a_state_tells_facts_and_no_more(cast):
    learn(cast.acme_account, [told(second=20)])
    facts = replace(event(second=30, parentCallId="c-parent"), state="")
    learn(cast.acme_account, [facts])
    call = Call.objects.get()
    assert (call.state, call.parent_call_id) == ("answered", "c-parent")
    assert call.last_update == NOON + timedelta(seconds=20)  # the age of what is known of its state


@pytest.mark.parametrize("state", ["queued-by-a-robot", "", "ANSWERED?"])
def test_a_state_that_nobody_has_documented_is_a_live_call(cast, state):
    learn(cast.acme_account, [replace(event(), state=state)])
    assert Call.objects.get().state == (state or "unknown")
    assert on_board(cast) == ["c-one"]


def test_an_event_changes_only_calls_of_its_own_tenant(cast):
    learn(cast.acme_account, [told()])
    before = Call.objects.values().get()
    learn(cast.globex_account, [event(second=9, state="disconnected")])
    assert Call.objects.filter(tenant=cast.acme).values().get() == before
    assert Board.objects.get(tenant=cast.acme).version == before["version"]


def test_an_event_does_not_take_a_call_from_the_account_that_listed_it(cast):
    second = people.account(cast.acme, "9900003")
    learn(cast.acme_account, [told()])
    learn(second, [event(second=9)])
    assert Call.objects.get().account == cast.acme_account
    # A typed id belongs to nobody in particular yet.
    tracking.add_typed(cast.acme, ids.read("c-typed"), account=cast.acme_account, by=cast.ana)
    learn(second, [event("c-typed")])
    assert Call.objects.get(call_id="c-typed").account == second


def test_an_end_that_crossed_with_a_200_ends_the_call_a_minute_later_at_the_latest(
    cast, bandwidth, live_call, monkeypatch
):
    """The event came before the answer to a press, which brought the call back: it is over all the same."""
    call, _ = live_call(cast.acme_account)
    over = told(call.call_id, 60, "disconnected")
    learn(cast.acme_account, [replace(over, event=True)])
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    learn(cast.acme_account, [over])
    assert Call.objects.get().ended_at is None
    Call.objects.update(revived_at=Now() - timedelta(seconds=61))
    assert learn(cast.acme_account, [over]) == Learned(ended=1)
    assert Call.objects.get().ended_at is not None

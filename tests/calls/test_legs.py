"""Calls that their parents tie together are one conversation, which keeps its wish: a leg that joins a pause is paused."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db.models import F

from tests.calls.doubting import the_due
from voicedash.bandwidth.listing import calls_in
from voicedash.calls import board, due, ids, recording, tracking
from voicedash.calls.models import Call, Command, Conversation
from voicedash.tenants.board import database_time
from voicedash.worker.loop import Loop


def told(call_id, parent="", state="answered", second=0, **fields):
    """A call as a listing tells it."""
    known = {"callId": call_id, "state": state, "direction": "inbound", "from": "+19195554321", "to": "+19195551234"}
    times = {"startTime": "2026-11-20T12:00:00Z", "lastUpdate": f"2026-11-20T12:00:{second:02}Z"}
    (read,) = calls_in([known | times | ({"parentCallId": parent} if parent else {}) | fields])
    return read


def groups() -> list[list[str]]:
    """The ids of the calls that are together, those of a conversation and those that are alone."""
    together: dict[Any, list[str]] = {}
    for call in Call.objects.order_by("call_id"):
        together.setdefault(call.conversation_id or f"alone {call.pk}", []).append(call.call_id)
    return sorted(together.values())


def transferable(cast, bandwidth):
    """A caller's call that the board shows, and the means to have it transferred."""
    theirs = bandwidth.add_call(cast.acme_account.account_id, to="+19195550100")
    tracking.learn(cast.acme_account, [told(theirs.call_id)])

    def transferred(state="answered"):
        leg = bandwidth.add_call(theirs.account_id, state=state, parent_call_id=theirs.call_id)
        tracking.learn(cast.acme_account, [told(leg.call_id, theirs.call_id, state=state)])
        return Call.objects.get(call_id=leg.call_id), leg

    return Call.objects.get(), theirs, transferred


@pytest.fixture
def talk(cast, bandwidth):
    return transferable(cast, bandwidth)


FAMILY = [told("c-1"), told("c-2", "c-1"), told("c-3", "c-2"), told("c-4", "c-1"), told("c-5")]


def test_any_order_of_the_same_calls_ends_in_the_same_conversations(cast):
    for order in permutations(FAMILY):
        for at_once in (1, 5):
            Call.objects.all().delete()
            for first in range(0, len(order), at_once):
                tracking.learn(cast.acme_account, order[first : first + at_once])
            assert groups() == [["c-1", "c-2", "c-3", "c-4"], ["c-5"]], order
            assert [one.root for one in Conversation.objects.exclude(legs=None)] == ["c-1"]


def test_a_call_that_nothing_ties_to_another_has_no_conversation(cast):
    tracking.learn(cast.acme_account, [told("c-1"), told("c-2")])
    tracking.add_typed(cast.acme, ids.read("c-33333333"), account=None, by=cast.ana)
    assert not Conversation.objects.exists()


def test_legs_of_a_call_that_nobody_knows_are_together_and_it_joins_them_when_it_is_typed(cast):
    tracking.learn(cast.acme_account, [told("c-2", "c-11111111"), told("c-3", "c-11111111")])
    assert groups() == [["c-2", "c-3"]]
    before = Call.objects.get(call_id="c-2").version
    tracking.add_typed(cast.acme, ids.read("c-11111111"), account=None, by=cast.ana)
    assert groups() == [["c-11111111", "c-2", "c-3"]]
    assert Call.objects.get(call_id="c-2").version == before  # nothing is new about it


def test_a_parent_that_is_told_late_moves_its_descendants_along(cast):
    tracking.learn(cast.acme_account, [told("c-1"), told("c-2"), told("c-3", "c-2")])
    assert groups() == [["c-1"], ["c-2", "c-3"]]
    tracking.learn(cast.acme_account, [told("c-2", "c-1", second=1)])
    assert groups() == [["c-1", "c-2", "c-3"]]
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize(
    ("junk", "together"),
    [
        ([("c-1", "c-1")], [["c-1"]]),
        ([("c-1", "c-2"), ("c-2", "c-1")], [["c-1", "c-2"]]),
        ([("c-1", "c-2"), ("c-2", "c-3"), ("c-3", "c-1"), ("c-4", "c-3")], [["c-1", "c-2", "c-3", "c-4"]]),
    ],
)
def test_parents_that_go_round_in_a_circle_hang_nothing(cast, junk, together):
    for order in permutations(junk):
        Call.objects.all().delete()
        for one in order:
            tracking.learn(cast.acme_account, [told(*one)])
        assert groups() == together


def test_the_same_ids_of_two_tenants_are_never_together(cast):
    tracking.learn(cast.acme_account, [told("c-1"), told("c-2", "c-1")])
    tracking.learn(cast.globex_account, [told("c-1"), told("c-2", "c-1")])
    assert {one.legs.values_list("tenant", flat=True).distinct().count() for one in Conversation.objects.all()} == {1}
    assert Conversation.objects.count() == 2


def test_a_leg_that_joins_a_pause_is_due_from_the_transaction_that_inserts_it(cast, bandwidth, talk):
    first, _, transferred = talk
    recording.pause(call=first, by=cast.ana, reason=cast.objects, note="at the desk")
    leg, their_leg = transferred()
    assert leg.pause_due_at is not None
    assert board.row(leg).recording == "assumed"
    one = the_due(leg)
    assert (one.wanted, one.source) == ("paused", "system")
    assert recording.reassert(one).outcome == "acknowledged"
    assert their_leg.recorder == "paused"
    row = board.row(Call.objects.get(pk=leg.pk))
    assert (row.recording, row.note) == ("paused", "Ana Ruiz · Customer objects to recording · at the desk")
    assert due.again(database_time()) == []


def test_a_pause_that_is_still_under_way_is_a_wish_already(cast, bandwidth, talk, threads):
    first, _, transferred = talk
    bandwidth.hold(cast.acme_account.account_id, on="put")
    pausing = threads.submit(recording.pause, call=first, by=cast.ana)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    leg, _ = transferred()
    assert the_due(leg).wanted == "paused"
    bandwidth.release(cast.acme_account.account_id)
    assert pausing.result().outcome == "acknowledged"
    assert the_due(leg).wanted == "paused"


def test_the_parent_that_comes_late_joins_the_pause_of_its_leg(cast, bandwidth):
    leg = bandwidth.add_call(cast.acme_account.account_id)
    tracking.learn(cast.acme_account, [told(leg.call_id, "c-parent")])
    recording.pause(call=Call.objects.get(), by=cast.ana)
    tracking.learn(cast.acme_account, [told("c-parent")])
    assert the_due(Call.objects.get(call_id="c-parent")).wanted == "paused"


def test_a_leg_that_joins_after_a_resume_is_not_paused(cast, bandwidth, talk):
    first, _, transferred = talk
    recording.pause(call=first, by=cast.ana)
    recording.resume(call=first, by=cast.ana)
    transferred()
    assert due.again(database_time()) == []


def test_a_person_who_resumes_any_leg_ends_what_was_due_on_the_others(cast, bandwidth, talk):
    first, _, transferred = talk
    recording.pause(call=first, by=cast.ana)
    leg, their_leg = transferred()
    one = the_due(leg)
    assert recording.resume(call=first, by=cast.ana).outcome == "acknowledged"
    assert due.again(database_time()) == []
    assert recording.reassert(one).outcome == "stale"
    assert their_leg.recorder != "paused"
    assert Call.objects.get(pk=leg.pk).version > leg.version  # its row says so


def test_a_leg_that_bandwidth_does_not_know_yet_is_asked_for_again_until_it_does(cast, bandwidth, talk):
    first, _, transferred = talk
    recording.pause(call=first, by=cast.ana)
    leg, _ = transferred()
    for at in range(3):
        bandwidth.fail_next(404)
        assert recording.reassert(the_due(leg)).outcome == "unknown_call"
        assert due.again(database_time()) == []  # a pause before the next try
        ago = timedelta(minutes=1) * (at + 1)
        Command.objects.filter(source="system").update(asked_at=F("asked_at") - ago, closed_at=F("closed_at") - ago)
    assert recording.reassert(the_due(leg)).outcome == "acknowledged"


def test_a_leg_that_is_over_is_due_no_more(cast, bandwidth, talk):
    first, theirs, transferred = talk
    recording.pause(call=first, by=cast.ana)
    leg, _ = transferred()
    tracking.learn(cast.acme_account, [told(leg.call_id, theirs.call_id, state="disconnected", second=9)])
    assert due.again(database_time()) == []


def test_a_leg_that_rang_when_it_was_pressed_is_paused_once_it_is_answered(cast, bandwidth, talk):
    _, theirs, transferred = talk
    leg, _ = transferred("initiated")
    assert recording.pause(call=leg, by=cast.ana).outcome == "unknown_call"
    assert Call.objects.get(pk=leg.pk).not_known
    Command.objects.update(closed_at=F("closed_at") - timedelta(seconds=2))
    tracking.learn(cast.acme_account, [told(leg.call_id, theirs.call_id, second=9)])
    assert not Call.objects.get(pk=leg.pk).not_known
    assert the_due(leg).wanted == "paused"


def test_a_leg_that_was_not_known_and_is_refused_for_another_reason_keeps_the_whole_from_being_paused(
    cast, bandwidth, talk
):
    first, _, transferred = talk
    leg, their_leg = transferred()
    bandwidth.fail_next(404, call_id=their_leg.call_id)
    for call in (first, leg):
        recording.pause(call=call, by=cast.ana)
    assert board.conversation(Conversation.objects.get())[0].word == "Paused"
    bandwidth.fail_next(400, call_id=their_leg.call_id)
    assert recording.reassert(the_due(leg)).outcome == "refused"
    assert board.conversation(Conversation.objects.get())[0].word == "Wait, pausing…"


def test_a_due_leg_beyond_the_first_page_stands_on_it(cast, bandwidth, talk):
    first, _, transferred = talk
    recording.pause(call=first, by=cast.ana)
    recording.resume(call=first, by=cast.ana)
    tracking.learn(cast.acme_account, [told(f"c-{number:03}", second=1) for number in range(100)])
    leg, _ = transferred()
    assert leg.pk not in {row.pk for row in board.read(cast.acme).rows if not row.conversation}
    Call.objects.filter(pk=first.pk).update(ended_at=first.added_at.replace(year=2020), pause_due_at=None)
    Call.objects.filter(pk=leg.pk).update(pause_due_at=first.added_at)
    assert f"call-{leg.pk}" in {row.id for row in board.read(cast.acme).rows}


def test_a_worker_pauses_a_leg_that_joined_though_whoever_inserted_it_was_killed(cast, bandwidth, talk, threads):
    first, _, transferred = talk
    recording.pause(call=first, by=cast.ana)
    leg, their_leg = transferred()  # and nothing else is done by this process
    loop = Loop()
    running = threads.submit(loop.run, lambda: None)
    assert bandwidth.wait_until(lambda: their_leg.recorder == "paused")
    loop.stop.set()
    assert running.result()
    assert board.row(Call.objects.get(pk=leg.pk)).recording == "paused"

"""What a conversation wishes: until when a pause is what a leg that joins gets, and what a resume ends."""

import pytest
from django.db.models import F

from tests.calls.doubting import the_due
from tests.calls.test_legs import told, transferable
from voicedash.calls import board, claims, due, recording, times, tracking
from voicedash.calls.models import Call, Command, Conversation, Wanted
from voicedash.calls.press import Claim, Press
from voicedash.tenants.board import database_time


@pytest.fixture
def talk(cast, bandwidth):
    return transferable(cast, bandwidth)


@pytest.mark.parametrize("code", [400, 403, 404, 429])
def test_a_resume_that_comes_to_nothing_leaves_the_pause_as_the_wish(cast, bandwidth, talk, code):
    times.scale(0.2)
    first, theirs, transferred = talk
    recording.pause(call=first, by=cast.ana, note="card")
    waits, _ = transferred()
    bandwidth.fail_next(code, call_id=theirs.call_id, times=9)
    assert recording.resume(call=first, by=cast.ana).outcome != "acknowledged"
    assert board.row(first).word == "Paused"
    assert the_due(waits).wanted == "paused"  # it was due, and still is
    joins, _ = transferred()
    assert recording.reassert(the_due(joins)).outcome == "acknowledged"
    assert board.row(Call.objects.get(pk=joins.pk)).note == "Ana Ruiz · Card details · card"


def test_while_a_resume_is_being_asked_nothing_that_is_due_is(cast, bandwidth, talk, threads):
    times.scale(4)  # what is held must not time out on a busy machine
    first, theirs, transferred = talk
    recording.pause(call=first, by=cast.ana)
    waits, _ = transferred()
    found = the_due(waits)
    bandwidth.fail_next(400, call_id=theirs.call_id)
    bandwidth.hold(theirs.account_id, on="put")
    resuming = threads.submit(recording.resume, call=first, by=cast.ana)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    joins, _ = transferred()
    assert due.again(database_time()) == []
    assert recording.reassert(found).outcome == "stale"
    bandwidth.release(theirs.account_id)
    assert resuming.result().outcome == "refused"
    assert {one.call_pk for one in due.again(database_time())} == {waits.pk, joins.pk}


@pytest.mark.parametrize("ends", ["acknowledged", "unconfirmed", "vanished"])
def test_a_resume_that_may_have_been_done_ends_what_is_due(cast, bandwidth, talk, threads, ends):
    times.scale(0.2)
    first, theirs, transferred = talk
    recording.pause(call=first, by=cast.ana)
    leg, _ = transferred()
    if ends == "vanished":
        press = Press(cast.acme.pk, first.pk, Wanted.RECORDING, cast.ana, anyway=True)
        assert isinstance(claims.claim(press), Claim)
        Command.objects.filter(wanted="recording").update(expires_at=F("asked_at"))
        claims.close_due(cast.acme.pk)
    else:
        if ends == "unconfirmed":
            bandwidth.drop_next(apply=False, call_id=theirs.call_id, times=99)
        assert recording.resume(call=first, by=cast.ana, anyway=True).outcome == ends
    assert due.again(database_time()) == []
    assert Call.objects.get(pk=leg.pk).pause_due_at is None
    later, _ = transferred()
    assert later.pause_due_at is None


def test_a_leg_that_bandwidth_does_not_know_stays_so_after_a_resume_that_comes_to_nothing(cast, bandwidth, talk):
    first, theirs, transferred = talk
    leg, their_leg = transferred()
    bandwidth.fail_next(404, call_id=their_leg.call_id, times=9)
    for call in (first, leg):
        recording.pause(call=call, by=cast.ana)
    bandwidth.fail_next(400, call_id=theirs.call_id)
    for call in (first, leg):
        recording.resume(call=call, by=cast.ana, anyway=True)
    row = board.conversation(Conversation.objects.get())[0]
    assert (row.word, row.line) == ("Paused", "on 1 of 2 legs")


def test_a_leg_that_joins_after_the_only_paused_one_has_ended_is_not_paused(cast, bandwidth, talk):
    first, theirs, transferred = talk
    other, _ = transferred()
    recording.pause(call=first, by=cast.ana)
    tracking.learn(cast.acme_account, [told(theirs.call_id, state="disconnected", second=9)])
    joins, _ = transferred()
    assert due.again(database_time()) == []
    assert joins.pause_due_at is other.pause_due_at is None


def test_a_leg_that_takes_the_place_of_a_paused_one_in_the_same_news_is_paused(cast, bandwidth, talk):
    first, theirs, _ = talk
    recording.pause(call=first, by=cast.ana)
    leg = bandwidth.add_call(theirs.account_id, parent_call_id=theirs.call_id)
    ended = told(theirs.call_id, state="disconnected", second=9)
    tracking.learn(cast.acme_account, [ended, told(leg.call_id, theirs.call_id)])
    assert the_due(Call.objects.get(call_id=leg.call_id)).wanted == "paused"


def test_a_pause_that_was_refused_everywhere_is_nothing_that_a_leg_joins(cast, bandwidth, talk):
    first, theirs, transferred = talk
    bandwidth.fail_next(403, call_id=theirs.call_id)
    assert recording.pause(call=first, by=cast.ana).outcome == "credentials"
    joins, _ = transferred()
    assert joins.pause_due_at is None

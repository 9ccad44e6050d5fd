"""A pause has an end: the lease is given with the claim, runs from the acknowledgement, and the timer resumes at it."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.calls.doubting import the_due
from voicedash.audit.models import Entry
from voicedash.calls import board, claims, due, recording
from voicedash.calls.models import Call, Command, Wanted
from voicedash.calls.press import Press
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Reason


def left(call):
    """Seconds until the pause ends, None where only a person ends it."""
    ends = Call.objects.get(pk=call.pk).lease_ends_at
    return None if ends is None else (ends - database_time()).total_seconds()


def let_it_end(call, *, ago=0.01):
    """The pause ended so many seconds ago."""
    at = Now() - timedelta(seconds=ago)
    Call.objects.filter(pk=call.pk).update(lease_ends_at=at, lease_due_at=at)


def closed_at():
    closed = Command.objects.get().closed_at
    assert closed
    return closed


@pytest.fixture
def paused(cast, bandwidth, live_call):
    """A call that Ana paused with the usual reason."""
    call, theirs = live_call(cast.acme_account)
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    call.refresh_from_db()
    return call, theirs


def test_the_usual_reason_gives_a_pause_its_end_from_the_acknowledgement_on(cast, bandwidth, paused):
    call, _ = paused
    assert call.lease_ends_at == call.acknowledged.closed_at + timedelta(seconds=180)
    row = board.row(call)
    assert (row.word, row.line, row.lease_ends) == ("Paused", "", call.lease_ends_at)
    assert (row.slot1, row.slot2, row.note) == ("Keep paused", "Resume", "Ana Ruiz · Card details")


def test_at_its_end_it_is_due_and_resumed_once(cast, bandwidth, paused):
    call, theirs = paused
    assert due.again(database_time()) == []
    let_it_end(call)
    one = the_due(call)
    assert (one.wanted, one.source) == ("recording", "timer")
    assert recording.reassert(one).outcome == "acknowledged"
    assert theirs.recorder == "recording"
    assert recording.reassert(one).outcome == "stale"
    assert due.again(database_time()) == []
    assert len(bandwidth.puts) == 2
    row = board.row(call)
    assert (row.recording, row.lease_ends, row.note) == ("recording", None, "by itself: the pause had ended")
    asked = Entry.objects.filter(verb="recording.asked").latest("id")
    assert (asked.actor, asked.data["source"]) == (None, "timer")


def test_a_resume_by_anybody_clears_the_end(cast, bandwidth, paused):
    call, _ = paused
    assert recording.resume(call=call, by=cast.mia, anyway=True).outcome == "acknowledged"
    call.refresh_from_db()
    assert (call.lease_from, call.lease_ends_at, call.lease_due_at, call.lease_reason) == (None, None, None, "")


def test_a_pause_without_end_is_never_due(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana, reason=cast.objects)
    assert left(call) is None
    row = board.row(call)
    assert (row.word, row.line, row.lease_ends) == ("Paused", "until you resume", None)


@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_further_pause_never_shortens_and_none_beats_all(cast, bandwidth, paused, acknowledged):
    call, _ = paused

    def pause_again(reason):
        if not acknowledged:
            bandwidth.drop_next()
            bandwidth.fail_next(400)
        recording.pause(call=call, by=cast.mia, reason=reason)

    short = Reason.objects.create(tenant=cast.acme, name="Short", lease=20)
    long = Reason.objects.create(tenant=cast.acme, name="Long", lease=600)
    before = call.lease_ends_at
    pause_again(short)
    call.refresh_from_db()
    assert (call.lease_ends_at, call.lease_reason) == (before, "Card details")
    pause_again(long)
    assert left(call) > 590
    pause_again(cast.objects)
    pause_again(long)
    assert left(call) is None
    assert Call.objects.get().lease_reason == "Customer objects to recording"


def test_a_pause_that_is_refused_changes_no_end(cast, bandwidth, paused):
    call, _ = paused
    before = call.lease_ends_at
    bandwidth.fail_next(400)
    assert recording.pause(call=call, by=cast.mia, reason=cast.objects).outcome == "refused"
    call.refresh_from_db()
    assert call.lease_ends_at == before


def test_a_pause_that_is_not_confirmed_ends_from_its_closing_on(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    bandwidth.drop_next(apply=True)
    bandwidth.fail_next(400)
    assert recording.pause(call=call, by=cast.ana).outcome == "unconfirmed"
    call.refresh_from_db()
    assert call.lease_ends_at == closed_at() + timedelta(seconds=180)
    let_it_end(call)
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert theirs.recorder == "recording"
    assert board.row(call).recording == "recording"


def test_a_pause_whose_sender_was_killed_ends_from_when_others_closed_it(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    held = claims.claim(Press(call.tenant_id, call.pk, Wanted.PAUSED, cast.ana, reason=cast.card))
    Command.objects.filter(pk=held.command.pk).update(expires_at=Now() - timedelta(seconds=1))
    claims.close_due(call.tenant_id)
    call.refresh_from_db()
    assert call.recording == "unconfirmed"
    assert call.lease_ends_at == closed_at() + timedelta(seconds=180)

"""A doubt does not just run out, also where no worker runs: what nobody asked again for is not confirmed any more."""

import pytest
from django.db.models.functions import Now

from tests.calls.doubting import pause_over_a_doubted_resume, until
from voicedash.audit.models import Entry
from voicedash.calls import board, claims, recording, times
from voicedash.calls.models import Call


@pytest.fixture(autouse=True)
def _shorter_times():
    times.scale(0.08)  # a doubt lasts two seconds


def shown(call):
    claims.close_expired(call.tenant_id)
    return board.row(call)


def test_a_late_resume_never_leaves_a_row_paused(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    pause_over_a_doubted_resume(cast, bandwidth, call, late=1.6)
    row = shown(call)
    assert (row.recording, row.doubt_until is not None) == ("paused", True)
    until(lambda: theirs.recorder == "recording")
    assert board.row(call).doubt_until is not None
    until(lambda: shown(call).recording == "unconfirmed")
    row = shown(call)
    assert (row.word, row.slot2) == ("Not confirmed: treat as recording", "Resume again")
    assert (row.note, row.doubt_until) == ("last pause: Ana Ruiz · Card details", None)
    # Drawn so at once, and written when there is no hope left that somebody asks again.
    call.refresh_from_db()
    assert call.recording == "paused"
    until(lambda: shown(call).recording == "unconfirmed" and Entry.objects.filter(verb="recording.doubted").exists())
    call.refresh_from_db()
    assert call.recording == "unconfirmed"
    told = Entry.objects.get(verb="recording.doubted")
    assert (told.call_id, told.data["wanted"]) == (call.call_id, "recording")
    assert recording.pause(call=call, by=cast.ana, reason=cast.card).outcome == "acknowledged"
    assert shown(call).recording == "paused"
    assert theirs.recorder == "paused"


def test_what_was_acknowledged_again_after_the_doubt_stays(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    pause_over_a_doubted_resume(cast, bandwidth, call, late=0.5)
    until(lambda: board.row(call).recording == "unconfirmed")  # nobody has looked in a way that would write it
    assert recording.pause(call=call, by=cast.ana, reason=cast.card).outcome == "acknowledged"
    assert shown(call).recording == "paused"
    assert theirs.recorder == "paused"
    assert not Entry.objects.filter(verb="recording.doubted").exists()


def test_a_call_that_ends_in_doubt_was_not_confirmed(cast, bandwidth, live_call):
    """Nobody asks again for a call that is over, so nobody will know."""
    call, _ = live_call(cast.acme_account)
    pause_over_a_doubted_resume(cast, bandwidth, call, late=0.5)
    Call.objects.filter(pk=call.pk).update(ended_at=Now())
    row = board.row(call)
    assert (row.ended, row.recording, row.doubt_until) == (True, "unconfirmed", None)

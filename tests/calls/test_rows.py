"""What a row claims while something is asked, in doubt, or over."""

from datetime import timedelta

from django.db.models.functions import Now

from voicedash.calls import board, recording
from voicedash.calls.models import Attempt, Call, Command


def command(call, wanted, state, by):
    return Command.objects.create(
        call=call,
        wanted=wanted,
        state=state,
        by=by,
        asked_at=Now(),
        attempt_at=Now(),
        expires_at=Now() + timedelta(seconds=15),
        version=1,
    )


def test_a_resume_in_flight_is_never_paused_even_while_a_pause_waits(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    command(call, "recording", "claimed", cast.ana)
    command(call, "paused", "waiting", cast.mia)
    row = board.row(call)
    assert (row.recording, row.asking, row.word) == ("paused", "recording", "Resuming…: treat as recording")
    assert row.note == "Ana Ruiz is resuming · then Mia Chen pauses"


def test_a_claim_that_expired_counts_until_it_is_closed(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    late = command(call, "recording", "claimed", cast.ana)
    Command.objects.filter(pk=late.pk).update(expires_at=Now() - timedelta(seconds=1))
    assert board.row(call).asking == "recording"


def test_a_doubt_shows_while_it_contradicts_what_is_acknowledged(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    for wanted in ("paused", "recording"):
        closed = command(call, wanted, "closed", cast.ana)
        Attempt.objects.create(
            command=closed, number=1, began_at=Now(), result="unknown", doubt_until=Now() + timedelta(seconds=20)
        )
        assert (board.row(call).doubt_until is not None) == (wanted == "recording")
    Attempt.objects.update(doubt_until=Now() - timedelta(minutes=1))
    assert board.row(call).doubt_until is None


def test_the_row_says_who_why_and_when(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    row = board.row(call)
    assert (row.word, row.line, row.note) == ("Paused", "", "Ana Ruiz · Card details")
    assert (row.ticks, row.since, row.lease_seconds) == (True, None, 180)
    assert row.acknowledged_at is not None
    assert row.took.endswith(" s")
    assert (row.slot1, row.slot2) == ("Keep paused", "Resume")
    assert (row.party, row.other) == ("+1 919 555 0100", "+1 919 555 0123")


def test_where_not_all_calls_are_recorded_the_row_says_if(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    type(cast.acme_account).objects.filter(pk=cast.acme_account.pk).update(records="some")
    assert board.row(call).line == "if this call is recorded"
    recording.pause(call=call, by=cast.ana)
    assert (board.row(call).ticks, board.row(call).also) == (True, ", if recorded")
    recording.pause(call=call, by=cast.ana, reason=cast.objects)
    assert board.row(call).line == "until you resume, if recorded"


def test_a_typed_call_says_both_that_it_was_not_seen_and_that_it_may_not_be_recorded(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    Call.objects.filter(pk=call.pk).update(state="")
    assert board.row(call).line == "typed, not seen yet"
    type(cast.acme_account).objects.filter(pk=cast.acme_account.pk).update(records="unknown")
    assert board.row(call).line == "typed, not seen yet, if recorded"


def test_a_typed_call_that_a_press_was_told_is_not_known_says_that(cast, bandwidth):
    call = Call.objects.create(tenant=cast.acme, account=cast.acme_account, call_id="c-typed", added_at=Now())
    recording.pause(call=call, by=cast.ana)
    call = Call.objects.get(pk=call.pk)
    assert board.row(call).line == "not known to Bandwidth"
    bandwidth.add_call(cast.acme_account.account_id, call_id="c-typed")
    recording.pause(call=call, by=cast.ana, reason=cast.objects)
    assert board.row(call).line == "until you resume"


def test_an_ended_call_stays_grey_for_a_minute_and_leaves(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    Call.objects.filter(pk=call.pk).update(ended_at=Now() - timedelta(seconds=50))
    assert [row.ended for row in board.read(cast.acme).rows] == [True]
    Call.objects.filter(pk=call.pk).update(ended_at=Now() - timedelta(seconds=70))
    assert board.read(cast.acme).rows == []

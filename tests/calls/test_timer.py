"""The end of a pause in bad weather: asked again with back-off until it is acknowledged, in nobody's way."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.calls.doubting import acknowledged, doubted, the_due
from tests.calls.test_leases import left, let_it_end
from voicedash.calls import board, claims, due, judging, recording, times
from voicedash.calls.models import Call, Command
from voicedash.calls.press import Press
from voicedash.tenants.board import database_time


@pytest.fixture
def over(cast, bandwidth, live_call):
    """A call whose pause, Ana's, has just ended."""
    call, theirs = live_call(cast.acme_account)
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    let_it_end(call)
    return call, theirs


def due_in(call):
    """Seconds until the timer asks next."""
    at = Call.objects.get(pk=call.pk).lease_due_at
    assert at
    return (at - database_time()).total_seconds()


@pytest.mark.parametrize(("fault", "outcome"), [(409, "unknown_call"), (400, "refused"), (403, "credentials")])
def test_refused_it_is_asked_again_later_and_later(cast, bandwidth, over, fault, outcome):
    call, theirs = over
    for ago, wait in [(0.01, 1.0), (30, 5.0), (600, 30.0), (86400, 30.0)]:
        let_it_end(call, ago=ago)
        bandwidth.fail_next(fault)
        one = the_due(call)
        assert recording.reassert(one).outcome == outcome
        assert wait - 0.7 < due_in(call) < wait + 0.3
        assert (due.again(database_time()), recording.reassert(one).outcome) == ([], "stale")
        assert board.row(call).recording == "paused"  # Bandwidth did nothing
    Call.objects.update(lease_due_at=Now())
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert theirs.recorder == "recording"
    assert due.again(database_time()) == []


@pytest.mark.parametrize("applied", [True, False])
def test_without_an_answer_it_is_not_confirmed_and_asked_again(cast, bandwidth, over, applied):
    times.scale(0.2)
    call, theirs = over
    for _ in range(8):
        bandwidth.drop_next(apply=applied)
    assert recording.reassert(the_due(call)).outcome == "unconfirmed"
    row = board.row(call)
    assert (row.recording, row.slot1) == ("unconfirmed", "Pause again")
    bandwidth.forget()
    again = Call.objects.get()
    assert again.lease_due_at and again.lease_ends_at and again.lease_due_at > again.lease_ends_at
    Call.objects.update(lease_due_at=Now())
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert (board.row(call).recording, theirs.recorder) == ("recording", "recording")


def test_a_call_that_ends_is_not_asked_for_any_more(over):
    call, _ = over
    one = the_due(call)
    Call.objects.update(ended_at=Now())
    assert due.again(database_time()) == []
    assert recording.reassert(one).outcome == "stale"


def test_whoever_resumes_first_leaves_nothing_to_do(cast, bandwidth, over):
    call, _ = over
    one = the_due(call)
    assert recording.resume(call=call, by=cast.mia, anyway=True).outcome == "acknowledged"
    assert (due.again(database_time()), recording.reassert(one).outcome) == ([], "stale")
    assert len(bandwidth.puts) == 2


def test_a_pause_that_is_in_flight_at_the_end_beats_the_timer(cast, bandwidth, over, threads):
    call, theirs = over
    one = the_due(call)
    bandwidth.delay_next(0.5)
    pausing = threads.submit(recording.pause, call=call, by=cast.mia)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    assert (due.again(database_time()), recording.reassert(one).outcome) == ([], "stale")
    assert pausing.result().outcome == "acknowledged"
    assert due.again(database_time()) == []
    assert (theirs.recorder, left(call) > 175) == ("paused", True)


def test_a_pause_that_comes_while_the_timer_asks_gets_its_turn(cast, bandwidth, over, threads):
    times.scale(0.3)
    call, theirs = over
    bandwidth.hang_next(seconds=30)
    resuming = threads.submit(recording.reassert, the_due(call))
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    row = board.row(call)
    assert (row.word, row.slot1) == ("Resuming…: treat as recording", "Pause again")
    assert row.note == "voicedash is resuming: the pause has ended"
    assert recording.pause(call=call, by=cast.mia).outcome == "acknowledged"
    assert resuming.result().outcome == "unconfirmed"
    assert [put.state for put in bandwidth.puts] == ["paused", "recording", "paused"]
    row = board.row(call)
    assert (row.recording, row.note, theirs.recorder) == ("paused", "Mia Chen · Card details", "paused")
    assert left(call) > 170  # a pause of its own, and no shorter for what went before
    assert [one.source for one in due.again(database_time())] in ([], ["reassert"])


def test_killed_between_the_claim_and_the_resume_it_is_asked_again(cast, bandwidth, over):
    call, theirs = over
    one = the_due(call)
    held = claims.claim(Press(one.tenant_id, one.call_pk, one.wanted, None, source=one.source, only_due=True))
    assert due.again(database_time()) == []
    Command.objects.filter(pk=held.command.pk).update(expires_at=Now() - timedelta(seconds=0.1))
    claims.close_due(call.tenant_id)
    assert board.row(call).recording == "unconfirmed"
    assert 0 < due_in(call) < 3  # 15 s after its end and these it is resumed, at the latest
    Call.objects.update(lease_due_at=Now())
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert theirs.recorder == "recording"


def test_an_end_that_falls_into_a_doubt_comes_before_what_is_asked_again(cast, bandwidth, live_call):
    """A resume of before may yet be done. So close to the end the pause is not asked for again; then it is resumed."""
    call, theirs = live_call(cast.acme_account)
    doubted(call, "recording", by=cast.mia, ago=6)
    acknowledged(call, "paused", by=cast.ana, ago=4, reason=cast.card)
    theirs.command("paused")
    assert the_due(call).source == "reassert"
    at = Now() + timedelta(seconds=19)
    Call.objects.update(lease_from=Now(), lease_ends_at=at, lease_due_at=at, lease_seconds=30)
    assert due.again(database_time()) == []
    let_it_end(call)
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    row = board.row(call)
    assert (row.recording, row.doubt_until, theirs.recorder) == ("recording", None, "recording")


def test_what_is_asked_again_in_a_doubt_changes_no_end(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    doubted(call, "recording", by=cast.mia, ago=6)
    acknowledged(call, "paused", by=cast.ana, ago=4, reason=cast.card)
    at = Now() + timedelta(seconds=100)
    Call.objects.update(lease_from=Now(), lease_ends_at=at, lease_due_at=at, lease_seconds=180, lease_prolonged=2)
    before = Call.objects.get()
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    after = Call.objects.get()
    for name in ("lease_from", "lease_ends_at", "lease_due_at", "lease_prolonged", "recording_since"):
        assert getattr(after, name) == getattr(before, name)


def test_evidence_against_a_pause_changes_no_end_and_counts_no_more_after_it(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    before = Call.objects.get().lease_ends_at
    theirs.command("recording")
    assert recording.contradict(call=call, why="a recording came")
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert Call.objects.get().lease_ends_at == before
    theirs.command("recording")
    assert recording.contradict(call=call, why="a recording came")
    let_it_end(call)
    assert the_due(call).source == "timer"


def test_the_timer_is_nobodys_wish_to_pause(cast, over):
    call, _ = over
    recording.reassert(the_due(call))
    assert judging.newest_wish(call).source == "timer"

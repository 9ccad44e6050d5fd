"""Evidence against a pause: the call is not confirmed at once, and the pause is asked again on behalf of who wished it."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.calls.doubting import acknowledged, doubted, the_due
from voicedash.audit.models import Entry
from voicedash.calls import board, due, judging, recording, times
from voicedash.calls.models import Call, Command
from voicedash.tenants.board import database_time


@pytest.fixture
def paused(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana, reason=cast.objects, note="at the desk")
    theirs.command("recording")  # a transfer began a new recording
    return call, theirs


def test_it_claims_nothing_and_is_asked_again_at_once(cast, bandwidth, paused):
    call, theirs = paused
    assert recording.contradict(call=call, why="a recording came")
    row = board.row(call)
    assert (row.recording, row.word) == ("unconfirmed", "Not confirmed: treat as recording")
    entry = Entry.objects.get(verb="recording.contradicted")
    assert (entry.call_id, entry.data["why"], entry.actor) == (call.call_id, "a recording came", None)
    one = the_due(call)
    assert (one.wanted, one.source) == ("paused", "system")
    assert recording.reassert(one).outcome == "acknowledged"
    assert theirs.recorder == "paused"
    row = board.row(call)
    assert (row.recording, row.note) == ("paused", "Ana Ruiz · Customer objects to recording · at the desk")
    assert recording.reassert(one).outcome == "stale"
    assert due.again(database_time()) == []
    # A resume from before is not old because of it: it was a person's pause that it saw or did not see.
    assert recording.contradict(call=call, why="a recording came")  # and it may happen again


def test_only_a_live_pause_can_be_contradicted(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    for change in ({"recording": "recording"}, {"recording": "assumed"}, {"recording": "paused", "ended_at": Now()}):
        Call.objects.filter(pk=call.pk).update(**change)
        version = Call.objects.get(pk=call.pk).version
        assert not recording.contradict(call=call, why="a recording came")
        assert Call.objects.get(pk=call.pk).version == version
    assert not Entry.objects.exists()


def test_whoever_resumes_meanwhile_has_said_otherwise(cast, bandwidth, paused):
    call, theirs = paused
    recording.contradict(call=call, why="a recording came")
    one = the_due(call)
    assert recording.resume(call=call, by=cast.ana, anyway=True).outcome == "acknowledged"
    assert recording.reassert(one).outcome == "stale"
    assert theirs.recorder == "recording"
    assert due.again(database_time()) == []


@pytest.mark.parametrize("status", [409, 403, 400])
@pytest.mark.parametrize("evidence", ["before", "while it is out"])
def test_a_resume_that_comes_to_nothing_leaves_the_pause_to_be_asked_again(
    cast, bandwidth, paused, threads, status, evidence
):
    call, theirs = paused
    if evidence == "before":
        recording.contradict(call=call, why="a recording came")
    bandwidth.fail_next(status, delay=0.5)
    resuming = threads.submit(recording.resume, call=call, by=cast.mia, anyway=True)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    if evidence != "before":
        assert recording.contradict(call=call, why="a recording came")
    assert due.again(database_time()) == []  # what becomes of the resume decides
    assert resuming.result().outcome in {"unknown_call", "credentials", "refused"}
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    row = board.row(call)
    assert (row.recording, row.note) == ("paused", "Ana Ruiz · Customer objects to recording · at the desk")
    assert (theirs.recorder, due.again(database_time())) == ("paused", [])


@pytest.mark.parametrize("answered", [True, False])
def test_a_resume_that_may_have_been_done_makes_evidence_moot(cast, bandwidth, paused, threads, answered):
    """Also such as came while it was out."""
    times.scale(0.2)
    call, theirs = paused
    for _ in range(8):
        bandwidth.delay_next(0.4) if answered else bandwidth.drop_next(apply=True)
    resuming = threads.submit(recording.resume, call=call, by=cast.ana, anyway=True)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    recording.contradict(call=call, why="a recording came")
    assert resuming.result().outcome == ("acknowledged" if answered else "unconfirmed")
    assert due.again(database_time()) == []
    assert theirs.recorder == "recording"
    if answered:
        assert Call.objects.get().contradicted_at is None


@pytest.mark.parametrize(
    ("outcome", "newest"),
    [
        ("refused", "paused"),
        ("unknown_call", "paused"),
        ("credentials", "paused"),
        ("unreachable", "paused"),
        ("not_asked", "paused"),
        ("acknowledged", "recording"),
        ("unconfirmed", "recording"),
        ("", "recording"),  # it is being asked
    ],
)
def test_a_resume_of_which_nothing_came_is_no_wish(cast, live_call, outcome, newest):
    call, _ = live_call(cast.acme_account)
    acknowledged(call, "paused", by=cast.ana, ago=9)
    resume = doubted(call, "recording", by=cast.mia, ago=5)
    Command.objects.filter(pk=resume.pk).update(outcome=outcome)
    assert judging.newest_wish(call).wanted == newest
    # A pause that was refused stays wished for: to ask for that is never wrong.
    pause = doubted(call, "paused", by=cast.mia, ago=1)
    Command.objects.filter(pk=pause.pk).update(outcome="refused")
    assert judging.newest_wish(call) == pause


def test_in_vain_it_is_tried_for_half_a_minute_and_stays_not_confirmed(cast, bandwidth, paused):
    call, _ = paused
    recording.contradict(call=call, why="a recording came")
    bandwidth.fail_next(409)
    assert recording.reassert(the_due(call)).outcome == "unknown_call"
    assert due.again(database_time()) == []  # a pause before the next try
    Command.objects.filter(source="system").update(closed_at=Now() - timedelta(seconds=1.1))
    assert the_due(call).source == "system"
    Call.objects.update(contradicted_at=Now() - timedelta(seconds=30.1))
    assert due.again(database_time()) == []
    assert board.row(call).recording == "unconfirmed"


def test_an_acknowledgement_that_was_under_way_does_not_count_against_newer_evidence(cast, bandwidth, paused, threads):
    call, _ = paused
    bandwidth.delay_next(0.5)
    pausing = threads.submit(recording.pause, call=call, by=cast.ana)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    assert recording.contradict(call=call, why="a recording came")
    assert pausing.result().outcome == "acknowledged"
    assert the_due(call).source == "system"
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert due.again(database_time()) == []

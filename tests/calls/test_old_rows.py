"""A press carries what its row had seen; resuming somebody else's pause takes a second press."""

import pytest

from voicedash.calls import recording
from voicedash.calls.models import Command


@pytest.fixture
def paused(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    call.refresh_from_db()
    return call, theirs


def test_a_resume_from_before_the_pause_is_refused(cast, bandwidth, paused):
    call, theirs = paused
    answer = recording.resume(call=call, by=cast.mia, seen=call.last_pause.version - 1, anyway=True)
    assert (answer.outcome, answer.said.sentence.split(".")[0]) == ("stale", "Paused since by Ana Ruiz")
    assert theirs.recorder == "paused"
    assert len(bandwidth.puts) == 1


def test_a_resume_that_saw_the_pause_is_asked(cast, paused):
    call, theirs = paused
    assert recording.resume(call=call, by=cast.ana, seen=call.version).outcome == "acknowledged"
    assert theirs.recorder == "recording"


def test_a_pause_is_never_refused_for_age(cast, bandwidth, paused):
    call, _ = paused
    assert recording.pause(call=call, by=cast.mia).outcome == "acknowledged"
    assert len(bandwidth.puts) == 2


def test_somebody_elses_pause_is_resumed_with_the_second_press(cast, bandwidth, paused):
    call, theirs = paused
    first = recording.resume(call=call, by=cast.mia, seen=call.version)
    assert first.outcome == "confirm"
    assert first.confirm.startswith("Ana Ruiz paused ")
    assert first.confirm.endswith(" ago. Resume anyway?")
    assert theirs.recorder == "paused"
    assert recording.resume(call=call, by=cast.mia, seen=call.version, anyway=True).outcome == "acknowledged"
    assert theirs.recorder == "recording"


def test_a_pause_without_an_end_asks_even_its_owner(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana, reason=cast.objects)
    assert recording.resume(call=call, by=cast.ana).outcome == "confirm"


def test_a_pause_without_a_reason_has_no_end_either(cast, bandwidth, live_call):
    cast.card.delete()
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    assert recording.resume(call=call, by=cast.ana).outcome == "confirm"
    assert recording.resume(call=call, by=cast.ana, anyway=True).outcome == "acknowledged"


def test_an_unconfirmed_pause_of_another_asks_as_well(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    bandwidth.drop_next(apply=True)
    bandwidth.fail_next(400)
    recording.pause(call=call, by=cast.ana)
    assert recording.resume(call=call, by=cast.mia).outcome == "confirm"
    assert recording.resume(call=call, by=cast.ana).outcome == "acknowledged"


def test_presses_that_change_nothing_leave_no_trace(cast, bandwidth, paused):
    call, _ = paused
    version = call.version
    recording.resume(call=call, by=cast.mia, seen=0)
    recording.resume(call=call, by=cast.mia)
    call.refresh_from_db()
    assert call.version == version
    assert Command.objects.count() == 1


def test_pausing_again_keeps_since_when_it_is_paused(cast, bandwidth, paused):
    call, _ = paused
    since = call.recording_since
    recording.pause(call=call, by=cast.mia)
    call.refresh_from_db()
    assert (call.recording_since, call.acknowledged.by) == (since, cast.mia)


def test_resuming_what_is_only_assumed_is_asked(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    assert recording.resume(call=call, by=cast.ana).outcome == "acknowledged"
    call.refresh_from_db()
    assert call.recording == "recording"

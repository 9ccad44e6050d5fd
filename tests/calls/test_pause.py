"""Pausing: the answer says Paused only because Bandwidth said so."""

from voicedash.audit import log, proof
from voicedash.audit.models import Entry
from voicedash.calls import recording
from voicedash.calls.models import Command


def test_a_pause_reaches_bandwidth_and_its_acknowledgement_the_board(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    answer = recording.pause(call=call, by=cast.ana)
    assert answer.outcome == "acknowledged"
    assert answer.said.lead == "Paused: go ahead"
    assert theirs.recorder == "paused"
    call.refresh_from_db()
    assert (call.recording, call.acknowledged.by) == ("paused", cast.ana)
    assert [put.state for put in bandwidth.puts] == ["paused"]
    command = Command.objects.get()
    assert (command.state, command.outcome, command.reason) == ("closed", "acknowledged", cast.card)


def test_asking_and_answer_stand_in_the_log(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    asked, answered = Entry.objects.order_by("seq")
    assert (asked.verb, asked.actor, asked.call_id) == ("recording.asked", cast.ana.pk, call.call_id)
    assert answered.data["outcome"] == "acknowledged"
    assert answered.data["attempts"] == [{"result": "acknowledged", "status": 200, "reference": ""}]
    assert proof.fault_in(log.of_tenant(cast.acme.pk)) is None


def test_a_resume_brings_the_recording_back(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    assert recording.resume(call=call, by=cast.ana).outcome == "acknowledged"
    assert theirs.recorder == "recording"
    call.refresh_from_db()
    assert call.recording == "recording"

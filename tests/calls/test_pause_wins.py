"""Opposite presses at once: a pause is never refused because of a resume, and one truth comes out."""

import time

import pytest

from voicedash.audit.models import Entry
from voicedash.calls import recording, times
from voicedash.calls.models import Attempt, Command


@pytest.fixture(autouse=True)
def quick():
    """A fifth of the real times: an attempt 0.8 s, a takeover after 1 s, a turn waited for 1.2 s."""
    times.scale(0.2)


def sent(bandwidth, count):
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) >= count), "the PUT did not arrive"


def test_a_pause_during_a_resume_that_hangs_gets_its_turn(cast, bandwidth, live_call, threads):
    call, theirs = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    bandwidth.hang_next(apply=False, seconds=30)
    resuming = threads.submit(recording.resume, call=call, by=cast.ana)
    sent(bandwidth, 2)
    answer = recording.pause(call=call, by=cast.mia)
    assert answer.outcome == "acknowledged"
    assert theirs.recorder == "paused"
    assert resuming.result().outcome == "unconfirmed"
    call.refresh_from_db()
    assert (call.recording, call.acknowledged.by) == ("paused", cast.mia)
    assert [put.state for put in bandwidth.puts] == ["paused", "recording", "paused"]
    assert not Command.objects.exclude(state="closed").exists()
    assert Attempt.objects.filter(command__wanted="recording", doubt_until__isnull=False).exists()


def test_a_resume_in_a_row_of_failures_makes_room_for_a_pause(cast, bandwidth, live_call, threads):
    times.scale(1)
    call, theirs = live_call(cast.acme_account)
    bandwidth.fail_next(429, retry_after="8")
    resuming = threads.submit(recording.resume, call=call, by=cast.ana)
    sent(bandwidth, 1)
    began = time.monotonic()
    assert recording.pause(call=call, by=cast.mia).outcome == "acknowledged"
    assert time.monotonic() - began < 2
    assert resuming.result().outcome == "refused"
    assert theirs.recorder == "paused"
    assert [put.state for put in bandwidth.puts] == ["recording", "paused"]


def test_a_resume_while_a_pause_waits_or_is_in_flight_is_told_who_is_at_it(cast, bandwidth, live_call, threads):
    call, _ = live_call(cast.acme_account)
    bandwidth.delay_next(0.5)
    pausing = threads.submit(recording.pause, call=call, by=cast.ana)
    sent(bandwidth, 1)
    answer = recording.resume(call=call, by=cast.mia)
    assert (answer.outcome, answer.said.sentence) == ("busy", "Ana Ruiz is pausing this call right now.")
    assert pausing.result().outcome == "acknowledged"
    assert [put.state for put in bandwidth.puts] == ["paused"]


def test_a_double_click_sends_one_pause(cast, bandwidth, live_call, threads):
    call, _ = live_call(cast.acme_account)
    bandwidth.delay_next(0.5)
    first = threads.submit(recording.pause, call=call, by=cast.ana)
    sent(bandwidth, 1)
    second = recording.pause(call=call, by=cast.ana)
    assert (second.outcome, second.said.tone) == ("busy", "wait")
    assert first.result().outcome == "acknowledged"
    assert len(bandwidth.puts) == 1
    assert Command.objects.count() == 1


def test_two_pauses_during_a_resume_wait_in_one_place(cast, bandwidth, live_call, threads):
    call, _ = live_call(cast.acme_account)
    bandwidth.delay_next(0.5)
    resuming = threads.submit(recording.resume, call=call, by=cast.ana)
    sent(bandwidth, 1)
    both = [threads.submit(recording.pause, call=call, by=by) for by in (cast.ana, cast.mia)]
    assert sorted(one.result().outcome for one in both) == ["acknowledged", "busy"]
    assert resuming.result().outcome == "acknowledged"
    call.refresh_from_db()
    assert call.recording == "paused"


def test_a_holder_that_is_gone_is_taken_over_and_its_late_answer_is_put_right(
    cast, bandwidth, live_call, threads, monkeypatch
):
    """A sender that is stuck past every deadline (here: its settling waits) wakes up after a newer pause."""
    call, theirs = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    real = recording._settle
    stuck: list[bool] = []

    def late(claim, outcome, attempts):
        if claim.press.wanted == "recording" and not stuck:
            stuck.append(True)
            deadline = time.monotonic() + 10
            while theirs.recorder != "paused" and time.monotonic() < deadline:
                time.sleep(0.01)
        return real(claim, outcome, attempts)

    monkeypatch.setattr(recording, "_settle", late)
    resuming = threads.submit(recording.resume, call=call, by=cast.ana)
    sent(bandwidth, 2)
    assert recording.pause(call=call, by=cast.mia).outcome == "acknowledged"
    assert resuming.result(10).outcome == "unconfirmed"
    call.refresh_from_db()
    assert (call.recording, theirs.recorder) == ("paused", "paused")
    verbs = list(Entry.objects.order_by("seq").values_list("verb", flat=True))
    assert "recording.sender_vanished" in verbs
    assert "recording.answered_late" in verbs
    newest = Command.objects.first()
    assert (newest.wanted, newest.source, newest.outcome) == ("paused", "system", "acknowledged")
    assert [put.state for put in bandwidth.puts] == ["paused", "recording", "paused", "paused"]


def test_a_pause_that_waits_in_vain_says_so_and_leaves_nothing_behind(cast, bandwidth, live_call):
    """Its holder renews itself for ever: it cannot be taken over, and is younger than its expiry."""
    call, _ = live_call(cast.acme_account)
    held = claim_of_another_node(call)
    answer = recording.pause(call=call, by=cast.ana)
    assert (answer.outcome, answer.said.lead) == ("next", "NOT paused: stop the caller")
    assert bandwidth.puts == []
    assert list(Command.objects.exclude(pk=held.pk).values_list("state", "outcome")) == [("closed", "not_asked")]


def claim_of_another_node(call):
    from datetime import timedelta

    from django.db.models.functions import Now

    ahead = timedelta(seconds=60)
    return Command.objects.create(
        call=call,
        wanted="recording",
        state="claimed",
        asked_at=Now(),
        claimed_at=Now(),
        attempt_at=Now() + ahead,
        expires_at=Now() + ahead,
        version=1,
    )

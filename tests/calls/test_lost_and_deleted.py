"""What goes missing in the middle of a press: its call, the news of a commit, the holder of a claim."""

from datetime import timedelta

from django.db import OperationalError
from django.db.models.functions import Now

from voicedash.audit.models import Entry
from voicedash.bandwidth.listing import calls_in
from voicedash.calls import board, claims, recording, times, tracking
from voicedash.calls.models import Attempt, Call, Command


def claimed(call, wanted, by, *, age):
    """A claim whose attempt began `age` seconds ago."""
    ago = Now() - timedelta(seconds=age)
    return Command.objects.create(
        call=call,
        wanted=wanted,
        state="claimed",
        by=by,
        asked_at=ago,
        claimed_at=ago,
        attempt_at=ago,
        expires_at=Now() + timedelta(seconds=15 - age),
        version=1,
    )


def test_an_account_deleted_in_mid_press_leaves_the_outcome_in_the_log(cast, bandwidth, live_call, threads):
    call, theirs = live_call(cast.acme_account)
    bandwidth.delay_next(0.6)
    pressing = threads.submit(recording.pause, call=call, by=cast.ana)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    cast.acme_account.delete()
    assert pressing.result().outcome == "unconfirmed"
    assert theirs.recorder == "paused"
    last = Entry.objects.latest("seq")
    assert (last.verb, last.call_id, last.data["outcome"]) == (
        "recording.answered_late",
        call.call_id,
        "acknowledged",
    )


def test_a_press_on_a_deleted_call_is_told_so(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    Call.objects.filter(pk=call.pk).delete()
    answer = recording.pause(call=call, by=cast.ana)
    assert (answer.outcome, bandwidth.requests) == ("not_asked", [])
    assert "deleted" in answer.said.sentence


def test_the_seventeenth_press_on_a_deleted_call_is_told_too(cast, bandwidth, live_call, monkeypatch):
    call, _ = live_call(cast.acme_account)
    Call.objects.filter(pk=call.pk).delete()
    monkeypatch.setitem(recording._places._busy, call.account_id, recording.AT_ONCE)
    assert recording.pause(call=call, by=cast.ana).outcome == "not_asked"


def test_a_press_whose_call_was_deleted_meanwhile_is_not_told_as_never_sent(
    cast, bandwidth, live_call, threads, sign_in
):
    call, _ = live_call(cast.acme_account)
    bandwidth.delay_next(0.6)
    pressing = threads.submit(sign_in(cast.ana).post, f"/t/acme/calls/{call.pk}/pause/")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    Call.objects.filter(pk=call.pk).delete()
    answer = pressing.result()
    assert answer.status_code == 200
    assert "NOT paused: stop the caller" in answer.content.decode()
    assert f'id="call-{call.pk}"' not in answer.content.decode()


def test_a_commit_whose_news_was_lost_is_not_taken_for_somebody_elses(cast, bandwidth, live_call, monkeypatch):
    call, _ = live_call(cast.acme_account)
    real = claims.settle
    lost: list[bool] = []

    def settle(*what):
        settled = real(*what)
        if not lost:
            lost.append(True)
            raise OperationalError("the connection broke after the commit")
        return settled

    monkeypatch.setattr(claims, "settle", settle)
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    assert [entry.verb for entry in Entry.objects.order_by("seq")] == ["recording.asked", "recording.answered"]
    assert (Attempt.objects.count(), len(bandwidth.puts)) == (1, 1)
    call.refresh_from_db()
    assert call.acknowledged.by == cast.ana


def test_a_pause_takes_over_a_pause_whose_sender_is_gone(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    gone = claimed(call, "paused", cast.ana, age=6)
    assert recording.pause(call=call, by=cast.mia).outcome == "acknowledged"
    gone.refresh_from_db()
    assert (gone.state, gone.outcome) == ("closed", "unconfirmed")


def test_a_pause_is_told_busy_by_one_whose_sender_may_live(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    claimed(call, "paused", cast.ana, age=3)
    assert recording.pause(call=call, by=cast.mia).outcome == "busy"
    assert bandwidth.puts == []


def test_the_listing_that_ended_a_call_before_does_not_end_it_again(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    ended = {"callId": call.call_id, "state": "disconnected", "endTime": "2026-01-01T10:00:00Z"}
    tracking.learn(cast.acme_account, calls_in([ended | {"lastUpdate": "2026-01-01T10:00:00Z"}]))
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    tracking.learn(cast.acme_account, calls_in([ended | {"lastUpdate": "2026-01-01T10:00:00Z"}]))
    call.refresh_from_db()
    assert (call.ended_at, call.recording) == (None, "paused")
    tracking.learn(cast.acme_account, calls_in([ended | {"lastUpdate": "2026-01-01T10:05:00Z"}]))
    call.refresh_from_db()
    assert call.ended_at is not None


def test_no_leave_to_hammer_is_read_into_a_retry_after_of_nothing(cast, bandwidth, live_call):
    times.scale(0.2)
    call, _ = live_call(cast.acme_account)
    bandwidth.fail_next(429, retry_after="0", times=999)
    assert recording.pause(call=call, by=cast.ana).outcome == "refused"
    assert len(bandwidth.puts) < 45


def test_a_call_that_is_being_resumed_is_not_counted_as_paused(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    assert board.read(cast.acme).counts.paused == 1
    claimed(call, "recording", cast.ana, age=1)
    assert board.read(cast.acme).counts.paused == 0


def test_a_resume_that_was_never_asked_does_not_spare_the_second_press(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    bandwidth.drop_next(apply=True)
    bandwidth.fail_next(400)
    assert recording.pause(call=call, by=cast.ana).outcome == "unconfirmed"
    Command.objects.create(
        call=call, wanted="recording", state="closed", outcome="not_asked", asked_at=Now(), expires_at=Now(), version=1
    )
    assert recording.resume(call=call, by=cast.mia).outcome == "confirm"

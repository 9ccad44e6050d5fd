"""Asking again for what is in doubt: under an ordinary claim, once however many ask, and in nobody's way."""

import time
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.calls.doubting import the_due
from voicedash.audit.models import Entry
from voicedash.calls import board, claims, due, recording, times
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.board import database_time


def test_it_asks_and_leaves_whose_pause_it_is_why_and_since_when(cast, bandwidth, in_doubt):
    call, theirs = in_doubt()
    before, row = dict(Call.objects.values().get(pk=call.pk)), board.row(call)
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    after = Call.objects.values().get(pk=call.pk)
    changed = {name for name, value in after.items() if before[name] != value}
    assert changed == {"asserted_at", "version"}
    assert after["asserted_at"] == Command.objects.get(source="reassert").attempt_at
    assert theirs.recorder == "paused"
    now = board.row(call)
    assert (now.word, now.note, now.since, now.acknowledged_at) == (row.word, row.note, row.since, row.acknowledged_at)
    # Early in the doubt it may still be undone: the row says so until the last moment was dealt with.
    assert now.doubt_until == row.doubt_until != None  # noqa: E711
    assert due.again(database_time()) == []
    asked, answered = Entry.objects.order_by("seq")
    assert (asked.verb, asked.data["source"], asked.actor) == ("recording.asked", "reassert", None)
    assert (answered.verb, answered.data["outcome"], answered.actor) == ("recording.answered", "acknowledged", None)


def test_the_one_at_the_close_ends_the_doubt(cast, bandwidth, in_doubt):
    call, _ = in_doubt(sent=25.5)
    assert board.row(call).doubt_until is not None  # until it was dealt with
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    row = board.row(call)
    assert (row.recording, row.doubt_until) == ("paused", None)


def test_a_recording_in_doubt_is_asked_again_at_the_close(cast, bandwidth, in_doubt):
    call, theirs = in_doubt("recording", sent=25.5)
    theirs.command("paused")  # the late pause
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert (theirs.recorder, board.row(call).doubt_until) == ("recording", None)
    assert board.row(call).note == "Ana Ruiz"


def test_a_row_claims_nothing_soon_after_a_close_that_nobody_dealt_with(cast, bandwidth, in_doubt):
    call, _ = in_doubt(sent=26.5)
    assert (board.row(call).recording, board.row(call).doubt_until is not None) == ("paused", True)
    call, _ = in_doubt(sent=27.5)
    row = board.row(call)
    assert (row.recording, row.doubt_until, row.slot1, row.slot2) == (
        "unconfirmed",
        None,
        "Pause again",
        "Resume again",
    )
    call.refresh_from_db()
    assert call.recording == "paused"  # it is not written yet, and what asks again brings it back
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert (board.row(call).recording, board.row(call).since) == ("paused", call.recording_since)


def test_of_many_that_find_it_due_one_asks(cast, bandwidth, in_doubt, threads):
    call, _ = in_doubt()
    one = the_due(call)
    bandwidth.delay_next(0.3)
    answers = [threads.submit(recording.reassert, one) for _ in range(8)]
    assert sorted(answer.result().outcome for answer in answers) == ["acknowledged", *["stale"] * 7]
    assert recording.reassert(one).outcome == "stale"  # it was due when it was found
    assert len(bandwidth.puts) == Command.objects.filter(source="reassert").count() == 1


def test_nothing_shows_while_it_asks(cast, bandwidth, in_doubt, threads):
    call, _ = in_doubt()
    before = board.row(call)
    bandwidth.delay_next(0.5)
    asking = threads.submit(recording.reassert, the_due(call))
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    assert board.row(call) == before
    assert asking.result().outcome == "acknowledged"


@pytest.mark.parametrize(("fault", "result"), [("404", "unknown_call"), ("429", "rate_limited"), ("drop", "unknown")])
def test_it_makes_one_attempt_and_changes_nothing_when_that_is_not_acknowledged(
    cast, bandwidth, in_doubt, fault, result
):
    call, _ = in_doubt()
    Call.objects.update(state="")  # a person's press would ask again
    for _ in range(2):
        if fault == "drop":
            bandwidth.drop_next()
        else:
            bandwidth.fail_next(int(fault), **({"retry_after": "1"} if fault == "429" else {}))
    recording.reassert(the_due(call))
    assert [attempt.result for attempt in Attempt.objects.filter(command__source="reassert")] == [result]
    row = board.row(call)
    assert (row.recording, row.note, row.doubt_until is not None) == ("paused", "Ana Ruiz · Card details", True)
    assert due.again(database_time()) == []  # not again at once
    Command.objects.filter(source="reassert").update(closed_at=Now() - timedelta(seconds=1.1))
    assert the_due(call).wanted == "paused"


def test_what_is_not_acknowledged_by_half_a_minute_after_the_close_is_not_confirmed(cast, bandwidth, in_doubt):
    call, _ = in_doubt(sent=50, asserted=40)
    bandwidth.fail_next(404)
    assert recording.reassert(the_due(call)).outcome == "unknown_call"
    claims.close_due(call.tenant_id)
    call.refresh_from_db()
    assert call.recording == "paused"
    Attempt.objects.filter(doubt_until__isnull=False).update(doubt_until=Now() - timedelta(seconds=30.1))
    claims.close_due(call.tenant_id)
    call.refresh_from_db()
    assert call.recording == "unconfirmed"
    assert due.again(database_time()) == []
    assert Entry.objects.get(verb="recording.doubted").call_id == call.call_id


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_re_assert_whose_worker_was_killed_is_in_nobodys_way(cast, bandwidth, in_doubt, verb):
    call, theirs = in_doubt()
    held = claims.claim(press_of(the_due(call)))
    Command.objects.filter(pk=held.command.pk).update(attempt_at=Now() - timedelta(seconds=5.1))
    assert recording.__dict__[verb](
        call=call, by=cast.ana, **({"anyway": True} if verb == "resume" else {})
    ).outcome == ("acknowledged")
    assert theirs.recorder == ("paused" if verb == "pause" else "recording")
    assert Attempt.objects.get(command=held.command).result == "vanished"


def test_another_worker_takes_over_where_one_was_killed(cast, bandwidth, in_doubt):
    call, _ = in_doubt()
    held = claims.claim(press_of(the_due(call)))
    assert due.again(database_time()) == []
    Command.objects.filter(pk=held.command.pk).update(attempt_at=Now() - timedelta(seconds=5.1))
    one = the_due(call)
    assert recording.reassert(one).outcome == "stale"  # it closes what the dead one held; the pause before a new try
    Command.objects.filter(pk=held.command.pk).update(closed_at=Now() - timedelta(seconds=1.1))
    assert recording.reassert(one).outcome == "acknowledged"
    assert len(bandwidth.puts) == 1


def press_of(one):
    from voicedash.calls.press import Press

    return Press(one.tenant_id, one.call_pk, one.wanted, None, source=one.source, only_due=True)


def test_a_late_re_assert_that_undid_a_newer_resume_is_put_right(cast, bandwidth, in_doubt, threads, monkeypatch):
    """Its sender sleeps until a person has taken the call over; then it learns that its pause was done."""
    times.scale(0.2)
    call, theirs = in_doubt(sent=2.0, asserted=1.5)
    real = recording._settle
    slept: list[bool] = []

    def late(claim, outcome, attempts):
        if claim.press.source == "reassert" and not slept:
            slept.append(True)
            deadline = time.monotonic() + 10
            while theirs.recorder != "recording" and time.monotonic() < deadline:
                time.sleep(0.01)
            theirs.command("paused")  # what it sent is done only now
        return real(claim, outcome, attempts)

    monkeypatch.setattr(recording, "_settle", late)
    asking = threads.submit(recording.reassert, the_due(call))
    assert bandwidth.wait_until(lambda: theirs.recorder == "paused")
    assert recording.resume(call=call, by=cast.mia, anyway=True).outcome == "acknowledged"
    asking.result(10)
    assert Entry.objects.filter(verb="recording.answered_late").exists()
    assert theirs.recorder == "recording"
    newest = Command.objects.first()
    assert (newest.wanted, newest.source, newest.by, newest.outcome) == (
        "recording",
        "system",
        cast.mia,
        "acknowledged",
    )

"""The row that answers a press is the row that the board has: it may be drawn from memory, but not differ."""

import time

import pytest

from voicedash.calls import board, recording, times
from voicedash.calls.models import Call


def drawn_by(answer, call):
    """The answer's row, which must be the board's; the board's where the answer has none."""
    now = board.row(call)
    assert answer.row in (None, now)
    return now


@pytest.mark.parametrize("records", ["all", "some"])
def test_every_acknowledged_press_answers_with_the_boards_row(cast, bandwidth, live_call, records):
    call, _ = live_call(cast.acme_account)
    call.account.records = records
    call.account.save(update_fields=["records"])
    for by, reason in ((cast.ana, cast.card), (cast.mia, cast.objects), (cast.ana, None)):
        paused = recording.pause(call=call, by=by, reason=reason, note="a note")
        assert paused.row is not None
        assert drawn_by(paused, call).word == "Paused"
        resumed = recording.resume(call=call, by=cast.mia, anyway=True)
        assert resumed.row is not None
        assert drawn_by(resumed, call).word == "Recording"


def test_an_answer_beside_a_doubt_carries_it(cast, bandwidth, live_call):
    times.scale(0.1)
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana, reason=cast.card)
    for _ in range(20):
        bandwidth.hang_next(seconds=1)
    assert recording.resume(call=call, by=cast.ana).outcome == "unconfirmed"
    bandwidth.forget()
    again = recording.pause(call=call, by=cast.ana, reason=cast.card)
    assert again.outcome == "acknowledged"
    row = drawn_by(again, call)
    assert (row.word, row.doubt_until is not None) == ("Paused", True)


def test_a_resume_behind_which_a_pause_waits_does_not_answer_that_nobody_asks(cast, bandwidth, live_call, threads):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana, reason=cast.card)
    bandwidth.hold(cast.acme_account.account_id, on="put")
    resuming = threads.submit(recording.resume, call=call, by=cast.ana)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    pausing = threads.submit(recording.pause, call=call, by=cast.mia, reason=cast.card)
    until = time.monotonic() + 5
    while not call.commands.filter(state="waiting").exists() and time.monotonic() < until:
        time.sleep(0.02)
    bandwidth.release_all()
    assert resuming.result().outcome == "acknowledged"
    assert resuming.result().row is None  # read anew, with the pause that comes next
    assert pausing.result().outcome == "acknowledged"
    assert drawn_by(pausing.result(), call).word == "Paused"


def test_a_call_that_changed_its_account_meanwhile_is_drawn_with_the_new_one(cast, bandwidth, live_call, threads):
    call, _ = live_call(cast.acme_account)
    bandwidth.hold(cast.acme_account.account_id, on="put")
    pausing = threads.submit(recording.pause, call=call, by=cast.ana, reason=cast.card)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    Call.objects.filter(pk=call.pk).update(account=cast.globex_account)
    bandwidth.release_all()
    assert pausing.result().outcome == "acknowledged"
    drawn_by(pausing.result(), call)

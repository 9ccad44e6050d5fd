"""A person's press while a re-assert hangs: a pause gets its turn, a resume waits for a moment. A fifth of the real times."""

import time

import pytest

from tests.calls.doubting import the_due
from voicedash.calls import board, recording, times
from voicedash.calls.models import Command


@pytest.fixture
def hanging(cast, bandwidth, in_doubt, threads):
    times.scale(0.2)  # an attempt takes 0.8 s at most
    call, theirs = in_doubt(sent=2.0, asserted=1.5)
    bandwidth.hang_next(seconds=30)
    asking = threads.submit(recording.reassert, the_due(call))
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    return call, theirs, asking


def test_a_pause_gets_its_turn(cast, bandwidth, hanging):
    call, theirs, asking = hanging
    assert recording.pause(call=call, by=cast.mia).outcome == "acknowledged"
    assert theirs.recorder == "paused"
    assert asking.result().outcome == "unconfirmed"
    assert board.row(call).note == "Mia Chen · Card details"
    assert [put.state for put in bandwidth.puts] == ["paused", "paused"]


def test_while_a_pause_waits_the_row_says_that_it_is_asked(cast, hanging, threads):
    call, _, _ = hanging
    pausing = threads.submit(recording.pause, call=call, by=cast.mia)
    deadline = time.monotonic() + 5
    while not Command.objects.filter(state="waiting").exists():
        assert time.monotonic() < deadline
    row = board.row(call)
    assert (row.asking, row.note) == ("paused", "Mia Chen is pausing · Card details")
    assert pausing.result().outcome == "acknowledged"


def test_a_resume_waits_for_a_moment_and_is_asked(cast, bandwidth, hanging):
    call, theirs, asking = hanging
    began = time.monotonic()
    assert recording.resume(call=call, by=cast.mia, anyway=True).outcome == "acknowledged"
    assert time.monotonic() - began < 1.2
    assert theirs.recorder == "recording"
    assert asking.result().outcome == "unconfirmed"
    row = board.row(call)
    # The re-assert had no answer, and wanted what is not shown any more: that is a doubt of its own.
    assert (row.recording, row.note, row.doubt_until is not None) == ("recording", "Mia Chen", True)


def test_a_resume_that_needs_a_second_press_is_told_so_at_once(cast, hanging):
    call, _, _ = hanging
    began = time.monotonic()
    assert recording.resume(call=call, by=cast.mia).outcome == "confirm"
    assert recording.resume(call=call, by=cast.mia, seen=0, anyway=True).outcome == "stale"
    assert time.monotonic() - began < 0.5


def test_a_resume_waits_no_longer_than_for_a_pause_that_comes_meanwhile(cast, bandwidth, hanging, threads):
    call, theirs, _ = hanging
    bandwidth.delay_next(0.3)
    resuming = threads.submit(recording.resume, call=call, by=cast.ana, anyway=True)
    time.sleep(0.1)
    assert recording.pause(call=call, by=cast.mia).outcome in {"acknowledged", "busy"}
    answer = resuming.result()
    assert answer.outcome == "busy" or theirs.recorder == "paused"

"""A request in doubt is done late: the worker puts it right, and no row ever says Paused without a doubt meanwhile."""

import pytest

from tests.calls.doubting import Watch, pause_over_a_doubted_resume, resume_in_doubt, until
from voicedash.calls import board, recording, times
from voicedash.calls.models import Call, Command

SCALE = 0.1  # a doubt lasts 2.5 s
LONGER = 0.25  # and 6.3 s, with half a second after it in which a row is not given up


@pytest.fixture(autouse=True)
def _shorter_times():
    times.scale(SCALE)


def test_resumes_done_late_are_undone_again(cast, bandwidth, live_call, loop, threads):
    """Of several calls: soon, when the last attempt is given up, and up to the last moment of a doubt."""
    times.scale(LONGER)
    calls = {late: live_call(cast.acme_account) for late in (2.0, 11.0, 20.0, 24.5)}
    resumed = [
        threads.submit(resume_in_doubt, cast, bandwidth, call, late * LONGER) for late, (call, _) in calls.items()
    ]
    for one in resumed:
        one.result()
    bandwidth.forget()
    for call, _ in calls.values():
        assert recording.pause(call=call, by=cast.ana, reason=cast.card).outcome == "acknowledged"
    before = acknowledged_of(calls)
    loop()
    watches = [Watch(call, theirs) for call, theirs in calls.values()]

    def calm() -> bool:
        rows = [watch.look() for watch in watches]
        recorders = {theirs.recorder for _, theirs in calls.values()}
        return recorders == {"paused"} and all(row.recording == "paused" and row.doubt_until is None for row in rows)

    until(calm, 30)
    assert [watch.lies for watch in watches] == [[]] * len(calls)
    assert [watch.seen[0] for watch in watches] == [("paused", True)] * len(calls)
    assert acknowledged_of(calls) == before
    for call, _ in calls.values():
        assert board.row(call).note == "Ana Ruiz · Card details"
        # Asked three times at most for each request that was in doubt, whatever the number of its attempts.
        assert 1 <= Command.objects.filter(call=call, source="reassert", outcome="acknowledged").count() <= 3


def acknowledged_of(calls):
    """Since when each is paused, and by which command."""
    return [Call.objects.values_list("recording_since", "acknowledged").get(pk=call.pk) for call, _ in calls.values()]


def test_a_pause_done_late_is_undone_again(cast, bandwidth, live_call, loop):
    times.scale(LONGER)
    call, theirs = live_call(cast.acme_account)
    bandwidth.late_next(20 * LONGER, hang=True, times=20)
    assert recording.pause(call=call, by=cast.ana).outcome == "unconfirmed"
    bandwidth.forget()
    assert recording.resume(call=call, by=cast.ana).outcome == "acknowledged"
    loop()
    watch = Watch(call, theirs)
    watch.until(lambda row: theirs.recorder == "paused")  # which nobody wants: a caller is not recorded
    watch.until(lambda row: row.recording == "recording" and row.doubt_until is None)
    assert theirs.recorder == "recording"
    assert Command.objects.filter(source="reassert").count() == 1


def test_with_bandwidth_away_the_row_gives_up_and_comes_back(cast, bandwidth, live_call, loop):
    """The re-assert at the close is not acknowledged for a while, but within half a minute."""
    call, theirs = live_call(cast.acme_account)
    pause_over_a_doubted_resume(cast, bandwidth, call, late=20 * SCALE)
    bandwidth.storm({"503": 1.0})
    loop()
    watch = Watch(call, theirs)
    watch.until(lambda row: row.recording == "unconfirmed")
    bandwidth.storm(None)
    watch.until(lambda row: row.recording == "paused" and row.doubt_until is None)
    assert theirs.recorder == "paused"
    assert watch.lies == []
    assert watch.seen == [("paused", True), ("unconfirmed", False), ("paused", False)]


def test_with_bandwidth_away_for_longer_the_call_is_not_confirmed_for_good(cast, bandwidth, live_call, loop):
    call, theirs = live_call(cast.acme_account)
    pause_over_a_doubted_resume(cast, bandwidth, call, late=20 * SCALE)
    bandwidth.storm({"503": 1.0})
    loop()
    watch = Watch(call, theirs)
    watch.until(lambda row: Call.objects.get(pk=call.pk).recording == "unconfirmed")
    bandwidth.storm(None)
    asked = len(bandwidth.puts)
    assert watch.lies == []
    assert recording.pause(call=call, by=cast.mia, reason=cast.card).outcome == "acknowledged"
    assert len(bandwidth.puts) <= asked + 2  # at most one more was under way
    watch.until(lambda row: row.recording == "paused" and row.doubt_until is None)

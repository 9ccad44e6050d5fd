"""A worker resumes what has ended: on time, once, whatever its own clock says, and also if one of two is killed."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from tests.calls.doubting import until
from voicedash.calls import due, recording, times
from voicedash.calls.models import Call, Command
from voicedash.tenants.board import database_time

SCALE = 0.2


@pytest.fixture
def paused(cast, bandwidth, live_call):
    def made(ends):
        """A paused call whose pause ends in so many seconds."""
        call, theirs = live_call(cast.acme_account)
        assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
        at = database_time() + timedelta(seconds=ends)
        Call.objects.filter(pk=call.pk).update(lease_ends_at=at, lease_due_at=at)
        return call, theirs, at

    return made


def resumed(call):
    return Command.objects.filter(call=call, source="timer", outcome="acknowledged").exists()


def test_it_is_resumed_at_its_end_and_not_before(cast, bandwidth, paused, worker):
    worker()
    call, theirs, at = paused(1.5)
    until(lambda: resumed(call))
    [timer] = Command.objects.filter(source="timer")
    assert 0 <= (timer.asked_at - at).total_seconds() < 1
    assert theirs.recorder == "recording"
    assert [put.state for put in bandwidth.puts] == ["paused", "recording"]


@pytest.mark.parametrize("ahead", [60.0, -60.0], ids=["a minute fast", "a minute slow"])
def test_clocks_of_two_nodes_a_minute_apart_end_no_pause_early_or_late(cast, bandwidth, paused, worker, ahead):
    worker(ahead=ahead), worker()
    calls = [paused(2.0) for _ in range(4)]
    until(lambda: all(resumed(call) for call, _, _ in calls))
    for call, _, at in calls:
        [timer] = Command.objects.filter(call=call, source="timer")
        assert 0 <= (timer.asked_at - at).total_seconds() < 1


def test_an_end_that_falls_while_bandwidth_is_down_is_made_up_for(cast, bandwidth, paused, worker):
    times.scale(SCALE)
    call, theirs, _ = paused(0.3)
    bandwidth.storm({"503": 1.0})
    worker(SCALE)
    until(lambda: Command.objects.filter(source="timer", state="closed").count() >= 2)
    assert theirs.recorder == "paused"
    bandwidth.storm(None)
    until(lambda: resumed(call))
    until(lambda: Call.objects.get().recording == "recording")
    tries = list(Command.objects.filter(source="timer").order_by("pk"))
    assert [one.outcome for one in tries] == ["unconfirmed"] * (len(tries) - 1) + ["acknowledged"]
    for one, following in pairwise(tries):  # never hot
        assert one.closed_at
        assert (following.asked_at - one.closed_at).total_seconds() >= 1.0 * SCALE


def test_killed_between_its_claim_and_the_resume_another_goes_on(cast, bandwidth, paused, worker):
    times.scale(SCALE)
    call, theirs, _ = paused(0.5)
    bandwidth.hang_next(seconds=60)
    first = worker(SCALE)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    first.kill()
    assert theirs.recorder == "paused"
    worker(SCALE)
    until(lambda: resumed(call))
    assert theirs.recorder == "recording"
    dead, alive = Command.objects.filter(source="timer").order_by("pk")
    assert dead.attempts.get().result == "vanished"
    assert (alive.asked_at - dead.asked_at).total_seconds() < 20 * SCALE + 2


def test_many_that_end_together_are_resumed_by_two_workers_and_none_twice(cast, bandwidth, paused, worker):
    worker(), worker()
    calls = [paused(2.0) for _ in range(12)]
    until(lambda: all(resumed(call) for call, _, _ in calls))
    asked = [put.call_id for put in bandwidth.puts if put.state == "recording"]
    assert sorted(asked) == sorted(theirs.call_id for _, theirs, _ in calls)


def test_a_look_at_what_has_ended_is_one_statement_along_an_index(cast, paused):
    for _ in range(3):
        paused(100)
    with CaptureQueriesContext(connection) as asked:
        due.again(database_time())
    ended = [query["sql"] for query in asked.captured_queries if "lease_due_at" in query["sql"].partition("WHERE")[2]]
    assert len(ended) == 1
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {ended[0]}")
            assert "leases_by_end" in str(cursor.fetchall())


def test_what_is_tried_in_vain_keeps_nobody_elses_end_waiting(cast, bandwidth, paused, monkeypatch):
    monkeypatch.setattr(due, "_MOST", 2)
    stuck = [paused(-60)[0] for _ in range(3)]
    Call.objects.filter(pk__in=[call.pk for call in stuck]).update(lease_due_at=Now() + timedelta(seconds=9))
    call, _, _ = paused(-0.1)
    assert [one.call_pk for one in due.again(database_time())] == [call.pk]

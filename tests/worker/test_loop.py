"""What is due is done within moments, by one of however many workers, and an account that hangs holds up no other."""

import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

from django.db import connections
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from tests.calls.doubting import acknowledged, doubted, until
from voicedash.calls import recording, times
from voicedash.calls.models import Attempt, Call, Command, Fetch
from voicedash.tenants import workers
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Worker
from voicedash.worker import loop as loops
from voicedash.worker.loop import AN_ACCOUNT, Loop
from voicedash.worker.models import Duty


def left_open(call, by, *, expired=0.05):
    """A claim whose sender died: its time was over a moment ago."""
    past = Now() - timedelta(seconds=expired)
    return Command.objects.create(
        call=call,
        wanted="paused",
        by=by,
        state="claimed",
        asked_at=past,
        claimed_at=past,
        attempt_at=past,
        expires_at=past,
        version=1,
    )


def test_expired_claims_of_every_tenant_are_closed_within_half_a_second(cast, live_call, loop):
    loop()
    took = []
    for _ in range(3):  # of a busy machine the quickest time tells
        calls = [live_call(account)[0] for account in (cast.acme_account, cast.globex_account)]
        began = time.monotonic()
        for call in calls:
            left_open(call, cast.ana)
        until(lambda: not Command.objects.exclude(state="closed").exists())
        took.append(time.monotonic() - began)
    assert min(took) < 0.6
    assert set(Call.objects.values_list("recording", flat=True)) == {"unconfirmed"}
    assert Attempt.objects.filter(result="vanished").count() == 6


def test_three_workers_ask_once_for_each_call(cast, bandwidth, live_call, loop):
    bandwidth.latency = 0.1
    calls = [live_call(cast.acme_account)[0] for _ in range(20)]
    for call in calls:
        doubted(call, "recording", by=cast.mia, ago=6)
        acknowledged(call, "paused", by=cast.ana, ago=4)
    for _ in range(3):
        loop()
    acknowledged_again = Command.objects.filter(source="reassert", outcome="acknowledged")
    until(lambda: acknowledged_again.values("call").distinct().count() == 20)
    time.sleep(0.5)  # for whoever would ask again
    asked = defaultdict(list)
    for put in bandwidth.puts:
        asked[put.call_id].append(put.at)
    assert asked.keys() == {call.call_id for call in calls}
    # On a slow machine it is due once more meanwhile: that is seven seconds later, not twice for the same.
    assert all(later - sooner > 3 for each in asked.values() for sooner, later in pairwise(sorted(each)))


def test_a_contradicted_pause_is_asked_again_at_once(cast, bandwidth, live_call, loop):
    call, theirs = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana, reason=cast.card)
    theirs.command("recording")
    loop()
    began = time.monotonic()
    recording.contradict(call=call, why="a recording came")
    until(lambda: Call.objects.get(pk=call.pk).recording == "paused")
    assert time.monotonic() - began < 3.0  # not after five seconds, as what is only in doubt
    assert theirs.recorder == "paused"


def test_an_account_that_hangs_holds_up_no_other(cast, bandwidth, live_call, loop):
    hanging = [live_call(cast.acme_account)[0] for _ in range(3 * AN_ACCOUNT)]
    other, _ = live_call(cast.globex_account)
    for call, ago in [*((call, 7) for call in hanging), (other, 6)]:  # the others are due for longer
        doubted(call, "recording", by=cast.mia, ago=ago)
        acknowledged(call, "paused", by=cast.ana, ago=4)
    bandwidth.hold(cast.acme_account.account_id, on="put")
    loop()
    began = time.monotonic()
    until(lambda: Command.objects.filter(call=other, outcome="acknowledged", source="reassert").exists())
    assert time.monotonic() - began < 3.0  # an attempt takes four
    until(lambda: Command.objects.filter(state="claimed").count() == AN_ACCOUNT)
    bandwidth.release_all()
    until(lambda: Command.objects.filter(source="reassert", outcome="acknowledged").count() == len(hanging) + 1)


def test_a_look_with_nothing_due_asks_little_and_takes_no_lock(cast, live_call):
    for _ in range(5):
        call, _ = live_call(cast.acme_account)
        doubted(call, "recording", by=cast.mia, ago=2)  # in doubt, but not due yet
        acknowledged(call, "paused", by=cast.ana, ago=1)
    idle = Loop()
    idle._look()  # its first beat, and the duty
    idle._ended()
    with CaptureQueriesContext(connections["default"]) as asked:
        idle._look()
    assert len(asked) <= 9, "\n".join(query["sql"] for query in asked)
    assert all(query["sql"].lstrip().startswith("SELECT") for query in asked)


def test_it_beats_and_counts_its_life_by_the_databases_clock(cast, bandwidth, loop):
    times.scale(0.1)
    started = loop()
    first = Worker.objects.get().seen_at
    until(lambda: Worker.objects.get().seen_at > first)
    newest = workers.newest()
    assert newest is not None
    assert abs((database_time() - newest).total_seconds()) < 2
    accounts = {f"sync-{account.pk}" for account in (cast.acme_account, cast.globex_account)}
    assert set(Duty.objects.values_list("name", flat=True)) == {"pruning", *accounts}
    assert started.name.endswith(f":{os.getpid()}")


def test_a_fetch_that_died_is_ended(cast, bandwidth, loop):
    silent = Now() - timedelta(seconds=61)
    Fetch.objects.create(account=cast.acme_account, started_at=silent, heard_at=silent)
    Fetch.objects.create(account=cast.globex_account, started_at=silent, heard_at=Now() - timedelta(seconds=50))
    loop()
    until(lambda: Fetch.objects.get(account=cast.acme_account).error)
    assert Fetch.objects.get(finished_at=None).account == cast.globex_account


def test_told_to_stop_it_finishes_what_it_asks(cast, bandwidth, live_call, loop):
    call, _ = live_call(cast.acme_account)
    doubted(call, "recording", by=cast.mia, ago=6)
    acknowledged(call, "paused", by=cast.ana, ago=4)
    bandwidth.delay_next(0.6)
    working = loop()
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    working.stop.set()
    until(lambda: Command.objects.filter(source="reassert", outcome="acknowledged").exists(), seconds=3)


def test_a_fault_of_ours_does_not_end_it(cast, bandwidth, live_call, loop, monkeypatch, caplog):
    real, fails = workers.beat, [True]

    def beat(*told):
        if fails:
            fails.pop()
            raise ValueError("a fault of ours")
        real(*told)

    monkeypatch.setattr(workers, "beat", beat)
    with caplog.at_level(logging.ERROR, "voicedash.worker"):
        loop()
    assert workers.newest() is not None
    assert [record.getMessage() for record in caplog.records] == ["a look at what is due failed"]


def test_what_goes_wrong_behind_a_look_or_a_work_ends_neither_and_is_done_again(
    cast, bandwidth, live_call, loop, monkeypatch, caplog, settings
):
    """What gives a connection back may fail as well: then the next look, or the next try of a call, comes all the same."""
    settings.SYNC_SECONDS = 0  # or following an account takes the fault
    Duty.objects.create(name="pruning", due_at=Now() + timedelta(hours=1))
    failed: list[str] = []

    def fails_once(name: str) -> Callable[[], None]:
        real = getattr(loops, name)

        def failing() -> None:
            if name not in failed:
                failed.append(name)
                raise ValueError("a fault of ours")
            real()

        return failing

    for name in ("release_connection", "close_old_connections"):
        monkeypatch.setattr(loops, name, fails_once(name))
    call, _ = live_call(cast.acme_account)
    with caplog.at_level(logging.ERROR, "voicedash.worker"):
        working = loop()
        left_open(call, cast.ana)
        until(lambda: Attempt.objects.filter(result="vanished").count() == 1)
        left_open(call, cast.ana)
        until(lambda: Attempt.objects.filter(result="vanished").count() == 2)
    until(lambda: not working._running)
    # Whichever work came first took the fault, and which of the two was the first.
    assert sorted(failed) == ["close_old_connections", "release_connection"]
    assert sorted(record.getMessage().rpartition(": ")[2] for record in caplog.records if record.exc_info) == [
        "a look at what is due failed",
        "what was due could not be done",
    ]

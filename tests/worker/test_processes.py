"""Workers as processes: killed, suspended, on a wrong clock, without their database, and told to stop."""

import json
import time
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from tests import sessions
from tests.calls.doubting import Watch, acknowledged, doubted, until
from voicedash.audit.models import Entry
from voicedash.calls import board, recording, times
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants import workers
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Worker

SCALE = 0.2  # an attempt 0.8 s, a claim 3 s, a doubt 5 s; a re-assert is taken over after 1 s


@pytest.fixture(autouse=True)
def _shorter_times():
    times.scale(SCALE)


@pytest.fixture
def in_doubt(cast, live_call):
    """A call that Ana paused over a resume of Mia's that had no answer: due to be asked again."""

    def made(scale=SCALE, sent=6.0):
        call, theirs = live_call(cast.acme_account)
        acknowledged(call, "paused", by=cast.ana, ago=(sent - 2) * scale, reason=cast.card)
        doubted(call, "recording", by=cast.mia, ago=sent * scale)  # last: from here on a worker finds it
        return call, theirs

    return made


def reasserts(**which):
    return Command.objects.filter(source="reassert", **which)


def test_killed_in_the_middle_of_a_re_assert_another_goes_on(cast, bandwidth, in_doubt, worker):
    call, theirs = in_doubt()
    bandwidth.hang_next(seconds=30)
    first = worker(SCALE)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    first.kill()
    watch = Watch(call, theirs)
    second = worker(SCALE)
    watch.until(lambda row: reasserts(outcome="acknowledged").exists())
    watch.until(lambda row: row.doubt_until is None)
    assert (theirs.recorder, watch.look().recording) == ("paused", "paused")
    assert Attempt.objects.get(result="vanished").command.source == "reassert"
    assert not Command.objects.exclude(state="closed").exists()
    assert second.stop() == 0


def test_of_two_workers_one_asks(cast, bandwidth, in_doubt, worker):
    times.scale(1)  # the next time that they are due is 6 s away
    bandwidth.latency = 0.05
    worker(), worker()
    calls = [in_doubt(scale=1.0)[0] for _ in range(8)]
    until(lambda: reasserts(outcome="acknowledged").count() >= len(calls))
    assert Worker.objects.count() == 2
    asked = [put.call_id for put in bandwidth.puts]
    assert sorted(asked) == sorted(call.call_id for call in calls)


def test_suspended_for_longer_than_its_claim_it_wakes_up_harmless(cast, bandwidth, in_doubt, worker):
    """While it sleeps another has taken over, and a person has resumed the call."""
    call, theirs = in_doubt()
    bandwidth.hold(cast.acme_account.account_id, on="token")
    sleeper = worker(SCALE)
    until(lambda: reasserts(state="claimed").exists())
    assert bandwidth.wait_until(lambda: len(bandwidth.tokens) == 1)
    sleeper.suspend_at_rest()
    held = reasserts().get()
    bandwidth.release_all()
    worker(SCALE)
    until(lambda: reasserts(outcome="acknowledged").exists())
    assert recording.resume(call=call, by=cast.mia, anyway=True).outcome == "acknowledged"
    until(lambda: Command.objects.filter(pk=held.pk, expires_at__lt=Now()).exists())
    sent = len(bandwidth.puts)
    sleeper.wake()
    until(lambda: Entry.objects.filter(verb="recording.answered_late").exists())
    until(lambda: not Command.objects.exclude(state="closed").exists())
    # It sent nothing of its own; what it asked when it woke is what the person wished last.
    assert {put.state for put in bandwidth.puts[sent:]} <= {"recording"}
    assert theirs.recorder == "recording"
    until(lambda: board.row(call).recording == "recording")


@pytest.mark.parametrize("ahead", [3600.0, -3600.0], ids=["an hour fast", "an hour slow"])
def test_only_the_databases_clock_counts(cast, bandwidth, live_call, in_doubt, worker, ahead):
    begun = database_time()
    wrong = worker(SCALE, ahead=ahead)
    newest = workers.newest()
    assert newest is not None
    assert begun <= newest <= database_time()
    early, _ = in_doubt()  # due now; with its own clock it would be too early, or long given up
    later, _ = in_doubt(sent=2.5)
    closes = Attempt.objects.get(command__call=later).doubt_until
    assert closes is not None
    open_ = doubted(live_call(cast.acme_account)[0], "paused", by=cast.mia, ago=0)
    Command.objects.filter(pk=open_.pk).update(state="claimed", expires_at=Now() + timedelta(seconds=1.0))
    until(lambda: reasserts(call=early, outcome="acknowledged").exists(), 2)
    until(lambda: reasserts(call=later, outcome="acknowledged").exists(), 2)
    due = closes - timedelta(seconds=20 * SCALE)  # 5 s after it was sent
    late = (reasserts(call=later).earliest("pk").asked_at - due).total_seconds()
    assert 0 <= late < 1
    until(lambda: Command.objects.filter(pk=open_.pk, state="closed").exists(), 3)
    closed = Command.objects.get(pk=open_.pk)
    assert closed.closed_at is not None
    assert 0 <= (closed.closed_at - closed.expires_at).total_seconds() < 0.6
    assert Entry.objects.filter(at__gt=database_time()).count() == 0
    assert Entry.objects.filter(at__lt=begun).count() == 0
    assert wrong.stop() == 0
    # Its own clock was wrong indeed.
    [line, *_] = [line for line in wrong.log if "asked again" in line]
    logged = datetime.fromisoformat(json.loads(line)["time"])
    assert abs((logged - begun).total_seconds() - ahead) < 30


def test_told_to_stop_it_ends_within_seconds_and_leaves_nothing_in_flight(cast, bandwidth, in_doubt, worker):
    in_doubt()
    bandwidth.hang_next(seconds=30)
    working = worker(SCALE)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    began = time.monotonic()
    assert working.stop() == 0
    assert time.monotonic() - began < 4
    assert working.log[-1] == "Stopped."
    assert not Command.objects.exclude(state="closed").exists()


def test_it_goes_on_when_a_database_that_was_away_is_back(cast, bandwidth, in_doubt, worker):
    """On SQLite: its tables are away for a moment. On PostgreSQL: its sessions end, and nobody is let in for a second."""
    working = worker(SCALE)
    with away(working):
        time.sleep(1.2)  # several looks and beats
    back = database_time()
    until(lambda: Worker.objects.filter(seen_at__gt=back).exists())
    in_doubt()
    until(lambda: reasserts(outcome="acknowledged").exists())
    told = [line for line in working.log if "the database" in line]
    # Once each, not at every look; twice where a look came between the end of its sessions and the closed door.
    assert ["cannot be used" in line for line in told] in ([True, False], [True, False] * 2), "\n".join(working.log)
    assert "can be used again" in told[-1]
    assert not any("Traceback" in line for line in working.log), "\n".join(working.log)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL's sessions; SQLite has none")
def test_restarts_of_the_server_lose_nothing(cast, bandwidth, in_doubt, worker):
    working = worker(SCALE)
    bandwidth.latency = 0.1
    calls = []
    for _ in range(5):
        calls.append(in_doubt()[0])
        sessions.end(working)
        time.sleep(0.1)
    # A claim whose writing was cut off was rolled back; one whose outcome could not be written at once was tried again.
    until(lambda: {c.call_id for c in calls} == {r.call.call_id for r in reasserts(outcome="acknowledged")})
    until(lambda: not Command.objects.exclude(state="closed").exists())
    assert Call.objects.filter(recording="paused").count() == len(calls)


class away:
    """The database as the worker has it is away while the block runs."""

    def __init__(self, working):
        self.working = working

    def __enter__(self):
        if connection.vendor == "postgresql":
            sessions.let_in(False)
            sessions.end(self.working)
        else:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE calls_command RENAME TO calls_command_away")

    def __exit__(self, *error):
        if connection.vendor == "postgresql":
            sessions.let_in(True)
        else:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE calls_command_away RENAME TO calls_command")

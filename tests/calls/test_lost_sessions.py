"""PostgreSQL restarts or ends our sessions while presses go on: no untrue answer, and afterwards they work again."""

import re
import threading
import time
from collections import Counter

from tests import sessions
from tests.sessions import postgresql_only
from voicedash.audit import log, proof
from voicedash.audit.models import Entry
from voicedash.calls.models import Command

pytestmark = postgresql_only

AHEAD = "Paused: go ahead"


def fill_pool(running, user, threads):
    """So many readers at once that the node's pool has grown."""
    for answer in [threads.submit(running.browser_of(user).get, "/t/acme/") for _ in range(30)]:
        assert answer.result().status_code == 200
    assert len(sessions.states(running)) >= 4


def test_after_a_restart_the_first_press_works(cast, bandwidth, live_call, node, threads):
    call, theirs = live_call(cast.acme_account)
    running = node()
    ana = running.browser_of(cast.ana)
    took = []
    for _ in range(3):
        fill_pool(running, cast.ana, threads)
        assert sessions.end(running) >= 4
        began = time.monotonic()
        assert AHEAD in ana.post(f"/t/acme/calls/{call.pk}/pause/").text
        took.append(time.monotonic() - began)
    assert min(took) < 1  # however many dead ones lay in the pool; of a busy machine the quickest time tells
    assert theirs.recorder == "paused"


def test_a_restart_while_bandwidth_is_asked_loses_no_acknowledgement(cast, bandwidth, live_call, node, threads):
    calls = [live_call(cast.acme_account) for _ in range(12)]
    running = node()
    ana = running.browser_of(cast.ana)
    bandwidth.hold(cast.acme_account.account_id, on="put")
    presses = [threads.submit(ana.post, f"/t/acme/calls/{call.pk}/pause/") for call, _ in calls]
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 12)
    assert sessions.end(running)
    bandwidth.release_all()
    assert [AHEAD in press.result().text for press in presses] == [True] * 12
    assert {theirs.recorder for _, theirs in calls} == {"paused"}
    assert set(Command.objects.values_list("state", "outcome")) == {("closed", "acknowledged")}


def test_presses_go_on_as_soon_as_the_server_is_back(cast, bandwidth, live_call, node, threads):
    call, theirs = live_call(cast.acme_account)
    running = node()
    ana = running.browser_of(cast.ana)
    fill_pool(running, cast.ana, threads)
    sessions.let_in(False)
    try:
        sessions.end(running)
        pressing = threads.submit(ana.post, f"/t/acme/calls/{call.pk}/pause/")
        others = [threads.submit(ana.get, "/t/acme/") for _ in range(8)]
        answer = pressing.result()
        assert answer.status_code == 500 and AHEAD not in answer.text
        assert {other.result().status_code for other in others} == {500}
        time.sleep(3)  # long enough for the pool to have tried in vain, and for its next try to be seconds away
    finally:
        sessions.let_in(True)
    assert bandwidth.puts == []
    began = time.monotonic()
    assert AHEAD in ana.post(f"/t/acme/calls/{call.pk}/pause/").text
    assert time.monotonic() - began < 2  # so long it would have waited for the pool
    assert theirs.recorder == "paused"


def test_no_answer_is_untrue_while_sessions_are_being_ended(cast, bandwidth, live_call, node, threads):
    bandwidth.latency = 0.02
    calls = [live_call(cast.acme_account) for _ in range(8)]
    running = node(0.2)  # a claim lives 3 s
    stop, outcomes = threading.Event(), list[str]()
    pressing = [threads.submit(press_on, running.browser_of(cast.ana), *call, stop, outcomes) for call in calls]
    began, ended, pause = time.monotonic(), 0, 0.05
    # It must hurt, and presses must come through: on a slow machine they have longer between two blows.
    while time.monotonic() < began + 4 or ended <= 50 or outcomes.count("acknowledged") <= 10:
        assert time.monotonic() < began + 60, (ended, Counter(outcomes))
        ended += sessions.end(running, wait=False)
        time.sleep(pause)
        pause = min(1.0, pause * 1.02)
    stop.set()
    for one in pressing:
        one.result()
    assert "untrue" not in outcomes
    # What a lost session left open is closed once its claim has expired.
    ana = running.browser_of(cast.ana)
    deadline = time.monotonic() + 10
    while Command.objects.exclude(state="closed").exists() and time.monotonic() < deadline:
        assert ana.get("/t/acme/").status_code == 200
        time.sleep(0.1)
    for call, theirs in calls:
        assert AHEAD in ana.post(f"/t/acme/calls/{call.pk}/pause/").text
        assert theirs.recorder == "paused"
    assert not Command.objects.exclude(state="closed").exists()
    # Of every PUT an entry tells, and nobody's entry was lost or written twice.
    assert proof.fault_in(log.of_tenant(cast.acme.pk)) is None
    for _, theirs in calls:
        entries = Entry.objects.filter(call_id=theirs.call_id)
        attempts = [attempt for entry in entries for attempt in entry.data.get("attempts", [])]
        told = sum(attempt["result"] != "never_reached" for attempt in attempts)
        vanished = entries.filter(verb="recording.sender_vanished").count()
        sent = sum(put.call_id == theirs.call_id for put in bandwidth.puts)
        assert told <= sent <= told + vanished


def press_on(visitor, call, theirs, stop, outcomes):
    """Pauses and resumes by turns; adds what came of each press, "untrue" where it said Paused and was not."""
    while not stop.is_set():
        for verb in ("pause", "resume"):
            began = time.monotonic()
            answer = visitor.post(f"/t/acme/calls/{call.pk}/{verb}/", data={"anyway": "1"})
            assert answer.status_code in {200, 500}
            found = re.search(r'data-outcome="(\w+)"', answer.text)
            outcome = found[1] if found else "no answer"
            if AHEAD in answer.text:
                paused = [at for at, state in theirs.timeline if state == "paused" and at >= began]
                if outcome != "acknowledged" or not (paused or theirs.recorder_at(began) == "paused"):
                    outcome = "untrue"
            outcomes.append(outcome)

"""While Bandwidth is asked, a press holds nothing of the database: no connection, no transaction, no lock."""

import time

from django.db import connection

from tests import sessions
from tests.calls.locking import locked
from tests.cast import account as another_account
from tests.cast import known_to
from tests.sessions import postgresql_only
from voicedash.calls import recording, times
from voicedash.tenants.board import writing


def hold_all(bandwidth, cast):
    for account in (cast.acme_account, cast.globex_account):
        bandwidth.hold(account.account_id, on="put")


def eventually(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def checked_out():
    """How many connections of this process's pool are in somebody's hands."""
    stats = connection.pool.get_stats()  # type: ignore[attr-defined]
    return stats["pool_size"] - stats["pool_available"]


@postgresql_only
def test_with_a_pool_of_6_of_24_presses_at_once_every_one_is_served(cast, bandwidth, live_call, node, threads):
    calls = [live_call(account) for account in (cast.acme_account, cast.globex_account) for _ in range(12)]
    running = node(pool=6)
    ana, omar = running.browser_of(cast.ana), running.browser_of(cast.omar)
    hold_all(bandwidth, cast)
    presses = [
        threads.submit(who.post, f"/t/{who_for}/calls/{call.pk}/pause/")
        for (call, _), (who, who_for) in zip(calls, [(ana, "acme")] * 12 + [(omar, "globex")] * 12, strict=True)
    ]
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 24), f"{len(bandwidth.puts)} of 24 were sent"
    # All of them wait for Bandwidth now, and none of the six is in use: what is idle in a transaction would be.
    assert eventually(lambda: set(sessions.states(running)) == {"idle"}), sessions.states(running)
    assert len(sessions.states(running)) <= 6
    assert ana.get("/t/acme/").status_code == 200
    bandwidth.release_all()
    answers = [press.result() for press in presses]
    assert [answer.status_code for answer in answers] == [200] * 24
    assert sum("Paused: go ahead" in answer.text for answer in answers) == 24
    assert {theirs.recorder for _, theirs in calls} == {"paused"}
    assert len(bandwidth.puts) == 24


@postgresql_only
def test_a_press_that_asks_or_waits_for_its_turn_has_given_its_connection_back(cast, bandwidth, live_call, threads):
    call, theirs = live_call(cast.acme_account)
    assert checked_out() == 1  # this test's own
    bandwidth.hold(cast.acme_account.account_id, on="put")
    resuming = threads.submit(recording.resume, call=call, by=cast.ana)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    assert eventually(lambda: checked_out() == 1)
    pausing = threads.submit(recording.pause, call=call, by=cast.mia)
    assert eventually(lambda: call.commands.filter(state="waiting").exists())
    assert eventually(lambda: checked_out() == 1)  # between two looks
    assert not resuming.done() and not pausing.done()
    bandwidth.release_all()
    assert (resuming.result().outcome, pausing.result().outcome) == ("acknowledged", "acknowledged")
    assert theirs.recorder == "paused"


@postgresql_only
def test_a_press_that_waits_to_ask_again_has_given_its_connection_back(cast, bandwidth, live_call, threads):
    times.scale(0.4)
    call, _ = live_call(cast.acme_account)
    bandwidth.fail_next(429, retry_after="2")
    pausing = threads.submit(recording.pause, call=call, by=cast.ana)
    assert bandwidth.wait_until(lambda: bool(bandwidth.puts) and bandwidth.puts[0].status == 429)
    seen = []
    while len(bandwidth.puts) < 2 and not pausing.done():
        seen.append(checked_out())
        time.sleep(0.01)
    # It looks every tenth of a second whether a pause wants its turn; in most samples it has no connection.
    assert seen.count(1) > len(seen) / 2
    assert pausing.result().outcome == "acknowledged"


@postgresql_only
def test_those_who_wait_for_one_tenants_lock_hold_up_no_other_tenant(cast, bandwidth, live_call, node, threads):
    second = another_account(cast.acme, "9900003")
    known_to(bandwidth, second)
    calls = [live_call(of)[0] for of in (cast.acme_account, second) for _ in range(14)]
    [elsewhere] = [live_call(cast.globex_account)[0]]
    running = node(pool=6)
    ana, omar = running.browser_of(cast.ana), running.browser_of(cast.omar)
    assert omar.post(f"/t/globex/calls/{elsewhere.pk}/pause/").status_code == 200
    with locked(cast.acme):
        waiting = [threads.submit(ana.post, f"/t/acme/calls/{call.pk}/pause/") for call in calls]
        assert eventually(lambda: "active" in sessions.states(running))  # one of them waits in the database
        began = time.monotonic()
        answer = omar.post(f"/t/globex/calls/{elsewhere.pk}/resume/", data={"anyway": "1"})
        took = time.monotonic() - began
    assert 'data-outcome="acknowledged"' in answer.text
    assert took < 1.8  # the others wait for two seconds
    for press in waiting:
        assert press.result().status_code == 200


def test_whoever_wants_to_can_write_while_bandwidth_is_asked(cast, bandwidth, live_call, threads):
    """On SQLite there is one writer for the whole database, on PostgreSQL one for each tenant."""
    calls = [live_call(account)[0] for account in (cast.acme_account, cast.globex_account)]
    hold_all(bandwidth, cast)
    presses = [
        threads.submit(recording.pause, call=call, by=by) for call, by in zip(calls, (cast.ana, cast.omar), strict=True)
    ]
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    for tenant in (cast.acme, cast.globex):
        began = time.monotonic()
        with writing(tenant.pk) as stamp:
            assert stamp.version > 1
        assert time.monotonic() - began < 1.8  # who waits for a lock does so for two seconds
    assert not any(press.done() for press in presses)
    bandwidth.release_all()
    assert [press.result().outcome for press in presses] == ["acknowledged"] * 2

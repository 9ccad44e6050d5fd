"""Any number of workers follow the accounts together; none waits for another's, and no press for any of it."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests import cast as people
from tests.calls.doubting import until
from voicedash.calls import recording, times
from voicedash.calls.models import Call, Sync
from voicedash.worker.models import Duty


def lists(bandwidth, account_id):
    return [request for request in bandwidth.requests if request.kind == "list" and request.account_id == account_id]


@pytest.fixture
def often(settings):
    settings.SYNC_SECONDS = 0.5


def followed(*accounts):
    until(lambda: Sync.objects.filter(account__in=accounts, heard_at__isnull=False).count() == len(accounts))


def test_three_workers_ask_no_oftener_than_one(cast, bandwidth, loop, often):
    for _ in range(3):
        loop()
    followed(cast.acme_account, cast.globex_account)
    until(lambda: not Sync.objects.filter(back_to__isnull=False).exists())
    bandwidth.clear_requests()
    began = time.monotonic()
    time.sleep(3)
    most = (time.monotonic() - began) / 0.5 + 1
    asked = Counter(request.account_id for request in bandwidth.requests)
    assert set(asked) == {"9900001", "9900002"}
    assert max(asked.values()) <= most
    theirs = bandwidth.add_call("9900001")
    until(lambda: Call.objects.filter(call_id=theirs.call_id).exists())
    assert Call.objects.count() == 1


def test_an_account_that_hangs_holds_up_no_other_and_no_press(cast, bandwidth, loop, live_call, often):
    hanging = [people.account(cast.acme, f"99000{number}") for number in range(10, 16)]
    for account in hanging:
        people.known_to(bandwidth, account)
        bandwidth.hold(account.account_id)
    bandwidth.hold("9900001", on="list")
    call, theirs = live_call(cast.acme_account)
    loop()
    until(lambda: lists(bandwidth, "9900001"))
    followed(cast.globex_account)
    for _ in range(2):
        new = bandwidth.add_call("9900002")
        began = time.monotonic()
        until(Call.objects.filter(call_id=new.call_id).exists)
        assert time.monotonic() - began < 2.5  # twice the interval and what this machine needs when it is busy
    began = time.monotonic()
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    assert time.monotonic() - began < 1.0
    assert theirs.recorder == "paused"
    assert len(lists(bandwidth, "9900001")) == 1
    bandwidth.release_all()


def test_told_to_stop_in_the_middle_of_a_list_it_waits_for_no_answer(cast, bandwidth, loop, often):
    working = loop()
    followed(cast.acme_account)
    bandwidth.hold("9900001", on="list")
    until(lambda: bandwidth.requests[-1].fault == "hold" or any(one.fault == "hold" for one in bandwidth.requests))
    began = time.monotonic()
    assert working._ended()
    assert time.monotonic() - began < 2
    bandwidth.release_all()


def test_killed_in_the_middle_of_a_list_another_goes_on(cast, bandwidth, worker):
    times.scale(0.2)  # a duty is held for 3 s
    first = worker(0.2, SYNC_SECONDS=5)
    followed(cast.acme_account)
    bandwidth.hold("9900001", on="list")
    until(lambda: any(one.fault == "hold" for one in bandwidth.requests), 20)
    first.kill()
    bandwidth.release_all()
    theirs = bandwidth.add_call("9900001")
    second = worker(0.2, SYNC_SECONDS=5)
    until(lambda: Call.objects.filter(call_id=theirs.call_id).exists(), 20)
    assert second.stop() == 0


def test_an_account_that_comes_is_followed_and_one_that_goes_is_forgotten(cast, bandwidth, loop, often):
    loop()
    made = people.account(cast.acme, "9900005")
    people.known_to(bandwidth, made)
    theirs = bandwidth.add_call("9900005")
    until(lambda: Call.objects.filter(call_id=theirs.call_id, account=made).exists())
    pk = made.pk
    made.delete()
    until(lambda: not Duty.objects.filter(name=f"sync-{pk}").exists())
    assert not Sync.objects.filter(account=pk).exists()


def test_a_board_that_fills_by_sync_alone_shows_a_new_call_and_an_end_in_time(cast, bandwidth, worker):
    """The list is 2 s late and the interval 2 s: both within 2 s + 1.5 × 2 s. At full size: `benchmarks.sync`."""
    lag = interval = 2.0
    latest = lag + 1.5 * interval
    bandwidth.lag = lag
    worker(SYNC_SECONDS=interval)
    followed(cast.acme_account)
    took = []
    for pause in (0.3, 0.9, 1.4):
        time.sleep(pause)
        theirs = bandwidth.add_call("9900001", state="initiated")
        took.append(seconds_until(lambda theirs=theirs: Call.objects.filter(call_id=theirs.call_id).exists()))
        theirs.hang_up()
        took.append(seconds_until(lambda theirs=theirs: Call.objects.get(call_id=theirs.call_id).ended_at))
    assert min(took) >= lag
    assert max(took) <= latest, took
    sync = Sync.objects.get(account=cast.acme_account)
    assert len(sync.appeared) == 3
    assert all(lag - 1.0 <= seconds <= latest for seconds in sync.appeared)  # Bandwidth's clock has seconds


def seconds_until(condition):
    began = time.monotonic()
    until(condition, 15)
    return time.monotonic() - began


def test_calls_that_were_there_before_say_nothing_of_how_late_calls_appear(cast, bandwidth, turn):
    for minutes in (1, 5, 14):
        bandwidth.add_call("9900001", start=datetime.now(UTC) - timedelta(minutes=minutes))
    turn(), turn()
    assert Call.objects.count() == 3
    assert Sync.objects.get().appeared == []
    bandwidth.add_call("9900001")
    turn()
    [seconds] = Sync.objects.get().appeared
    assert 0 <= seconds < 2

"""What a worker asks of Bandwidth to follow an account, and what it makes of the answers."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
from django.db import OperationalError, connections
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from voicedash.bandwidth.fake import Fault, messages
from voicedash.bandwidth.fake.traffic import add_past
from voicedash.calls import tracking
from voicedash.calls.models import Call, Sync
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Board
from voicedash.worker import sync
from voicedash.worker.models import Duty

MINUTE = timedelta(minutes=1)
NEAR = timedelta(seconds=4)


def ago(minutes):
    return datetime.now(UTC) - minutes * MINUTE


def version(cast):
    return Board.objects.get(tenant=cast.acme).version


def asked(work):
    """The statements of a piece of work, without those that only begin and end transactions."""
    with CaptureQueriesContext(connections["default"]) as captured:
        work()
    found = [query["sql"] for query in captured]
    return [sql for sql in found if not sql.startswith(("BEGIN", "COMMIT"))]


def test_live_calls_come_by_themselves_and_grey_by_themselves(cast, bandwidth, turn):
    theirs = bandwidth.add_call("9900001", start=ago(1))
    bandwidth.add_call("9900001", state="disconnected", start=ago(2), ended=ago(1))
    turn()
    call = Call.objects.get()
    assert (call.call_id, call.state, call.ended_at) == (theirs.call_id, "answered", None)
    assert call.listed_at is not None
    theirs.hang_up()
    turn()
    call.refresh_from_db()
    assert (call.state, call.ended_at is not None) == ("disconnected", True)


def test_without_news_no_row_no_version_and_no_lock_of_the_tenants(cast, bandwidth, turn):
    for number in range(30):
        bandwidth.add_call("9900001", start=ago(number))
    for _ in range(2):
        turn()
    before, at = list(Call.objects.order_by("pk").values()), version(cast)
    statements = asked(turn)
    assert (list(Call.objects.order_by("pk").values()), version(cast)) == (before, at)
    written = {sql.split()[1] for sql in statements if sql.startswith("UPDATE")}
    assert written == {'"worker_duty"', '"calls_sync"'}
    assert not [sql for sql in statements if sql.startswith(("INSERT", "DELETE"))]


def test_the_cost_is_that_of_what_is_new_and_live_whatever_a_day_holds(cast, bandwidth, turn, lists):
    counts = []
    for past in (400, 4000):
        add_past(bandwidth, "9900001", past, seconds=3 * 3600)
        for _ in range(4):
            turn()
        lists()
        Sync.objects.update(deep_at=Now())
        counts.append(len(asked(turn)))
        assert len(lists()) == 1
    # A page is looked up a hundred calls at a time: of the second floor some 50 began in the last two minutes.
    assert counts[0] == counts[1]


def test_a_page_of_1000_calls_without_news_is_ten_queries(cast, bandwidth, turn):
    turn(), turn()
    quiet = len(asked(turn))
    for _ in range(1000):
        bandwidth.add_call("9900001", state="disconnected", start=ago(1), ended=ago(0.5))
    turn()
    assert len(asked(turn)) - quiet == 10


def test_every_list_overlaps_the_last_by_two_minutes_and_once_a_minute_by_fifteen(cast, bandwidth, turn, lists):
    newest = bandwidth.add_call("9900001", start=ago(3))
    add_past(bandwidth, "9900001", sync.FEW + 1, seconds=600, until=ago(4))
    turn(), turn()
    lists()

    def overlap():
        turn()
        [(since, until)] = lists()
        assert until is None
        return newest.created - since

    assert abs(overlap() - 2 * MINUTE) < NEAR
    Sync.objects.update(deep_at=Now() - MINUTE)
    assert abs(overlap() - 15 * MINUTE) < NEAR
    assert abs(overlap() - 2 * MINUTE) < NEAR


def test_where_few_calls_begin_each_list_goes_back_far_as_it_costs_no_more(cast, bandwidth, turn, lists):
    newest = bandwidth.add_call("9900001", start=ago(3))
    turn(), turn()
    lists()
    theirs = bandwidth.add_call("9900001", start=ago(14))
    turn()
    assert newest.created - lists()[0][0] >= 15 * MINUTE - NEAR
    assert Call.objects.filter(call_id=theirs.call_id).exists()


def test_a_start_in_the_year_2099_is_shown_and_does_not_take_the_window_with_it(cast, bandwidth, turn, lists):
    newest = bandwidth.add_call("9900001", start=ago(1))
    odd = bandwidth.add_call("9900001", start=datetime(2099, 1, 1, tzinfo=UTC))
    turn(), turn()
    lists()
    assert Call.objects.filter(call_id=odd.call_id, ended_at=None).exists()
    state = turn()
    assert abs(state.newest_start - newest.created) < NEAR
    later = bandwidth.add_call("9900001")
    odd.hang_up()
    assert len(turn().appeared) == 1
    assert Call.objects.filter(call_id=later.call_id).exists()
    assert Call.objects.get(call_id=odd.call_id).ended_at is not None
    assert [since for since, _ in lists() if since > ago(0)] == []


@pytest.mark.parametrize("hours", [5, -5])
def test_a_clock_of_ours_that_is_wrong_hides_no_call(cast, bandwidth, turn, lists, monkeypatch, hours):
    bandwidth.add_call("9900001", start=ago(5))
    real = database_time
    monkeypatch.setattr(sync, "database_time", lambda: real() + timedelta(hours=hours))
    turn()
    assert lists()[1][0] <= ago(15) + NEAR
    later = bandwidth.add_call("9900001")
    turn()
    assert Call.objects.count() == 2
    assert Call.objects.filter(call_id=later.call_id).exists()


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "always"])
@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_of_theirs_that_is_wrong_hides_no_call(cast, bandwidth, turn, monkeypatch, hours, lasting):
    with monkeypatch.context() as wrong:
        wrong.setattr(messages, "formatdate", lambda usegmt: formatdate(time.time() + hours * 3600, usegmt=True))
        turn()
    if lasting:
        monkeypatch.setattr(messages, "formatdate", lambda usegmt: formatdate(time.time() + hours * 3600, usegmt=True))
    turn()
    theirs = bandwidth.add_call("9900001")
    turn(), turn()
    assert Call.objects.filter(call_id=theirs.call_id).exists()


def test_a_newest_start_that_lies_ahead_is_brought_back_to_now(cast, bandwidth, turn):
    turn(), turn()
    Sync.objects.update(newest_start=ago(-40))
    theirs = bandwidth.add_call("9900001")
    assert abs(turn().newest_start - ago(0)) < NEAR
    assert Call.objects.get().call_id == theirs.call_id


def test_one_unreadable_call_in_the_middle_takes_nothing_from_the_rest(cast, bandwidth, turn):
    turn()
    good = {"state": "answered", "startTime": ago(1).isoformat(), "lastUpdate": ago(1).isoformat()}
    page = [
        {"callId": "c-one", **good},
        {"callId": ["c-bad"], **good},
        "nonsense",
        None,
        {"callId": "c-odd", "state": 7, "startTime": "soon", "from": {"a": 1}, "lastUpdate": 12},
        {"callId": "c-two", **good},
    ]
    bandwidth.script(Fault("page", status=200, body=json.dumps(page).encode()), on="list")
    assert turn().failures == 0
    assert set(Call.objects.values_list("call_id", flat=True)) == {"c-one", "c-odd", "c-two"}


def test_what_a_first_page_told_stays_when_the_second_fails_and_the_rest_comes_with_the_next(cast, bandwidth, turn):
    turn(), turn()
    for _ in range(1001):
        bandwidth.add_call("9900001", state="disconnected", start=ago(0.5))
    last = bandwidth.add_call("9900001")
    bandwidth.delay_next(0, on="list")
    bandwidth.html_next(200, on="list")
    assert turn().failures == 1
    assert not Call.objects.exists()
    assert turn().failures == 0
    assert Call.objects.get().call_id == last.call_id


def test_a_database_that_was_locked_costs_one_turn_and_not_the_whole_lease(cast, bandwidth, turn, monkeypatch):
    turn()
    with monkeypatch.context() as locked:
        locked.setattr(tracking, "learn", failing)
        with pytest.raises(OperationalError):
            turn()
    [duty] = Duty.objects.filter(name__startswith=sync.PREFIX)
    assert duty.lease_until is None
    assert (duty.due_at - datetime.now(UTC)).total_seconds() < 6
    assert turn().failures == 0


def failing(*told, **how):
    raise OperationalError("database is locked")


def test_told_to_stop_it_gives_the_account_back_at_once(cast, bandwidth, turn):
    bandwidth.add_call("9900001", start=ago(1))
    turn(stop=True)
    assert sync.due() == [cast.acme_account.pk]


def test_switched_off_nothing_is_asked(cast, bandwidth, turn, settings):
    turn()
    settings.SYNC_SECONDS = 0
    assert sync.due() == []


@pytest.mark.parametrize("lost", [True, False], ids=["taken by another", "held"])
def test_what_was_read_by_one_that_slept_is_not_taken_in(cast, bandwidth, turn, monkeypatch, lost):
    """Its page is old when it wakes: what has ended since would come to life again."""
    turn()
    bandwidth.add_call("9900001", start=ago(1))
    monkeypatch.setattr(sync._Cycle, "_hold", _slept(sync._Cycle._hold, lost))
    turn()
    assert Call.objects.exists() != lost


def _slept(hold, lost):
    def held(cycle):
        cycle.renewed -= 60
        if lost:
            Duty.objects.update(lease_until=Now() - MINUTE)
        hold(cycle)

    return held

"""Pause all where it is not plain: a list whose writer dies, several legs, one that is not known, two at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from tests.calls.test_everyone import finished, press, until
from voicedash.calls import board, bulk, bulk_lists, bulk_work, claims, due, groups
from voicedash.calls.bulk_settling import Settling, Written
from voicedash.calls.groups import Answered
from voicedash.calls.models import Bulk, BulkItem, Call, Command, Conversation, Outcome, Wanted
from voicedash.calls.places import Places
from voicedash.calls.press import Claim, Press
from voicedash.tenants.board import database_time


@pytest.fixture
def ana(cast, sign_in):
    return sign_in(cast.ana)


def test_a_long_list_whose_writer_dies_is_made_whole_and_worked_by_another(
    ana, cast, bandwidth, live_call, monkeypatch
):
    calls = [live_call(cast.acme_account) for _ in range(9)]
    monkeypatch.setattr(bulk_lists, "CHUNK", 4)
    with monkeypatch.context() as dead:  # as if it was killed right after the press was stored
        dead.setattr(threading.Thread, "start", lambda self: None)
        assert "9 calls of the whole floor" in press(ana).text
    one = Bulk.objects.get()
    assert (BulkItem.objects.count(), len(one.listed), bulk.left()) == (4, 5, [])
    assert "Pausing 9 calls" in ana.get("/t/acme/").text
    Bulk.objects.update(heard_at=Now() - timedelta(minutes=1))
    assert bulk.left() == [one.pk]
    bulk.take_over(one.pk, threading.Event())
    one.refresh_from_db()
    assert (BulkItem.objects.count(), one.listed, one.finished_at is None) == (9, [], False)
    assert {theirs.recorder for _, theirs in calls} == {"paused"}
    assert len(bandwidth.puts) == 9


def test_legs_of_one_call_count_once_and_one_that_bandwidth_does_not_know_is_told(ana, cast, bandwidth, live_call):
    alone, _ = live_call(cast.acme_account)
    legs = [live_call(cast.acme_account)[0] for _ in range(2)]
    others = [live_call(cast.acme_account)[0] for _ in range(2)]
    for some in (legs, others):
        whole = Conversation.objects.create(tenant=cast.acme, root=some[0].call_id)
        Call.objects.filter(pk__in=[leg.pk for leg in some]).update(conversation=whole)
    bandwidth.fail_next(404, call_id=others[1].call_id, times=99)
    assert "Pause 3 calls (5 legs) of the whole floor?" in ana.post("/t/acme/pause-all/").text
    press(ana)
    finished()
    assert "4 paused, 1 failed" in ana.get("/t/acme/").text
    assert "Bandwidth does not know this call now" in ana.get("/t/acme/").text
    assert Command.objects.filter(outcome="acknowledged").count() == 4
    assert board.row(alone).word == "Paused"
    for some in (legs, others):
        row = board.conversation(Conversation.objects.get(root=some[0].call_id))[0]
        assert (row.recording, row.asking) == ("paused", "")
    assert (row.line, row.note) == ("on 1 of 2 legs", "Bandwidth does not know the other")
    # voicedash goes on asking for that leg by itself.
    assert [one.call_pk for one in due.again(database_time() + timedelta(minutes=1))] == [others[1].pk]


def test_two_presses_on_everyone_share_the_places_of_their_account(
    ana, cast, sign_in, bandwidth, live_call, monkeypatch
):
    monkeypatch.setattr(bulk_work, "AT_ONCE", 4)
    monkeypatch.setattr(bulk_work, "_places", Places(4))
    calls = [live_call(cast.acme_account) for _ in range(12)]
    Call.objects.filter(pk__in=[ours.pk for ours, _ in calls[:6]]).update(team="Sales")
    Call.objects.filter(pk__in=[ours.pk for ours, _ in calls[6:]]).update(team="Support")
    bandwidth.hold(cast.acme_account.account_id, on="put")
    press(ana, team="Sales")
    press(sign_in(cast.mia), team="Support")
    until(lambda: len(bandwidth.puts) == 4)
    assert Command.objects.filter(state="claimed").count() == 4
    bandwidth.release_all()
    finished()
    assert {theirs.recorder for _, theirs in calls} == {"paused"}
    assert Bulk.objects.count() == 2
    assert len(bandwidth.puts) == 12
    at = sorted((moment, step) for put in bandwidth.puts for moment, step in ((put.at, 1), (put.effect_at, -1)))
    in_flight = most = 0
    for _, step in at:
        in_flight += step
        most = max(most, in_flight)
    assert most <= 4


def test_what_cannot_be_written_together_while_the_process_ends_is_written_one_by_one(cast, live_call, monkeypatch):
    """The pool takes nothing more by then; the bulk must not wait for ever for what nobody writes."""
    call, _ = live_call(cast.acme_account)
    claimed = claims.claim(Press(cast.acme.pk, call.pk, Wanted.PAUSED, cast.ana))
    assert isinstance(claimed, Claim)

    def locked(*_: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(groups, "settle", locked)
    work = bulk_work.Work(0, uuid4(), threading.Event())
    work.pool = ThreadPoolExecutor(1)
    work.pool.shutdown()
    settling = Settling(cast.acme.pk, work._alone, work.answered.put)
    settling.put([Answered(claimed, Outcome.UNREACHABLE, [])])
    settling.close()
    assert work.answered.get(timeout=1) == Written(1, [])
    assert Command.objects.get().outcome == Outcome.UNREACHABLE

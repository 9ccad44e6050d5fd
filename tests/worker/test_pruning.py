"""What was kept for its days goes, in small transactions: ended calls, and numbers; never a live call, never the log."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from tests.calls.doubting import acknowledged, doubted, until
from voicedash.audit import log, proof
from voicedash.audit.models import Entry
from voicedash.calls import recording
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.board import take_away, writing
from voicedash.tenants.models import Board, Tenant
from voicedash.worker import duties, pruning
from voicedash.worker.models import Duty


@pytest.fixture
def held():
    duties.make_known("pruning")
    taken = duties.take("pruning", uuid4())
    assert taken is not None
    return taken


def prune(held):
    return pruning.prune(held, threading.Event())


@pytest.fixture
def ended(cast, live_call):
    """A call that ended so many days ago, with a pause and a doubted resume in its past."""

    def made(days, account=None, **columns):
        call, _ = live_call(account or cast.acme_account)
        doubted(call, "recording", by=cast.mia, ago=60)
        acknowledged(call, "paused", by=cast.ana, ago=50)
        Call.objects.filter(pk=call.pk).update(ended_at=Now() - timedelta(days=days, minutes=1), **columns)
        return call

    return made


def test_each_tenant_keeps_its_calls_and_numbers_for_its_own_days(cast, ended, held):
    Tenant.objects.filter(pk=cast.acme.pk).update(keep_calls_days=30, keep_numbers_days=7)
    Tenant.objects.filter(pk=cast.globex.pk).update(keep_calls_days=365, keep_numbers_days=90)
    gone, erased, fresh = ended(31), ended(8), ended(6)
    kept, old = ended(89, cast.globex_account), ended(300, cast.globex_account)
    assert prune(held)
    assert set(Call.objects.all()) == {erased, fresh, kept, old}
    with_numbers = Call.objects.exclude(from_address="", to_address="")
    assert set(with_numbers) == {fresh, kept}
    assert set(Call.objects.filter(numbers_erased_at__isnull=False)) == {erased, old}
    assert not Command.objects.filter(call_id=gone.pk).exists()
    assert Command.objects.filter(call=erased).count() == 2  # what was asked about it stays, and tells nobody's number


def test_a_board_that_slept_until_its_calls_were_deleted_is_read_anew_and_one_that_is_up_to_date_is_not(
    cast, ended, held, sign_in
):
    Tenant.objects.update(keep_calls_days=1)
    with writing(cast.acme.pk) as stamp:
        before = stamp.version
    for _ in range(2):
        call = ended(5)
        with writing(cast.acme.pk) as stamp:
            Call.objects.filter(pk=call.pk).update(version=stamp.version)
    with writing(cast.acme.pk) as after:
        pass
    assert prune(held)
    ana = sign_in(cast.ana)
    pages = [
        ana.get(f"/t/acme/?since={since}", headers={"X-Background": "1"}).content.decode()
        for since in (before, stamp.version - 1, stamp.version, after.version)
    ]
    assert ["data-anew" in page for page in pages] == [True, True, False, False]
    assert Board.objects.get(tenant=cast.globex).floor == 0
    # What still stays does not bring the floor down again.
    with writing(cast.acme.pk):
        take_away(cast.acme.pk, before)
    assert Board.objects.get(tenant=cast.acme).floor == stamp.version


def test_it_never_touches_a_live_call(cast, bandwidth, live_call, held):
    Tenant.objects.update(keep_calls_days=1, keep_numbers_days=1)
    for state in ("assumed", "recording", "paused", "unconfirmed"):
        call, _ = live_call(cast.acme_account)
        Call.objects.filter(pk=call.pk).update(recording=state, added_at=Now() - timedelta(days=900))
    before = list(Call.objects.order_by("pk").values())
    prune(held)
    assert list(Call.objects.order_by("pk").values()) == before
    assert not Entry.objects.exists()


def test_a_call_that_came_back_to_life_keeps_everything(cast, bandwidth, live_call, held, monkeypatch):
    """It is found, and revived by a 200 before its batch has the tenant's lock."""
    Tenant.objects.update(keep_calls_days=1)
    call, _ = live_call(cast.acme_account)
    Call.objects.update(ended_at=Now() - timedelta(days=2))
    real = duties.writing_for

    def slow(*told):
        if Call.objects.filter(ended_at__isnull=False).exists():
            assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
        return real(*told)

    monkeypatch.setattr(duties, "writing_for", slow)
    prune(held)
    assert Call.objects.get().recording == "paused"
    assert Command.objects.count() == 1


def test_no_transaction_changes_more_than_a_hundred_rows(cast, held):
    Tenant.objects.update(keep_calls_days=30)
    ended_at = Now() - timedelta(days=31)
    calls = Call.objects.bulk_create(
        Call(tenant=cast.acme, account=cast.acme_account, call_id=f"c-{n}", added_at=Now(), ended_at=ended_at)
        for n in range(130)
    )
    told = {"wanted": "paused", "state": "closed", "asked_at": Now(), "expires_at": Now(), "version": 1}
    commands = Command.objects.bulk_create(Command(call=calls[n % 120], **told) for n in range(160))
    for call, command in zip(calls, commands[:120], strict=False):
        Call.objects.filter(pk=call.pk).update(acknowledged=command, last_pause=command)
    Attempt.objects.bulk_create(
        Attempt(command=command, number=1, began_at=Now(), result="acknowledged") for command in commands
    )
    transactions: list[int] = []

    def count(execute, sql, params, many, context):
        done = execute(sql, params, many, context)
        if sql.startswith("UPDATE tenants_board"):  # each begins with the tenant's lock
            transactions.append(0)
        elif sql.startswith(("DELETE", 'UPDATE "calls_')):
            transactions[-1] += max(0, context["cursor"].rowcount)
        return done

    with connection.execute_wrapper(count):
        assert prune(held)
    assert max(transactions) <= 100
    assert sum(transactions) >= 130 + 160 + 160
    assert (Call.objects.count(), Command.objects.count(), Attempt.objects.count()) == (0, 0, 0)
    assert [e.data["calls"] for e in Entry.objects.filter(verb="calls.deleted").order_by("seq")] == [100, 30]


def test_the_log_keeps_its_entries_and_stays_whole(cast, bandwidth, live_call, held):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    Call.objects.update(ended_at=Now() - timedelta(days=500))
    prune(held)
    assert not Call.objects.exists()
    verbs = list(Entry.objects.order_by("seq").values_list("verb", flat=True))
    assert verbs == ["recording.asked", "recording.answered", "calls.deleted"]
    assert proof.fault_in(log.of_tenant(cast.acme.pk)) is None


def test_with_nothing_to_do_it_takes_no_lock(cast, ended, held):
    ended(5)
    with CaptureQueriesContext(connections["default"]) as asked:
        assert prune(held)
    assert all(query["sql"].lstrip().startswith("SELECT") for query in asked)


def test_a_holder_that_slept_writes_nothing_once_another_has_the_duty(cast, ended, held):
    Tenant.objects.update(keep_calls_days=1)
    ended(5)
    assert duties.take("pruning", uuid4()) is None
    Duty.objects.update(lease_until=Now() - timedelta(seconds=1))
    with pytest.raises(duties.Lost):  # its lease is over, even if nobody has taken the duty yet
        prune(held)
    other = duties.take("pruning", uuid4())
    assert other.fence == held.fence + 1
    with pytest.raises(duties.Lost):
        prune(held)
    duties.give_back(held, due_in=0)
    assert Duty.objects.get().lease_until is not None  # not its own any more to give back
    assert Call.objects.count() == 1
    assert prune(other)
    assert Call.objects.count() == 0


def test_told_to_stop_it_stops_between_two_batches(cast, ended, held):
    Tenant.objects.update(keep_calls_days=1)
    ended(5)
    told = threading.Event()
    told.set()
    assert not pruning.prune(held, told)
    assert Call.objects.count() == 1


def test_of_many_workers_one_takes_the_duty_and_it_comes_again(cast, threads):
    duties.make_known("pruning")
    taken = [threads.submit(duties.take, "pruning", uuid4()) for _ in range(8)]
    [mine] = [one.result() for one in taken if one.result()]
    duties.give_back(mine, due_in=3600)
    assert not duties.is_due("pruning")
    Duty.objects.update(due_at=Now())
    assert duties.take("pruning", uuid4()).fence == mine.fence + 1


def test_a_worker_prunes_what_one_that_was_killed_left(cast, ended, worker):
    """The dead one's lease is over after a while; then the next goes on."""
    Tenant.objects.update(keep_calls_days=1)
    ended(5)
    duties.make_known("pruning")
    dead = duties.take("pruning", uuid4())
    Duty.objects.update(lease_until=Now() + timedelta(seconds=1))
    worker(0.1)
    until(lambda: not Call.objects.exists())
    until(lambda: Duty.objects.get(pk="pruning").lease_until is None)
    assert Duty.objects.get(pk="pruning").fence == dead.fence + 1

"""What an acknowledged pause rests on: how each engine is opened, what waits for what, and reads of one moment."""

import threading
import time

import pytest
from django.db import Error, connection, connections, transaction

from voicedash.tenants import board
from voicedash.tenants.board import snapshot, writing
from voicedash.tenants.models import Tenant

sqlite_only = pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's settings")
postgresql_only = pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL's settings")
pytestmark = pytest.mark.usefixtures("cast")


def told(question, alias="default"):
    with connections[alias].cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def renamed(tenant, name, answers):
    """Another connection writes and commits."""
    try:
        with writing(tenant.pk):
            Tenant.objects.filter(pk=tenant.pk).update(name=name)
        answers.append("written")
    except Error as error:
        answers.append(str(error))
    finally:
        connections.close_all()


def elsewhere(tenant, name):
    """What becomes of a writer in another thread; waits for it at most as long as it waits for a lock, and a little."""
    answers: list[str] = []
    thread = threading.Thread(target=renamed, args=(tenant, name, answers))
    thread.start()
    thread.join(10)
    return answers


@sqlite_only
@pytest.mark.parametrize("alias", ["default", "snapshot"])
def test_sqlite_keeps_what_it_has_committed_through_a_power_cut(alias):
    assert told("PRAGMA journal_mode", alias) == "wal"
    assert told("PRAGMA synchronous", alias) == 2  # FULL: the log is on the disk before a commit returns
    assert told("PRAGMA busy_timeout", alias) == 2000
    assert told("PRAGMA foreign_keys", alias) == 1


@sqlite_only
def test_a_transaction_on_sqlite_has_the_writers_lock_before_it_reads(cast):
    """Otherwise it would fail half way, when somebody else wrote between its read and its write."""
    with transaction.atomic():
        assert Tenant.objects.count() == 2
        began = time.monotonic()
        assert elsewhere(cast.acme, "Written beside it") == ["database is locked"]
        assert 1.5 < time.monotonic() - began < 4
    assert elsewhere(cast.acme, "Written after it") == ["written"]


@postgresql_only
def test_nothing_on_postgresql_waits_without_end():
    limits = {"lock_timeout": "2s", "statement_timeout": "30s", "idle_in_transaction_session_timeout": "5s"}
    assert {name: told(f"SHOW {name}") for name in limits} == limits
    assert told("SHOW transaction_isolation") == "read committed"  # a claim must see what others committed
    assert told("SHOW synchronous_commit") == "on"
    assert told("SHOW application_name") == "voicedash"


def test_who_cannot_have_a_tenants_lock_is_told_after_two_seconds_and_another_tenant_is_free(cast):
    with transaction.atomic():
        board.begin(cast.acme.pk)
        began = time.monotonic()
        (answer,) = elsewhere(cast.acme, "No")
        assert "lock" in answer and 1.5 < time.monotonic() - began < 4
        if connection.vendor == "postgresql":  # on SQLite there is one writer for all
            assert elsewhere(cast.globex, "Globex and friends") == ["written"]


def test_a_snapshot_sees_one_moment_and_keeps_nobody_from_writing(cast):
    with snapshot() as alias:
        names = Tenant.objects.using(alias).order_by("slug").values_list("name", flat=True)
        assert list(names.all()) == ["Acme Support", "Globex Care"]
        began = time.monotonic()
        assert elsewhere(cast.acme, "Acme, renamed") == ["written"]
        assert time.monotonic() - began < 1.8
        assert list(names.all()) == ["Acme Support", "Globex Care"]
        with pytest.raises(Error), transaction.atomic(using=alias):
            Tenant.objects.using(alias).filter(pk=cast.acme.pk).update(name="Not here")
    with snapshot() as alias:
        assert list(names.using(alias)) == ["Acme, renamed", "Globex Care"]


@postgresql_only
def test_after_a_snapshot_the_connection_is_as_before(cast):
    """It goes back into the pool: the next one must see what is committed, and write."""
    with snapshot() as alias:
        assert told("SHOW transaction_isolation", alias) == "repeatable read"
        assert told("SHOW transaction_read_only", alias) == "on"
    assert told("SHOW transaction_isolation") == "read committed"
    assert told("SHOW transaction_read_only") == "off"


@postgresql_only
def test_a_process_that_is_stopped_in_a_transaction_loses_the_tenants_lock(cast):
    """Its machine sleeps, say. The server ends its session; what it had written is gone, and it is told."""

    def stopped():
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 300")  # 5 s: too long for a test
            board.begin(cast.acme.pk)
            Tenant.objects.filter(pk=cast.acme.pk).update(name="Half done")
            assert elsewhere(cast.acme, "Acme, renamed") == ["written"]  # within the 2 s that a lock is waited for
            Tenant.objects.count()

    with pytest.raises(Error, match=r"idle.in.transaction"):
        stopped()
    connection.close()
    assert Tenant.objects.get(pk=cast.acme.pk).name == "Acme, renamed"

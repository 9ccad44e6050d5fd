"""`/healthz`: the process lives, whatever else is wrong. `/readyz`: all is there that voicedash promises with."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now

from tests.live.wire import PRESS, Site, request, serving, until
from voicedash.live import health
from voicedash.live.health import OK, Health, Readiness
from voicedash.live.lanes import Limits
from voicedash.tenants import workers
from voicedash.tenants.models import Worker

with_database = pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])
database = pytest.mark.database
ALL_THERE = Readiness(OK, OK, OK)


def ready(site: Site) -> tuple[int, dict[str, Any]]:
    status, rest = site.ask(request("GET", "/readyz"))
    assert b"content-type: application/json\r\n" in rest and b"cache-control: no-store\r\n" in rest
    return status, json.loads(rest.partition(b"\r\n\r\n")[2])


def look() -> Readiness:
    """As the server does: in a thread that has no connection yet."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(health.look).result()


def test_the_process_says_that_it_lives_while_every_thread_is_taken() -> None:
    with serving(pages=Limits(threads=1, backlog=0), presses=Limits(threads=1, backlog=0)) as site:
        site.hold("/hold", 1)
        site.hold(PRESS, 1, "POST")
        assert site.ask(request("GET", "/"))[0] == 503
        status, rest = site.ask(request("GET", "/healthz"))
        assert status == 200
        assert rest.endswith(b"\r\n\r\nok")
        assert site.ask(request("HEAD", "/healthz"))[1].endswith(b"\r\n\r\n")
    assert site.tiny.begun == ["/hold", PRESS]


def test_it_says_so_by_whatever_name_it_is_asked() -> None:
    with serving() as site:
        assert site.ask(b"GET /healthz HTTP/1.1\r\nHost: 10.1.2.3:8000\r\nConnection: close\r\n\r\n")[0] == 200


def test_only_reading_asks_and_a_body_is_not_taken_for_the_next_request() -> None:
    with serving() as site:
        status, rest = site.ask(
            b"POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nGET / HTTP/1.1\r\n\r\n.."
        )
    assert status == 405
    assert b"allow: GET, HEAD\r\n" in rest and b"HTTP/1.1" not in rest
    assert site.tiny.begun == []


def test_however_many_ask_one_look_is_under_way_and_its_answer_is_given_for_a_second() -> None:
    looks: list[float] = []
    gate = threading.Event()

    def counted() -> Readiness:
        looks.append(time.monotonic())
        gate.wait(10)
        return ALL_THERE

    with serving() as site, ThreadPoolExecutor(20) as many:
        site.application.health = Health(counted)
        asked = [many.submit(ready, site) for _ in range(20)]
        until(lambda: len(looks) == 1)
        gate.set()
        assert {answer.result()[0] for answer in asked} == {200}
        assert ready(site) == (200, {"ready": True, "database": "ok", "migrations": "ok", "worker": "ok"})
        assert len(looks) == 1
        until(lambda: ready(site)[0] == 200 and len(looks) == 2)
        assert looks[1] - looks[0] >= health.FRESH


def test_a_look_that_hangs_is_told_in_time_and_the_next_one_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.2)
    monkeypatch.setattr(health, "FRESH", 0.0)
    gate = threading.Event()
    looks: list[int] = []

    def hang() -> Readiness:
        looks.append(1)
        gate.wait(10)
        return ALL_THERE

    with serving() as site:
        site.application.health = Health(hang)
        for _ in range(3):
            status, told = ready(site)
            assert (status, told["database"]) == (503, "does not answer in time")
        assert site.ask(request("GET", "/healthz"))[0] == 200
        assert len(looks) == 1
        gate.set()
        until(lambda: ready(site)[0] == 200)


def test_a_fault_of_our_own_is_not_ready_and_is_logged_once_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Readiness:
        raise LookupError("a fault")

    with serving() as site:
        site.application.health = Health(fail)
        assert ready(site) == (
            503,
            {"ready": False, "database": "could not be asked", "migrations": "not known", "worker": "not known"},
        )
    assert "a fault" in caplog.text
    assert "Not ready: database: could not be asked" in caplog.text


@with_database
@database
def test_without_a_worker_it_is_not_ready_and_says_what_that_means() -> None:
    assert look() == Readiness(OK, OK, "none runs: what is due does not happen. Start manage.py worker")
    worker = uuid4()
    workers.beat(worker, "one")
    assert look() == ALL_THERE
    Worker.objects.update(seen_at=Now() - timedelta(seconds=14))
    assert look().ready
    Worker.objects.update(seen_at=Now() - timedelta(seconds=16))
    silent = look()
    assert not silent.ready
    assert silent.worker.startswith("none was heard of since 20")
    workers.beat(worker, "one")
    assert look().ready


@with_database
@database
def test_a_database_that_is_behind_is_not_ready() -> None:
    workers.beat(uuid4(), "one")
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("tenants", "0004_worker")
    try:
        assert look() == Readiness(OK, "1 are missing: run manage.py migrate", "not known")
    finally:
        recorder.record_applied("tenants", "0004_worker")
    assert look().ready


@with_database
@database
def test_a_database_that_is_away_is_told_in_words_that_name_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away: dict[str, Any] = (
        {"NAME": "/nowhere/at/all.sqlite3"} if connection.vendor == "sqlite" else {"HOST": "127.0.0.1", "PORT": "1"}
    )
    away["OPTIONS"] = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "pool"}
    for name, value in away.items():
        monkeypatch.setitem(connections.settings["default"], name, value)
    with serving() as site:
        status, told = ready(site)
        assert (status, told) == (
            503,
            {"ready": False, "database": "does not answer", "migrations": "not known", "worker": "not known"},
        )
        assert site.ask(request("GET", "/healthz"))[0] == 200
    assert "The database does not answer: " in caplog.text  # with the server's own words


@with_database
@database
def test_a_look_leaves_no_connection_behind() -> None:
    left: list[Any] = []

    def once() -> None:
        health.look()
        left.append(connections["default"].connection)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(once).result()
    assert left == [None]

"""Streams in bad weather: no database, a slow reader, a browser that went without a word, a server that stops."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests
from django.conf import settings
from django.db import connection

from tests import looped, sessions
from tests.cast import Cast
from tests.live.house import QUICK, House, add, change, change_all, open_house, session_of, version_of
from tests.live.listening import Ear
from tests.live.wire import until
from tests.sessions import postgresql_only
from voicedash.calls.models import Call
from voicedash.live import channels, events, listeners
from voicedash.live.channels import Stream
from voicedash.live.hub import Pace
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Membership, Tenant

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])]


COOKIE = settings.SESSION_COOKIE_NAME


@pytest.fixture
def house(cast: Cast) -> Iterator[House]:
    with open_house() as running:
        yield running


@contextmanager
def refusing() -> Iterator[None]:
    """The database lets nobody in but us, and those who were in are out. SQLite's is there and cannot be read."""
    if connection.vendor == "postgresql":
        sessions.let_in(False)
        try:
            sessions.end_all_others()
            yield
        finally:
            sessions.let_in(True)
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA legacy_alter_table = ON")  # what refers to the table keeps its name
        cursor.execute("ALTER TABLE tenants_board RENAME TO gone")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE gone RENAME TO tenants_board")
            cursor.execute("PRAGMA legacy_alter_table = OFF")


@contextmanager
def silent() -> Iterator[None]:
    """The database takes every question and does not answer."""
    locked, free = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE tenants_board IN ACCESS EXCLUSIVE MODE")
            locked.set()
            free.wait(20)
            cursor.execute("ROLLBACK")
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    try:
        yield
    finally:
        free.set()
        holder.join()


TROUBLES = [refusing, pytest.param(silent, marks=postgresql_only)]


def blind() -> AbstractContextManager[None]:
    """Who may listen is known; what there is to tell is not."""
    return silent() if connection.vendor == "postgresql" else refusing()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_beat_comes_while_the_database_is_away_and_then_all_is_told(
    house: House, cast: Cast, trouble: Callable[[], AbstractContextManager[None]]
) -> None:
    call, other = add(cast.acme_account, 2)
    ears = [house.ear(cast.ana), house.ear(cast.vic)]
    for ear in ears:
        ear.next("beat")
    with trouble():
        began = time.monotonic()
        told = [ear.next("stale") for ear in ears]
        assert time.monotonic() - began < 1 + QUICK.good
        assert {event.id for event in told} == {ears[0].events[0].id}
        assert QUICK.good <= told[0].json["age"] < QUICK.good + 1
        names = [event.name for event in ears[0].listen(1.0)]
        assert names.count("stale") >= 2 and "beat" not in names  # and it is said again, as a beat would be
        assert ears[0].events[-1].json["age"] > told[0].json["age"] + 0.5
    began = time.monotonic()
    version = change(call, recording="paused")
    for ear in ears:
        told_of = ear.next("changes", "anew", within=3)
        assert told_of.rows == [call.pk] and told_of.id == version
        beat = ear.next("beat", within=3)
        assert timedelta() <= database_time() - datetime.fromisoformat(beat.json["now"]) < timedelta(seconds=2)
    change(other, recording="paused")
    assert ears[0].next("changes", "anew").rows == [other.pk]


def test_a_board_that_cannot_be_drawn_grows_stale_by_itself_and_all_others_go_on(
    house: House, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    Tenant.objects.filter(pk=cast.acme.pk).update(time_zone="America/New_York")
    [ours], [theirs] = add(cast.acme_account), add(cast.globex_account)
    ana, omar = house.ear(cast.ana), house.ear(cast.omar, "globex")
    ana.next("beat")
    omar.next("beat")
    first = datetime(1, 1, 1, tzinfo=UTC)  # five hours before it there is no year
    before = change(ours, start_time=first) - 1
    told = ana.next("stale")
    assert QUICK.good <= told.json["age"] < QUICK.good + 1
    joined = house.ear(cast.vic, since=before)
    joined.next("stale")
    version = change(theirs, recording="paused")
    news = omar.next("changes", within=3)
    assert (news.rows, news.id) == ([theirs.pk], version)
    assert "stale" not in [event.name for event in omar.listen(2 * QUICK.good)]
    assert "beat" not in [event.name for event in ana.listen(0.5)]
    complaints = [record for record in caplog.records if "cannot be drawn" in record.getMessage()]
    assert len(complaints) == 2  # once for each role, not with every look
    assert complaints[0].exc_info
    change(ours, start_time=None)
    assert ana.next("changes", within=3).rows == [ours.pk]
    for ear in (ana, joined):
        ear.next("beat", within=3)


def test_who_comes_while_the_database_is_away_is_told_so_or_sent_away(house: House, cast: Cast) -> None:
    session = session_of(cast.ana)
    house.ear(cast.mia).next("beat")
    with refusing():
        ear = house.ear(session, since=0)
        if ear.status == 503:  # nobody knows whether she may listen
            answer = requests.get(f"{house.url}/t/acme/live/", cookies={COOKIE: session}, timeout=10)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
            assert "database" in answer.text
        else:
            ear.next("stale")
    assert house.streams.listeners.of_user.total() == 1 + (ear.status == 200)
    again = house.ear(session)
    assert again.status == 200 and again.next("beat")


def test_the_first_board_of_a_process_without_a_database_is_not_told_that_all_is_well(house: House, cast: Cast) -> None:
    """Nobody needed a read until now: no beat may come from one that is long past."""
    first = house.ear(cast.ana)
    first.next("beat")
    first.close()
    until(lambda: not house.streams.open)
    time.sleep(QUICK.good)
    began = database_time()
    beat = house.ear(cast.ana).next("beat")
    assert datetime.fromisoformat(beat.json["now"]) >= began - timedelta(seconds=0.5)


def test_before_a_first_look_a_board_is_told_no_version(house: House, cast: Cast) -> None:
    """Coming back with it, a browser would miss all that came before."""
    add(cast.acme_account, 2)
    at, keys = version_of("acme"), [session_of(user) for user in (cast.ana, cast.mia, cast.mia)]
    with blind():
        first = house.ear(keys[0], since=at)
        assert first.next("stale").id == first.next("stale").id == -1
    assert first.next("beat", within=3).id == at
    with blind():
        assert first.next("stale").id == at  # she was told everything up to it
        others = [house.ear(key, since=at - 1) for key in keys[1:]]
        assert {ear.next("stale").id for ear in others} == {-1}
    for ear in others:
        assert ear.next("changes", "anew", within=3).id == at


@pytest.fixture
def patient(cast: Cast) -> Iterator[House]:
    """Asks every two seconds who may listen."""
    with open_house(replace(QUICK, again=2)) as running:
        yield running


def test_a_fault_of_ours_ends_neither_beats_nor_the_question_who_may_listen(
    patient: House, cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[object] = []

    def fail(*told: object) -> None:
        asked.extend(told if len(told) == 1 else [])
        raise ValueError("a fault of ours")

    anas, mias = patient.ear(cast.ana), patient.ear(cast.mia)
    anas.next("beat"), mias.next("beat")
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR, "voicedash.live"):
        broken.setattr(events, "beat", fail)
        broken.setattr(listeners, "_sights", fail)
        until(lambda: len(asked) >= 3)
        Membership.objects.filter(user=cast.ana).delete()
    began = time.monotonic()
    assert anas.finish(3)[-1].name == "bye"
    assert time.monotonic() - began < 1.5  # asked again sooner than it would have been
    mias.listen(0.2)
    assert mias.next("beat", within=3)
    assert {record.getMessage() for record in caplog.records if record.exc_info} == {
        "the open boards could not be told how live they are",
        "whether those who listen still may could not be asked",
    }


def test_after_the_last_word_of_a_stream_nothing_comes() -> None:
    async def told() -> list[list[bytes]]:
        stream = Stream(None)
        stream.put(b"one", b"anew")
        stream.end(b"bye")
        stream.put(b"two", b"anew")
        stream.end(b"bye again")
        return [await stream.next(), await stream.next()]

    assert looped.run(told()) == [[b"one", b"bye"], []]


def flood(calls: list[Call], ear: Ear, times: int) -> int:
    """So many changes of all calls, each told to `ear` before the next; gives the last version."""
    for at in range(times):
        version = change_all(calls, state=("answered", "initiated")[at % 2])
        while ear.next("changes").id < version:
            pass
    return version


BUSY = Pace(look=0.02, share=0, beat=0.2, drop=1)  # looks again at once, whatever that costs
ROOM = 32768


def test_who_reads_slowly_holds_up_nobody_and_fetches_anew(cast: Cast) -> None:
    with open_house(replace(BUSY, drop=30), room=ROOM) as house:
        calls = add(cast.acme_account, 100)
        quick, slow = house.ear(cast.ana), house.ear(cast.mia, room=ROOM)
        quick.next("beat")
        slow.next("beat")
        before = version_of("acme")
        last = flood(calls, quick, 12)  # some 100 KB each
        assert [event.name for event in quick.events].count("anew") == 0
        assert all(listener.stream.bytes <= channels.QUEUE_BYTES for listener in house.streams.open)
        anew = slow.next("anew")
        assert before < anew.id <= last
        told = [event for event in slow.events if event.name == "changes"]
        assert len(told) < 12  # not all of it was kept for her
        version = change(calls[0], recording="paused")
        while (event := slow.next("changes", "anew")).id < version:
            pass
        assert event.rows == [calls[0].pk]


def test_who_takes_nothing_for_long_is_gone(cast: Cast) -> None:
    with open_house(BUSY, room=ROOM) as house:
        calls = add(cast.acme_account, 100)
        quick, deaf = house.ear(cast.ana), house.ear(cast.mia, room=ROOM)
        quick.next("beat")
        deaf.next("beat")
        flood(calls, quick, 5)
        until(lambda: len(house.streams.open) == 1)
        assert house.streams.listeners.of_user == {cast.ana.pk: 1}
        assert quick.next("beat")

"""Callbacks in bad weather: too large, too slow, too many, no database, a process that dies. None taken is lost."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import requests
from django.db import OperationalError

from tests.calls.locking import locked
from tests.cast import Cast
from tests.live.posting import Customer, basic, customer, event
from tests.live.wire import PRESS, Site, answer, request, serving, until
from tests.serving import Node
from voicedash.bandwidth.fake import Fake, Weather
from voicedash.bandwidth.fake.world import now
from voicedash.calls.models import Call
from voicedash.live.bodies import Bodies
from voicedash.live.lanes import Limits
from voicedash.live.models import OddCallback
from voicedash.live.store import Limits as StoreLimits
from voicedash.live.store import Store

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])]


@pytest.fixture
def site(cast: Cast) -> Iterator[Site]:
    """Lanes with one thread each and no place to wait for it."""
    with serving(pages=Limits(threads=1, backlog=0), presses=Limits(threads=1, backlog=0)) as running:
        yield running


@pytest.fixture
def acme(site: Site, cast: Cast) -> Customer:
    return customer(f"http://127.0.0.1:{site.port}", cast.acme)


def limit(site: Site, **limits: Any) -> None:
    callbacks = site.application.callbacks
    callbacks.store = Store(callbacks.store._write, StoreLimits(**limits))


# --- Size and time ---------------------------------------------------------------------------


@pytest.mark.parametrize("length", [10**9, 300_000, 100])
def test_who_signs_in_wrongly_is_refused_before_a_byte_of_the_body(site: Site, acme: Customer, length: int) -> None:
    wrong = f"Authorization: {basic(acme.username, 'wrong')}"
    for given in ([], [wrong]):
        with site.send(acme.head(*given, f"Content-Length: {length}", "Connection: close")) as connection:
            status, rest = answer(connection)  # the body has not come, and will not
        assert status == 401
        assert b"www-authenticate: Basic realm=" in rest


def test_a_challenge_before_the_body_leaves_the_connection_to_the_second_request(site: Site, acme: Customer) -> None:
    body = b'{"eventType": "initiate", "callId": "c-1", "accountId": "9900001"}'
    length = f"Content-Length: {len(body)}"
    with site.send(acme.head(length)) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 401")
        connection.sendall(body)  # which was on its way
        signed = acme.head(length, f"Authorization: {acme.authorization}", "Connection: close")
        connection.sendall(signed + body)
        assert answer(connection)[0] == 204
    assert Call.objects.get().call_id == "c-1"


def test_a_challenge_reaches_whoever_sends_the_body_late_and_closes(site: Site, acme: Customer) -> None:
    for _ in range(20):
        with site.send(acme.head("Content-Length: 40000", "Connection: close")) as connection:
            connection.sendall(b"x" * 40_000)
            assert answer(connection)[0] == 401


def test_a_body_that_trickles_behind_its_refusal_is_not_waited_for_without_end(
    site: Site, acme: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicedash.live.protocol.HEAD_SECONDS", 0.5)
    with site.send(acme.head("Content-Length: 1000")) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 401")
        with suppress(OSError):
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.02)
            pytest.fail("it was still listened to")


@pytest.mark.parametrize("size", [65_537, 200_000, 10**9])
def test_too_large_a_body_is_refused_to_those_who_may_come_in(site: Site, acme: Customer, size: int) -> None:
    head = acme.head(f"Content-Length: {size}", f"Authorization: {acme.authorization}")
    with site.send(head + b"x" * min(size, 200_000)) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")
    assert not OddCallback.objects.exists()


def test_a_body_that_does_not_come_is_given_up(site: Site, acme: Customer) -> None:
    site.application.callbacks.bodies = Bodies(size=1000, together=10_000, seconds=0.3)
    head = acme.head("Content-Length: 10", f"Authorization: {acme.authorization}", "Connection: close")
    slow = [site.send(head + b"12345") for _ in range(5)]
    acme.send(event("initiate"))  # nobody waits for them meanwhile
    assert [answer(connection)[0] for connection in slow] == [408] * 5


def test_whoever_waits_for_leave_to_send_the_body_is_not_misread(site: Site, acme: Customer) -> None:
    with site.send(acme.head("Content-Length: 10", "Expect: 100-continue")) as connection:
        status, rest = answer(connection)
    assert status == 401
    assert b"connection: close" in rest


# --- Whom they wait for, and who waits for them -------------------------------------------------


def test_no_page_and_no_press_is_before_them(site: Site, acme: Customer) -> None:
    site.hold("/hold", 1)
    site.hold(PRESS, 1, "POST")
    assert site.ask(request("GET", "/"))[0] == 503
    acme.send(event("initiate"))
    assert Call.objects.get().state == "initiated"
    assert site.application.pages.full and site.application.presses.full


def test_past_what_can_be_kept_they_are_told_when_to_come_again(site: Site, acme: Customer, cast: Cast) -> None:
    limit(site, waiting=3)
    with ThreadPoolExecutor(4) as several, locked(cast.acme):
        waiting = [several.submit(acme.post, event("initiate", callId=f"c-{number}")) for number in range(3)]
        until(lambda: site.application.callbacks.store.held == 3)
        late = acme.post(event("initiate", callId="c-late"))
        assert (late.status_code, late.headers["Retry-After"]) == (503, "5")
    assert [one.result().status_code for one in waiting] == [204] * 3
    assert set(Call.objects.values_list("call_id", flat=True)) == {"c-0", "c-1", "c-2"}
    acme.send(event("initiate", callId="c-late"))


def test_many_share_a_transaction_of_at_most_a_hundred_rows(site: Site, acme: Customer) -> None:
    with ThreadPoolExecutor(60) as several:
        told = [event("initiate", callId=f"c-{number:03}") for number in range(240)]
        assert {one.status_code for one in several.map(acme.post, told)} == {204}
    versions = list(Call.objects.values_list("version", flat=True))
    sizes = [versions.count(version) for version in set(versions)]
    assert len(versions) == 240 and max(sizes) <= 100
    assert len(sizes) < 60


# --- The database ---------------------------------------------------------------------------


def test_while_the_database_cannot_be_written_they_wait(site: Site, acme: Customer, cast: Cast) -> None:
    with ThreadPoolExecutor(10) as several:
        with locked(cast.acme):
            waiting = [several.submit(acme.post, event("initiate", callId=f"c-{number}")) for number in range(10)]
            time.sleep(3)  # longer than any transaction waits for a lock
            assert not any(one.done() for one in waiting)
        assert [one.result().status_code for one in waiting] == [204] * 10
    assert Call.objects.count() == 10


def test_what_cannot_be_written_in_time_is_not_taken(site: Site, acme: Customer, cast: Cast) -> None:
    limit(site, patience=0.5)
    with locked(cast.acme):
        answered = acme.post(event("initiate"))
    assert (answered.status_code, answered.headers["Retry-After"]) == (503, "5")
    assert not Call.objects.exists()
    acme.send(event("initiate"))


def test_without_a_database_nobody_is_let_in_or_turned_away_for_good(
    site: Site, acme: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError("the server is gone")

    site.application.callbacks.doorkeeper._doors = None
    with monkeypatch.context() as broken:
        broken.setattr("voicedash.tenants.callbacks.doors", away)
        assert requests.post(acme.url, timeout=10).status_code == 401  # the challenge needs none
        assert acme.post(event("initiate")).status_code == 503
    acme.send(event("initiate"))


def test_known_credentials_outlast_a_database_that_cannot_be_read(
    site: Site, acme: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError("the server is gone")

    monkeypatch.setattr("voicedash.live.doors.FRESH", 0.0)
    monkeypatch.setattr("voicedash.tenants.callbacks.doors", away)
    acme.send(event("initiate"))
    monkeypatch.setattr("voicedash.live.doors.STALE", 0.0)
    assert acme.post(event("initiate")).status_code == 503


# --- A storm, and a power cut ------------------------------------------------------------------


def test_repeated_out_of_order_with_junk_and_a_third_wrong_nothing_is_lost(
    site: Site, acme: Customer, bandwidth: Fake, cast: Cast
) -> None:
    weather = Weather(repeat=0.3, wrong=0.34, junk=0.1, late=1.5, seed=7)
    outbox = bandwidth.send_callbacks(
        "9900001",
        acme.url,
        username=acme.username,
        password=acme.password,
        recording_after=0.1,
        weather=weather,
    )
    calls = [bandwidth.add_call("9900001", state="initiated") for _ in range(60)]
    for call in calls:
        call.answer()
    legs = [bandwidth.transfer(call, "+19195550177") for call in calls[:20]]
    stay = calls[50:]
    until(lambda: now() > max(leg.updated for leg in legs))  # no call ends in the millisecond of its answer
    for call in [*legs, *calls[:50]]:
        call.hang_up()
    assert bandwidth.wait_until(lambda: outbox.waiting == 0, 60)
    assert all(one.taken for one in outbox.sent if one.right)
    assert not any(one.taken for one in outbox.sent if not one.right)
    assert sum(not one.right for one in outbox.sent) > 40
    ended = {call.call_id for call in [*legs, *calls[:50]]}
    assert set(Call.objects.exclude(ended_at=None).values_list("call_id", flat=True)) == ended
    assert set(Call.objects.filter(ended_at=None).values_list("call_id", flat=True)) == {c.call_id for c in stay}
    assert set(Call.objects.exclude(parent_call_id="").values_list("call_id", flat=True)) == {c.call_id for c in legs}


def test_what_was_answered_outlives_a_process_that_is_killed(node: Callable[..., Node], cast: Cast) -> None:
    with node() as running:
        acme = customer(running.url, cast.acme)
        taken: list[str] = []
        over = threading.Event()

        def keep_posting(number: int) -> None:
            sent = 0
            with suppress(requests.RequestException):
                while not over.is_set():
                    call_id = f"c-{number}-{sent}"
                    if acme.post(event("initiate", callId=call_id)).status_code == 204:
                        taken.append(call_id)
                    sent += 1

        with ThreadPoolExecutor(8) as several:
            for number in range(8):
                several.submit(keep_posting, number)
            until(lambda: len(taken) > 50)
            running.kill()
            over.set()
    assert set(taken) <= set(Call.objects.values_list("call_id", flat=True))

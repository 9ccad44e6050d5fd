"""Streams of real web processes: two on one database, one that is killed, one that is told to stop."""

import re
import signal
import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection

from tests import cast as people
from tests import sessions
from tests.cast import Cast
from tests.live.house import add, change, session_of, version_of
from tests.live.listening import Ear
from tests.serving import Node
from tests.sessions import postgresql_only
from voicedash.calls.models import Call
from voicedash.tenants.models import Membership, Role

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])]

Start = Callable[..., Node]
EACH = 8  # streams of a user


def crowd(cast: Cast, number: int) -> list[str]:
    """Sessions for so many streams at Acme, of as few people as may have them."""
    made = []
    for at in range(-(-number // EACH)):
        user = people.person(f"crowd{at}", f"Person {at}")
        Membership.objects.create(tenant=cast.acme, user=user, role=Role.SUPERVISOR if at % 4 else Role.VIEWER)
        made.append(session_of(user))
    return [made[at // EACH] for at in range(number)]


def last_of(ears: list[Ear], version: int) -> None:
    """Waits until each of them is where `version` is."""
    for ear in ears:
        while ear.next("changes", "anew").id < version:
            pass


def test_what_is_pressed_through_one_is_on_the_boards_of_both(cast: Cast, live_call, node: Start) -> None:
    call, theirs = live_call(cast.acme_account)
    nodes = [node(), node()]
    ears = [Ear(each.url, session_of(cast.vic), since=version_of("acme")) for each in nodes]
    for ear in ears:
        ear.next("beat")
    for pressed, recorder in ((nodes[0], "paused"), (nodes[1], "recording")):
        verb = "pause" if recorder == "paused" else "resume"
        answer = pressed.browser_of(cast.ana).post(f"/t/acme/calls/{call.pk}/{verb}/")
        assert 'data-outcome="acknowledged"' in answer.text
        answered = time.monotonic()
        for ear in ears:
            while f'data-recording="{recorder}" data-asking=""' not in (told := ear.next("changes")).data:
                pass
            assert told.rows == [call.pk] and told.id == version_of("acme")
        assert time.monotonic() - answered < 1
        assert theirs.recorder == recorder
    # But for the moment at which each has counted.
    timeless = re.compile(r' data-as-of="[^"]*"')
    first, second = ({e.id: timeless.sub("", e.data) for e in ear.events if e.name == "changes"} for ear in ears)
    assert first.keys() & second.keys()
    for version in first.keys() & second.keys():
        assert first[version] == second[version]


def test_the_boards_of_a_killed_node_go_on_where_they_broke_off_on_another(cast: Cast, node: Start) -> None:
    first, second = node(), node()
    calls = add(cast.acme_account, 30)
    at = version_of("acme")
    keys = crowd(cast, 300)
    ears = [Ear(first.url, key, since=at) for key in keys]
    last_of(ears, seen := change(calls[0], recording="paused"))
    first.kill()
    # What happens while nobody is connected.
    for call in calls[1:5]:
        change(call, recording="paused")
    last = change(calls[1], recording="unconfirmed")
    for ear in ears:
        assert ear.finish()[-1].id == seen  # nobody was told less, and nobody anything else
        ear.close()
    began = time.monotonic()
    again = [Ear(second.url, key, since=at, headers=f"Last-Event-ID: {seen}\r\n") for key in keys]
    told = [ear.next("changes", "anew") for ear in again]
    assert time.monotonic() - began < 20  # three hundred, on a machine that may be busy
    assert {(event.name, event.id) for event in told} == {("changes", last)}
    assert {tuple(sorted(event.rows)) for event in told} == {tuple(call.pk for call in calls[1:5])}
    assert {f'id="call-{calls[1].pk}-slot1"' in event.data for event in told} == {True, False}  # viewers, too
    last_of(again, change(calls[9], state="initiated"))
    for ear in again:
        ear.close()


@postgresql_only
def test_sessions_that_end_under_load_lose_no_change(cast: Cast, node: Start) -> None:
    running = node()
    session = session_of(cast.ana)
    ears = [Ear(running.url, session, since=version_of("acme")) for _ in range(6)]
    for ear in ears:
        ear.next("beat")
    calls = add(cast.acme_account, 20)
    ended, versions = 0, dict[int, int]()
    began = time.monotonic()
    while time.monotonic() < began + 30 and (time.monotonic() < began + 4 or ended <= 20):
        for call in calls[:5]:
            versions[call.pk] = change(call, recording=("paused", "assumed")[ended % 2])
        ended += sessions.end(running, wait=False)
        time.sleep(0.05)
    assert ended > 20  # it must have hurt
    last_of(ears, change(calls[-1], recording="unconfirmed"))
    for ear in ears:
        assert not ear.ended
        told = [event for event in ear.events if event.name == "changes"]
        assert [event.id for event in told] == sorted({event.id for event in told})
        assert not [event for event in ear.events if event.name == "anew"]
        newest = {pk: event.id for event in told for pk in event.rows}
        assert set(newest) == {call.pk for call in calls}
        assert all(newest[pk] >= version for pk, version in versions.items())
        ear.next("beat")
        ear.close()


def test_a_server_that_is_told_to_stop_ends_its_streams_and_is_gone(cast: Cast, node: Start) -> None:
    running = node()
    keys = crowd(cast, 60)
    ears = [Ear(running.url, key, since=version_of("acme")) for key in keys]
    deaf = Ear(running.url, session_of(cast.mia), since=version_of("acme"), room=4096)
    for ear in ears:
        ear.next("beat")
    # While changes come, and one reads none of them.
    calls = add(cast.acme_account, 100)
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            change(calls[0], state="initiated")
        connection.close()

    changing = threading.Thread(target=go_on)
    changing.start()
    try:
        last_of(ears, calls[0].version)
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(10) == 0
        assert time.monotonic() - began < 5  # so long it would have given a request
    finally:
        stop.set()
        changing.join()
    for ear in ears:
        assert ear.finish()[-1].id <= version_of("acme")
        assert ear.ended and bytes(ear.raw).rstrip().rpartition(b"\n")[2].startswith(b"retry: ")  # not all at once
    assert len({bytes(ear.raw).rstrip().rpartition(b"\n")[2] for ear in ears}) > 10
    deaf.close()
    assert Call.objects.count() == 100

"""The stream as a browser gets it: what comes, to whom, in which form, and what of it who comes later."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import requests
from django.conf import settings
from django.utils import timezone

from tests import cast as people
from tests.cast import Cast
from tests.live.house import House, add, change, nothing_new, open_house, session_of, version_of
from tests.live.listening import Ear
from voicedash.calls import fetching, recording
from voicedash.calls.models import Call
from voicedash.tenants import workers
from voicedash.tenants.board import database_time, writing
from voicedash.tenants.models import BandwidthAccount, Membership, Role

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])]


@pytest.fixture
def house(cast: Cast) -> Iterator[House]:
    with open_house() as running:
        yield running


def get(house: House, session: str, path: str) -> str:
    answer = requests.get(
        house.url + path, headers={"X-Background": "1"}, cookies={settings.SESSION_COOKIE_NAME: session}, timeout=10
    )
    assert answer.status_code == 200
    return answer.text


def test_a_stream_begins_at_once_and_no_proxy_may_keep_or_change_it(house: House, cast: Cast) -> None:
    ear = house.ear(cast.ana)
    beat = ear.next()
    assert ear.status == 200
    assert ear.raw.startswith(b"retry: 2000\n\n")
    head = ear.head.lower()
    for line in (
        "content-type: text/event-stream",
        "cache-control: no-store, no-transform",
        "x-accel-buffering: no",
        "x-content-type-options: nosniff",
    ):
        assert line in head
    assert "content-encoding" not in head
    assert (beat.name, beat.id) == ("beat", version_of("acme"))


def test_no_stream_is_packed_whatever_a_browser_takes(house: House, cast: Cast) -> None:
    ear = house.ear(cast.ana, headers="Accept-Encoding: gzip, br\r\n")
    assert ear.next().name == "beat" and "content-encoding" not in ear.head.lower()


def test_a_press_comes_as_the_row_that_the_page_shows(house: House, cast: Cast, live_call) -> None:
    call, _ = live_call(cast.acme_account)
    session = session_of(cast.mia)
    ear = house.ear(session)
    ear.next("beat")
    recording.pause(call=call, by=cast.ana)
    while 'data-recording="paused"' not in (told := ear.next("changes")).data:
        pass
    drawn = re.compile(rf'<li id="call-{call.pk}".*?</li>', re.DOTALL)
    on_page, in_stream = drawn.search(get(house, session, "/t/acme/")), drawn.search(told.data)
    assert on_page and in_stream and on_page[0] == in_stream[0]
    assert told.id == version_of("acme")
    assert 'data-live="1" data-paused="1"' in told.data
    assert "US" not in told.data and call.call_id in told.data


def test_a_row_in_the_stream_tells_the_time_of_its_tenant(house: House, cast: Cast) -> None:
    """Acme's is New York's."""
    acmes, globexs = house.ear(cast.ana), house.ear(cast.omar, "globex")
    began = timezone.now().replace(hour=17, minute=5)
    for ear, account in ((acmes, cast.acme_account), (globexs, cast.globex_account)):
        ear.next("beat")
        add(account, start_time=began)
    assert re.search(r">1[23]:05<", acmes.next("changes").data)
    assert ">17:05<" in globexs.next("changes").data


def test_all_who_watch_are_told_the_same_bytes_and_who_may_not_press_gets_no_buttons(house: House, cast: Cast) -> None:
    many = [house.ear(user) for user in (cast.ana, cast.mia, cast.ana)]
    vic = house.ear(cast.vic)
    for ear in (*many, vic):
        ear.next("beat")
    calls = add(cast.acme_account, 3)
    told = [ear.next("changes") for ear in many]
    assert told[0] == told[1] == told[2]
    assert told[0].rows == [call.pk for call in calls] and "<button" in told[0].data
    vics = vic.next("changes")
    assert vics.rows == told[0].rows and "<button" not in vics.data and "hx-post" not in vics.data


def test_nobody_hears_of_another_tenant(house: House, cast: Cast) -> None:
    acmes, globexs = house.ear(cast.ana), house.ear(cast.omar, "globex")
    acmes.next("beat"), globexs.next("beat")
    ours, theirs = add(cast.acme_account, 2), add(cast.globex_account, 2)
    assert acmes.next("changes").rows == [call.pk for call in ours]
    assert globexs.next("changes").rows == [call.pk for call in theirs]
    change(theirs[0], state="disconnected", ended_at=timezone.now())
    change(ours[0], recording="unconfirmed")
    assert acmes.next("changes").rows == [ours[0].pk]
    assert globexs.next("changes").rows == [theirs[0].pk]
    for call in theirs:
        assert call.call_id.encode() not in acmes.raw
    assert b"Globex" not in acmes.raw and b"9900002" not in acmes.raw


@pytest.mark.parametrize(
    ("who", "tenant", "status"),
    [
        ("", "acme", 401),
        ("x" * 32, "acme", 401),
        ("omar", "acme", 404),
        ("root", "acme", 404),
        ("ana", "nowhere", 404),
        ("gus", "acme", 403),
        ("vic", "acme", 200),
        ("ana", "acme", 200),
        ("mia", "acme", 200),
    ],
)
def test_every_role_gets_its_status(house: House, cast: Cast, who: str, tenant: str, status: int) -> None:
    gus = people.person("gus", "Gus Agent")
    Membership.objects.create(tenant=cast.acme, user=gus, role=Role.AGENT)
    known = {"gus": gus} | {name: getattr(cast, name) for name in ("ana", "vic", "mia", "omar", "root")}
    ear = house.ear(session_of(known[who]) if who in known else who, tenant)
    assert ear.status == status
    assert house.streams.listeners.of_user.total() == (status == 200)


def test_a_stream_is_only_read_and_only_under_our_own_name(house: House, cast: Cast) -> None:
    session = {settings.SESSION_COOKIE_NAME: session_of(cast.ana)}
    posted = requests.post(f"{house.url}/t/acme/live/?since=0", cookies=session, timeout=10)
    assert (posted.status_code, posted.headers["Allow"]) == (405, "GET")
    elsewhere = requests.get(
        f"{house.url}/t/acme/live/?since=0", cookies=session, headers={"Host": "evil.example"}, timeout=10
    )
    assert elsewhere.status_code == 400
    assert requests.get(f"{house.url}/t/acme/live", cookies=session, timeout=10).status_code == 404


def test_who_comes_later_is_told_what_was_missed_and_nothing_else(house: House, cast: Cast) -> None:
    calls = add(cast.acme_account, 4)
    before = version_of("acme")
    change(calls[0], recording="paused")
    between = version_of("acme")
    change(calls[1], recording="paused")
    first = house.ear(cast.ana, since=before)  # for whom the database is read
    assert first.next("changes").rows == [calls[0].pk, calls[1].pk]
    second = house.ear(cast.mia, since=between)  # from what is kept
    told = second.next("changes", "anew")
    assert calls[1].pk in told.rows and 'data-paused="2"' in told.data and 'id="part-accounts"' in told.data
    third = house.ear(cast.mia)
    assert third.next().name == "beat"
    change(calls[2], recording="paused")
    for ear in (first, second, third):
        assert ear.next("changes").rows == [calls[2].pk]
    older = house.ear(cast.ana, since=before - 1)  # older than what is kept: read once more
    assert older.next("changes", "anew").rows == [call.pk for call in calls]


def test_where_a_stream_broke_off_wins_over_what_the_page_said(house: House, cast: Cast) -> None:
    calls = add(cast.acme_account, 2)
    at = version_of("acme")
    change(calls[0], recording="paused")
    ear = house.ear(cast.ana, since=0, headers=f"Last-Event-ID: {at}\r\n")
    assert ear.next("changes", "anew").rows == [calls[0].pk]


@pytest.mark.parametrize("since", ["999", "-1", "x", "", "9" * 30, "%C2%B2"])
def test_a_version_that_we_never_gave_is_told_to_fetch_anew(house: House, cast: Cast, since: str) -> None:
    add(cast.acme_account, 2)
    ear = house.ear(cast.ana, since=since)
    told = ear.next("changes", "anew")
    assert (told.name, told.data, told.id) == ("anew", "", version_of("acme"))
    assert (
        house.ear(cast.ana, headers=f"Last-Event-ID: {since.encode().hex()}x\r\n").next("changes", "anew").name
        == "anew"
    )


def test_who_missed_too_much_fetches_anew_and_then_hears_on(house: House, cast: Cast) -> None:
    since = version_of("acme")
    for _ in range(4):
        calls = add(cast.acme_account, 100)
    ear = house.ear(cast.ana, since=since)
    assert ear.next("changes", "anew").name == "anew"
    change(calls[0], recording="paused")
    assert ear.next("changes", "anew").rows == [calls[0].pk]


def test_too_many_changes_at_once_are_one_word(house: House, cast: Cast) -> None:
    ear = house.ear(cast.ana)
    ear.next("beat")
    for _ in range(4):
        calls = add(cast.acme_account, 100)
        assert ear.next("changes").rows == [call.pk for call in calls]
    with writing(cast.acme.pk) as stamp:
        Call.objects.filter(tenant=cast.acme).update(version=stamp.version)
    assert ear.next("changes", "anew").name == "anew"


def test_a_call_that_ends_is_told_as_ended(house: House, cast: Cast) -> None:
    (call,) = add(cast.acme_account)
    ear = house.ear(cast.ana)
    ear.next("beat")
    change(call, ended_at=timezone.now() - timedelta(minutes=5), state="disconnected")
    told = ear.next("changes")
    assert told.rows == [call.pk] and "data-ended-at=" in told.data and 'data-live="0"' in told.data


def test_calls_that_go_with_their_account_leave_every_board(house: House, cast: Cast, sign_in) -> None:
    other = people.account(cast.acme, "9900003")
    add(other, 2)
    since = version_of("acme")
    ear = house.ear(cast.ana)
    ear.next("beat")
    root = sign_in(cast.root)
    gone = root.post(f"/admin/tenants/bandwidthaccount/{other.pk}/delete/", {"post": "yes"})
    assert gone.status_code == 302 and not BandwidthAccount.objects.filter(pk=other.pk).exists()
    assert ear.next("changes", "anew").name == "anew"
    assert house.ear(cast.mia, since=since).next("changes", "anew").name == "anew"
    assert "data-anew" in get(house, session_of(cast.ana), f"/t/acme/?since={since}")


def test_how_a_fetch_goes_is_told_to_all(house: House, cast: Cast, bandwidth) -> None:
    ear = house.ear(cast.vic)
    ear.next("beat")
    theirs = bandwidth.add_call(cast.acme_account.account_id, state="answered")
    bandwidth.hold(cast.acme_account.account_id, on="list")
    fetching.start(cast.acme, by=cast.ana)
    assert "fetching…" in ear.next("changes").data
    bandwidth.release_all()
    told = ""
    while "1</span> live" not in told:
        told += ear.next("changes").data
    assert theirs.call_id in told and 'id="part-accounts"' in told


def test_a_part_comes_only_when_it_says_something_else(house: House, cast: Cast) -> None:
    (call,) = add(cast.acme_account)
    ear = house.ear(cast.ana)
    ear.next("beat")
    change(call, state="initiated")
    told = ear.next("changes")
    assert 'id="part-counts"' in told.data and 'id="part-accounts"' not in told.data
    at = nothing_new(cast.acme)
    while ear.next("beat").id < at:  # it is known, and there is nothing to tell of it
        pass
    assert [event.name for event in ear.events].count("changes") == 1


def test_a_beat_tells_the_databases_time_and_when_a_worker_was_heard_of(house: House, cast: Cast) -> None:
    ear = house.ear(cast.ana)
    assert ear.next("beat").json["worker"] is None
    workers.beat(uuid4(), "w")
    heard = workers.newest()
    while (told := ear.next("beat").json)["worker"] is None:
        pass
    now = datetime.fromisoformat(told["now"])
    assert datetime.fromisoformat(told["worker"]) == heard
    assert timedelta(seconds=-0.5) < database_time() - now < timedelta(seconds=2)


def test_what_people_type_cannot_end_a_line_of_the_stream(house: House, cast: Cast) -> None:
    ear = house.ear(cast.ana)
    ear.next("beat")
    add(cast.acme_account, to_address="sip:x\n\nevent: bye\rdata: signed-out\r\n\r\nid: 7@x\u2028y")
    told = ear.next()
    while told.name == "beat":
        told = ear.next()
    assert told.name == "changes" and "event: bye" in told.data


def test_a_tenant_that_is_deleted_says_good_bye(house: House, cast: Cast) -> None:
    ear: Ear = house.ear(cast.omar, "globex")
    ear.next("beat")
    cast.globex.delete()
    assert [(event.name, event.data) for event in ear.finish()][-1] == ("bye", "not-yours")

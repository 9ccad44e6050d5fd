"""Who may listen, for how long, and how many: asked again and again, and never longer than the session."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import cast as people
from tests.cast import Cast
from tests.live.house import House, add, open_house, session_of
from tests.live.wire import until
from voicedash.live import listeners
from voicedash.tenants import access
from voicedash.tenants.access import Refusal, Seat
from voicedash.tenants.models import Membership, Role, User

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])]


@pytest.fixture
def house(cast: Cast) -> Iterator[House]:
    with open_house() as running:
        yield running


def sign_out(cast: Cast, session: str) -> None:
    client = Client()
    client.cookies["voicedash_session"] = session
    assert client.post("/accounts/logout/").status_code == 302


def expire(cast: Cast, session: str) -> None:
    Session.objects.filter(session_key=session).update(expire_date=timezone.now() - timedelta(seconds=1))


def change_password(cast: Cast, session: str) -> None:
    cast.ana.set_password("another-horse-battery")
    cast.ana.save(update_fields=["password"])


def close_account(cast: Cast, session: str) -> None:
    User.objects.filter(pk=cast.ana.pk).update(is_active=False)


def remove_membership(cast: Cast, session: str) -> None:
    Membership.objects.filter(user=cast.ana).delete()


def take_sight(cast: Cast, session: str) -> None:
    Membership.objects.filter(user=cast.ana).update(role=Role.AGENT)


Happening = Callable[[Cast, str], None]
ENDS: list[tuple[Happening, str]] = [
    (sign_out, "signed-out"),
    (expire, "signed-out"),
    (change_password, "signed-out"),
    (close_account, "signed-out"),
    (remove_membership, "not-yours"),
    (take_sight, "not-yours"),
]


@pytest.mark.parametrize(("happening", "why"), ENDS, ids=[one[0].__name__ for one in ENDS])
def test_who_may_no_longer_listen_is_told_good_bye_and_hears_nothing_more(
    house: House, cast: Cast, happening: Happening, why: str
) -> None:
    session = session_of(cast.ana)
    ear, mias = house.ear(session), house.ear(cast.mia)
    ear.next("beat")
    happening(cast, session)
    last = ear.finish()[-1]
    assert (last.name, last.data) == ("bye", why)
    assert house.ear(session).status == (401 if why == "signed-out" else 404 if happening is remove_membership else 403)
    (call,) = add(cast.acme_account)
    assert mias.next("changes").rows == [call.pk]  # the others hear on
    assert call.call_id.encode() not in ear.raw


def test_a_new_role_ends_the_stream_and_the_next_has_its_rows(house: House, cast: Cast) -> None:
    session = session_of(cast.ana)
    ear = house.ear(session)
    ear.next("beat")
    Membership.objects.filter(user=cast.ana).update(role=Role.VIEWER)
    assert ear.finish()[-1].name == "anew"
    again = house.ear(session)
    again.next("beat")
    add(cast.acme_account)
    assert "<button" not in again.next("changes").data


def test_a_stream_does_not_prolong_its_session(house: House, cast: Cast) -> None:
    session = session_of(cast.ana)
    before = Session.objects.get(session_key=session)
    ear = house.ear(session)
    until(lambda: len(ear.listen(0.1)) > 0 and len(ear.events) > 4)  # it was asked again since
    after = Session.objects.get(session_key=session)
    assert (after.expire_date, after.session_data) == (before.expire_date, before.session_data)


def test_a_stream_of_one_session_survives_the_end_of_another(house: House, cast: Cast) -> None:
    ear, other = house.ear(cast.ana), session_of(cast.ana)
    gone = house.ear(other)
    gone.next("beat")
    sign_out(cast, other)
    assert gone.finish()[-1].name == "bye"
    add(cast.acme_account)
    assert ear.next("changes").rows


def test_the_ninth_stream_of_a_user_waits_until_one_ends(house: House, cast: Cast) -> None:
    ears = [house.ear(cast.ana) for _ in range(8)]
    assert {ear.status for ear in ears} == {200}
    ninth = house.ear(cast.ana)
    assert ninth.status == 503 and "retry-after: " in ninth.head.lower()
    assert house.ear(cast.mia).status == 200  # others have places of their own
    ears[0].close()
    until(lambda: house.streams.listeners.of_user[cast.ana.pk] == 7)
    assert house.ear(cast.ana).status == 200


def test_past_all_places_nobody_else_comes_in(house: House, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "IN_ALL", 2)
    assert [house.ear(user).status for user in (cast.ana, cast.mia, cast.vic)] == [200, 200, 503]
    assert house.ear("nobody's").status == 401


def test_a_browser_that_leaves_gives_its_place_back_at_once(house: House, cast: Cast) -> None:
    for _ in range(12):
        ear = house.ear(cast.ana)
        assert ear.status == 200
        ear.close()
        until(lambda: not house.streams.open)
    assert house.streams.listeners.of_user.total() == 0


def test_a_crowd_that_comes_at_once_is_asked_for_together(cast: Cast) -> None:
    seats = []
    for number in range(30):
        user = people.person(f"user{number}", f"User {number}")
        Membership.objects.create(tenant=cast.acme, user=user, role=Role.VIEWER)
        seats.append(Seat(session_of(user), "acme"))
    with CaptureQueriesContext(connection) as one:
        access.sights(seats[:1])
    with CaptureQueriesContext(connection) as all_of_them:
        seen = access.sights(seats)
    assert len(one) == len(all_of_them) == 3
    assert [seen[seat].refusal for seat in seats] == [None] * 30
    assert len({sight.user for sight in seen.values()}) == 30


def test_the_batch_and_the_page_decide_alike(cast: Cast) -> None:
    """Every kind of session before every tenant: what the middleware answers is what the stream does."""
    gus = people.person("gus", "Gus Agent")
    Membership.objects.create(tenant=cast.acme, user=gus, role=Role.AGENT)
    closed = people.person("closed", "Closed")
    Membership.objects.create(tenant=cast.acme, user=closed, role=Role.MANAGER)
    people_there = (cast.ana, cast.vic, cast.mia, cast.omar, cast.root, gus, closed)
    sessions = [*(session_of(who) for who in people_there), "x" * 32]
    User.objects.filter(pk=closed.pk).update(is_active=False)
    status = {None: 200, Refusal.SIGNED_OUT: 401, Refusal.NOT_YOURS: 404, Refusal.ROLE: 403}
    seats = {Seat(key, slug) for key in sessions for slug in ("acme", "globex", "nowhere")}
    for seat, sight in access.sights(seats).items():
        client = Client(headers={"X-Background": "1"})
        client.cookies["voicedash_session"] = seat.session
        assert client.get(f"/t/{seat.slug}/").status_code == status[sight.refusal], seat

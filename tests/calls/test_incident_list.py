"""The list of incidents: found, taken, closed with what was done, and told of in the log."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.calls.incidents import open_ones, told
from voicedash.audit.models import Entry
from voicedash.calls import board
from voicedash.calls.incidents import dealing
from voicedash.calls.incidents.models import Incident, IncidentCall, Kind
from voicedash.tenants.board import database_time

LIST = "/t/acme/incidents/"
KINDS = list(Kind)


@pytest.fixture
def opened(cast):
    """Makes an incident of Acme's that began so many seconds ago."""

    def made(number: int = 0, *, seconds: float = 130, calls: int = 1, **fields: Any) -> Incident:
        at = database_time() - timedelta(seconds=seconds)
        given = {"kind": KINDS[number % 9], "cause": f"refused-{number}", "since": at, "opened_at": at} | fields
        incident = Incident.objects.create(tenant=cast.acme, **given)
        IncidentCall.objects.bulk_create(
            IncidentCall(incident=incident, known_as=f"c-{number:03}-{call}", since=at, newest_at=at)
            for call in range(calls)
        )
        return incident

    return made


def shown(client: Client, query: str = "") -> list[int]:
    answer = client.get(LIST + query, headers={"HX-Request": ""})
    assert answer.status_code == 200
    return [one.incident.pk for one in answer.context["listed"]]


def test_it_is_taken_and_closed_with_what_was_done_and_the_log_tells_all_of_it(cast, sign_in, opened):
    incident = opened(kind="failed", account=cast.acme_account)
    where = f"{LIST}{incident.pk}/"
    ana, mia = sign_in(cast.ana), sign_in(cast.mia)
    assert "It is yours." in ana.post(f"{where}take/").content.decode()
    assert board.parts(cast.acme).attention.takers == ("Ana Ruiz",)
    # Mia's list was older: it is not hers by that, and once she has seen whose it is she may take it over.
    assert "Ana Ruiz took it a moment ago." in mia.post(f"{where}take/").content.decode()
    assert "It is yours." in mia.post(f"{where}take/", {"from": cast.ana.pk}).content.decode()
    for done, why in [
        ("", "at least 3 characters"),
        ("  x ", "at least 3 characters"),
        ("the card is 4111 1111 1111 1111", "could be a card number"),
        ("x" * 1001, "At most 1000 characters"),
    ]:
        refused = mia.post(f"{where}close/", {"done": done})
        assert (refused.status_code, why in refused.content.decode()) == (422, True)
        assert f'value="{done}"' in refused.content.decode() or not done.strip()
    assert len(open_ones()) == 1
    assert "Closed." in mia.post(f"{where}close/", {"done": "Told the caller to call back."}).content.decode()
    again = ana.post(f"{where}close/", {"done": "Something else"}).content.decode()
    assert "It is closed already." in again and "Closed by Mia Chen after 2 min 1" in again
    assert "It is closed already." in ana.post(f"{where}take/").content.decode()
    incident.refresh_from_db()
    assert (incident.how, incident.closed_by, incident.done) == ("person", cast.mia, "Told the caller to call back.")
    assert board.parts(cast.acme).attention.number == 0
    taken, over, closed = told()
    assert taken == f"Ana Ruiz took incident {incident.pk}, not paused"
    assert over == f"Mia Chen took incident {incident.pk}, not paused from Ana Ruiz"
    assert closed.startswith(f"Mia Chen closed incident {incident.pk}, not paused after 2 min 1")
    assert closed.endswith(", “Told the caller to call back.”")
    assert "call back" not in str(list(Entry.objects.values_list("data", flat=True)))
    page = ana.get("/t/acme/log/?what=incident", headers={"HX-Request": ""}).content.decode()
    assert page.count("data-entry=") == 3


def test_two_who_take_and_close_at_once_do_so_once(cast, opened, threads):
    incident = opened()
    jobs = [threads.submit(dealing.take, incident, by=by, seen=None) for by in (cast.ana, cast.mia) for _ in range(3)]
    jobs += [threads.submit(dealing.close, incident, by=by, done="Done.") for by in (cast.ana, cast.mia)]
    for job in jobs:
        assert job.result(20).said
    verbs = list(Entry.objects.filter(verb__startswith="incident.").values_list("verb", flat=True))
    assert verbs.count("incident.closed") == 1 and verbs.count("incident.taken") <= 1


def test_the_filter_finds_by_state_kind_taker_call_and_time(cast, sign_in, opened):
    old = opened(0, seconds=7200, closed_at=Now(), how="itself")
    over = opened(1, over_at=Now(), taken_by=cast.mia)
    live = opened(2)
    vic = sign_in(cast.vic)
    assert shown(vic) == [live.pk, over.pk]
    assert shown(vic, "?show=live") == [live.pk]
    assert shown(vic, "?show=closed") == [old.pk]
    assert shown(vic, "?show=all") == [live.pk, over.pk, old.pk]
    assert shown(vic, f"?show=all&kind={over.kind}") == [over.pk]
    assert shown(vic, f"?taken={cast.mia.pk}") == [over.pk]
    assert shown(vic, "?taken=0") == [live.pk]
    assert shown(vic, "?show=all&call=c-000-0") == [old.pk]
    assert shown(vic, "?show=all&from=2026-01-01&to=2026-01-02") == []
    page = vic.get(f"{LIST}?call=two+words&from=soon&kind=x", headers={"HX-Request": ""})
    assert (page.content.decode().count('class="error"'), "listed" in page.context) == (3, False)


def test_a_long_list_comes_in_pages_and_a_page_asks_as_much_with_2_as_with_40(cast, sign_in, opened):
    ana = sign_in(cast.ana)
    counts = []
    for number in (2, 40):
        for at in range(Incident.objects.count(), number):
            opened(at, calls=9)
        with CaptureQueriesContext(connection) as asked:
            first = shown(ana)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 16, counts
    assert len(first) == 25
    assert shown(ana, f"?before={first[-1]}") == list(
        Incident.objects.filter(pk__lt=first[-1]).order_by("-pk").values_list("pk", flat=True)
    )
    page = ana.get(LIST, headers={"HX-Request": ""}).content.decode()
    assert page.count("and 3 more") == 25 and f"before={first[-1]}" in page


def test_an_open_list_hears_of_what_others_did_and_not_of_what_one_did_oneself(cast, sign_in, opened):
    incident, other = opened(0), opened(1)
    ana = sign_in(cast.ana)
    assert ana.get(f"{LIST}?newer=0").status_code == 204
    own = ana.post(f"{LIST}{incident.pk}/take/", {"known": "0"}).content.decode()
    incident.refresh_from_db()
    assert f"newer={incident.version}" in own
    dealing.take(other, by=cast.mia, seen=None)
    assert "Something has changed" in ana.get(f"{LIST}?newer={incident.version}").content.decode()
    # What was not heard of before one did something oneself is still to be heard of.
    assert "newer=" not in ana.post(f"{LIST}{incident.pk}/close/", {"done": "Done.", "known": "0"}).content.decode()


def test_without_javascript_it_is_posted_and_read_anew(cast, opened):
    incident = opened()
    ana = Client()
    ana.force_login(cast.ana, backend="allauth.account.auth_backends.AuthenticationBackend")
    where = f"{LIST}{incident.pk}/"
    page = ana.post(f"{where}take/", follow=True).content.decode()
    assert "It is yours." in page and "<b>Ana Ruiz</b> is at it" in page
    refused = ana.post(f"{where}close/", {"done": "x"})
    assert (refused.status_code, "at least 3 characters" in refused.content.decode()) == (422, True)
    page = ana.post(f"{where}close/", {"done": "Done."}, follow=True).content.decode()
    assert "Closed by Ana Ruiz" in page and "<q>Done.</q>" in page

"""*Fetch calls*: what Bandwidth lists comes onto the board, one bad account spoils no other, and no press waits for it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from tests import cast as people
from tests.cast import Cast
from voicedash.bandwidth import client as client_module
from voicedash.bandwidth.fake import Fake, Fault
from voicedash.calls import fetching
from voicedash.calls.models import Call, Fetch
from voicedash.tenants.models import BandwidthAccount, User

SignIn = Callable[[User], Client]
WHERE = "/t/acme/fetch/"
AN_HOUR_AGO = timedelta(hours=1)


@pytest.fixture
def ana(cast: Cast, sign_in: SignIn) -> Client:
    return sign_in(cast.ana)


@pytest.fixture(autouse=True)
def _no_fetch_outlives_its_test(bandwidth: Fake) -> Iterator[None]:
    yield
    bandwidth.release_all()
    bandwidth.stop()
    finished()


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits for a condition; the test fails where it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def finished() -> None:
    until(
        lambda: not Fetch.objects.filter(finished_at__isnull=True, heard_at__gt=timezone.now() - AN_HOUR_AGO).exists()
    )


def progress(client: Client) -> str:
    """What the page polls while a fetch runs."""
    answer = client.get(WHERE)
    assert answer.status_code == 200
    return answer.content.decode()


def fetched(client: Client) -> str:
    """Presses *Fetch calls* and polls as the page does; the last words of it."""
    answer = client.post(WHERE)
    assert answer.status_code == 200
    until(lambda: "data-running" not in progress(client))
    return progress(client)


def second_account(cast: Cast, bandwidth: Fake) -> BandwidthAccount:
    made = people.account(cast.acme, "9900003")
    people.known_to(bandwidth, made)
    return made


def listings(bandwidth: Fake) -> list[Any]:
    return [request for request in bandwidth.requests if request.kind == "list"]


def test_the_live_calls_of_every_page_come_onto_the_board(cast: Cast, bandwidth: Fake, ana: Client) -> None:
    start = datetime.now(UTC) - timedelta(hours=2)
    for number in range(1195):
        bandwidth.add_call(
            "9900001", state="disconnected", start=start + timedelta(seconds=number), ended=start + AN_HOUR_AGO
        )
    live = [bandwidth.add_call("9900001", state=state) for state in ("answered", "initiated", "held", "answered")]
    text = fetched(ana)
    assert list(Call.objects.order_by("pk").values_list("call_id", flat=True)) == [call.call_id for call in live]
    fetch = Fetch.objects.get()
    assert (fetch.pages, fetch.read, fetch.live, fetch.added, fetch.ended) == (2, 1199, 4, 4, 0)
    assert (fetch.by, fetch.error) == (cast.ana, "")
    assert '<span class="num">4</span> live, <span class="num">4</span> new' in text
    assert all(call.call_id in ana.get("/t/acme/").content.decode() for call in live)


def test_it_looks_twelve_hours_back_and_only_at_the_tenants_own_accounts(
    cast: Cast, bandwidth: Fake, ana: Client
) -> None:
    old = bandwidth.add_call("9900001", start=datetime.now(UTC) - timedelta(hours=13))
    young = bandwidth.add_call("9900001", start=datetime.now(UTC) - timedelta(hours=11))
    bandwidth.add_call("9900002")
    fetched(ana)
    assert [call.call_id for call in Call.objects.all()] == [young.call_id] != [old.call_id]
    assert {request.account_id for request in bandwidth.requests} == {"9900001"}
    since = datetime.fromisoformat(parse_qs(urlsplit(listings(bandwidth)[0].path).query)["minStartTime"][0])
    assert abs(datetime.now(UTC) - timedelta(hours=12) - since) < timedelta(seconds=10)


def test_calls_that_have_ended_are_greyed(cast: Cast, bandwidth: Fake, ana: Client, live_call: Any) -> None:
    ours, theirs = live_call(cast.acme_account)
    theirs.hang_up()
    text = fetched(ana)
    ours.refresh_from_db()
    assert (ours.state, ours.ended_at is not None) == ("disconnected", True)
    assert '<span class="num">1</span> ended' in text


def test_a_second_fetch_without_news_changes_no_call(cast: Cast, bandwidth: Fake, ana: Client) -> None:
    bandwidth.add_call("9900001")
    fetched(ana)
    before = Call.objects.values().get()
    fetched(ana)
    assert Call.objects.values().get() == before
    assert Fetch.objects.get().added == 0


def test_progress_is_told_page_by_page(cast: Cast, bandwidth: Fake, ana: Client) -> None:
    for _ in range(1001):
        bandwidth.add_call("9900001", state="disconnected")
    bandwidth.delay_next(0, on="list")
    bandwidth.delay_next(1.0, on="list")
    assert "data-running" in ana.post(WHERE).content.decode()
    until(lambda: Fetch.objects.get().pages == 1)
    assert 'page <span class="num">2</span>, <span class="num">1000</span> read' in progress(ana)
    finished()


FAILURES: list[tuple[str, Callable[[Fake], None], str]] = [
    ("no right", lambda f: f.fail_next(403, on="list", account="9900003"), "Cannot list calls: Bandwidth forbids it."),
    ("a wrong secret", lambda f: f.fail_next(401, on="token", account="9900003"), "refuses this account&#x27;s cred"),
    ("HTML", lambda f: f.html_next(200, on="list", account="9900003"), "could not be read. Fetch again."),
    ("a server error", lambda f: f.fail_next(500, on="list", account="9900003"), "could not be read. Fetch again."),
    ("a rate limit", lambda f: f.fail_next(429, retry_after="7", on="list", account="9900003"), "asks to wait 7 s"),
    ("garbage in it", lambda f: f.fail_next(429, retry_after="string", on="list", account="9900003"), "wait 1 s"),
    ("a bad request", lambda f: f.fail_next(400, on="list", account="9900003"), "refused to list the calls"),
    ("no answer", lambda f: f.drop_next(on="list", account="9900003"), "could not be read. Fetch again."),
    ("no token", lambda f: f.fail_next(500, on="token", account="9900003"), "could not be reached. Fetch again."),
    ("silence", lambda f: f.hang_next(on="list", account="9900003"), "could not be read. Fetch again."),
]


@pytest.mark.parametrize(("fault", "sentence"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_what_fails_on_one_account_is_told_in_words_while_the_other_works(
    cast: Cast,
    bandwidth: Fake,
    ana: Client,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Fake], None],
    sentence: str,
) -> None:
    monkeypatch.setattr(client_module, "READ_SECONDS", 1.0)
    bad = second_account(cast, bandwidth)
    call = bandwidth.add_call("9900001")
    fault(bandwidth)
    text = fetched(ana)
    assert [found.call_id for found in Call.objects.all()] == [call.call_id]
    assert sentence in text
    assert '<span class="num">1</span> live' in text
    assert [fetch.account for fetch in Fetch.objects.exclude(error="")] == [bad]


def test_what_a_first_page_told_stays_when_the_second_fails(cast: Cast, bandwidth: Fake, ana: Client) -> None:
    for _ in range(1001):
        bandwidth.add_call("9900001")
    bandwidth.delay_next(0, on="list")
    bandwidth.fail_next(503, on="list")
    text = fetched(ana)
    assert Call.objects.count() == 1000
    assert "could not be read" in text
    assert 'After <span class="num">1000</span> read' in text


def test_pages_that_lead_away_or_cannot_be_read_are_told(cast: Cast, bandwidth: Fake, ana: Client) -> None:
    for link in ("https://elsewhere.invalid/calls", "http://[half"):
        headers = (("Link", f'<{link}>; rel="next"'),)
        bandwidth.script(Fault("link", status=200, body=b"[]", headers=headers), on="list")
        assert "could not be read" in fetched(ana)


def test_a_token_taken_back_is_renewed_without_anyone_noticing(cast: Cast, bandwidth: Fake, ana: Client) -> None:
    bandwidth.add_call("9900001")
    fetched(ana)
    bandwidth.expire_tokens()
    fetched(ana)
    assert Fetch.objects.get().error == ""


def test_a_missing_sealing_key_is_told_and_nothing_is_asked(
    cast: Cast, bandwidth: Fake, ana: Client, settings: Any
) -> None:
    settings.SEALING_KEYS_FILE = None  # nowhere else to look
    settings.SEALING_KEYS = ["bm90LXRoZS1rZXktdGhhdC1zZWFsZWQtdGhpcy0xMjM="]
    assert "a sealing key is missing" in fetched(ana)
    assert bandwidth.requests == []


def test_without_an_account_there_is_nothing_to_fetch(cast: Cast, bandwidth: Fake, ana: Client) -> None:
    BandwidthAccount.objects.filter(tenant=cast.acme).delete()
    assert "No Bandwidth account yet" in fetched(ana)


def test_accounts_that_hang_hold_up_no_press(cast: Cast, bandwidth: Fake, ana: Client, live_call: Any) -> None:
    call, theirs = live_call(cast.acme_account)
    for number in range(10, 16):
        people.known_to(bandwidth, people.account(cast.acme, f"99000{number}"))
        bandwidth.hold(f"99000{number}")
    bandwidth.hold("9900001", on="list")
    ana.post(WHERE)
    assert bandwidth.wait_until(lambda: len(bandwidth.requests) >= 4)
    began = time.monotonic()
    answer = ana.post(f"/t/acme/calls/{call.pk}/pause/")
    assert time.monotonic() - began < 2
    assert 'data-outcome="acknowledged"' in answer.content.decode()
    assert theirs.recorder == "paused"
    assert Fetch.objects.filter(finished_at__isnull=True).count() == 7


def test_a_second_fetch_while_one_runs_starts_none(cast: Cast, bandwidth: Fake, ana: Client, sign_in: SignIn) -> None:
    bandwidth.hold("9900001", on="list")
    ana.post(WHERE)
    assert bandwidth.wait_until(lambda: len(listings(bandwidth)) == 1)
    assert "data-running" in sign_in(cast.mia).post(WHERE).content.decode()
    assert fetching.start(cast.acme, by=cast.mia) == 0
    bandwidth.release("9900001")
    finished()
    assert (len(listings(bandwidth)), Fetch.objects.get().by) == (1, cast.ana)


def test_presses_on_fetch_at_once_start_one(cast: Cast, bandwidth: Fake, threads: Any) -> None:
    bandwidth.hold("9900001", on="list")
    starting = [threads.submit(fetching.start, cast.acme, by=cast.ana) for _ in range(8)]
    assert sum(one.result() for one in starting) == 1
    bandwidth.release("9900001")
    finished()


def test_only_who_may_press_may_fetch(cast: Cast, bandwidth: Fake, sign_in: SignIn) -> None:
    assert sign_in(cast.vic).post(WHERE).status_code == 403
    assert sign_in(cast.omar).post(WHERE).status_code == 404
    assert Client(headers={"HX-Request": "true"}).post(WHERE).status_code == 401
    assert (bandwidth.requests, Fetch.objects.count()) == ([], 0)


def test_without_htmx_the_answer_leads_back_to_the_board(cast: Cast, bandwidth: Fake, ana: Client) -> None:
    answer: Any = ana.post(WHERE, headers={"HX-Request": ""})
    assert (answer.status_code, answer.url) == (303, "/t/acme/")
    finished()
    assert "fetched" in ana.get("/t/acme/", headers={"HX-Request": ""}).content.decode()

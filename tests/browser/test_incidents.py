"""Incidents as people see them: one that closes itself, and one that is taken and closed."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import PROMPTLY, alert, live, slot1, word
from tests.browser.test_accessibility import violations
from voicedash.calls.incidents import work
from voicedash.calls.incidents.models import Incident, IncidentCall
from voicedash.tenants.board import database_time, writing

LIST = "/t/acme/incidents/"


def strip(page: Page):
    return page.locator("#part-incidents")


def card(page: Page, incident: Incident):
    return page.locator(f"#incident-{incident.pk}")


@pytest.fixture
def failed(cast, live_call):
    """A pause that failed two minutes ago; open boards hear of it."""

    def made(name: str = "refused", **fields):
        call, _ = live_call(cast.acme_account)
        at = database_time() - timedelta(seconds=125)
        with writing(cast.acme.pk) as stamp:
            given = {"tenant": cast.acme, "kind": "failed", "cause": f"{name}-{call.pk}", "account": cast.acme_account}
            given |= {"since": at, "opened_at": at, "version": stamp.version}
            incident = Incident.objects.create(**given | fields)
            IncidentCall.objects.create(
                incident=incident, call=call, known_as=call.call_id, why=name, since=at, newest_at=at
            )
        return incident

    return made


def test_one_that_is_put_right_comes_and_goes_by_itself_on_every_board(board, cast, live_call, bandwidth):
    call, _ = live_call(cast.acme_account)
    anas, vics = board(cast.ana), board(cast.vic)
    for page in (anas, vics):
        live(page)
        expect(strip(page)).to_be_hidden()
        expect(page.locator("#calm")).to_have_text("Nothing needs you.")
    bandwidth.fail_next(400)
    slot1(anas, call).click()
    expect(alert(anas)).to_contain_text("NOT paused")
    for page in (anas, vics):
        expect(strip(page)).to_have_text(re.compile(r"1 incident needs you · oldest 0:0\d"), timeout=PROMPTLY)
        expect(page.locator("#calm")).to_be_hidden()
    expect(vics.locator("#news")).to_contain_text("1 incident needs you")
    expect(strip(vics)).to_contain_text("0:02")  # it ticks
    assert violations(vics) == []
    slot1(anas, call).click()
    expect(word(anas, call)).to_have_text("Paused")
    work.look()  # as a worker does
    for page in (anas, vics):
        expect(strip(page)).to_be_hidden(timeout=PROMPTLY)
    vics.goto(vics.url + "incidents/?show=closed")
    expect(vics.locator(".incident")).to_contain_text("by itself, as it was put right")


def test_one_is_taken_and_closed_by_one_and_seen_by_the_other(board, cast, failed, complaints):
    complaints.expect_status(422)
    incident = failed()
    anas, mias = board(cast.ana), board(cast.mia)
    live(anas)
    expect(strip(anas)).to_have_text(re.compile(r"1 incident needs you · oldest 2:\d\d"))
    strip(mias).get_by_role("link").click()
    expect(mias).to_have_url(re.compile(f"{LIST}$"))
    expect(card(mias, incident).locator(".lasting")).to_have_text(re.compile(r"2:\d\d"))
    anas_list = board(cast.ana, path=LIST)
    card(mias, incident).get_by_role("button", name="Take it").click()
    expect(card(mias, incident)).to_contain_text("Mia Chen is at it")
    expect(card(mias, incident)).to_be_focused()
    expect(strip(anas)).to_contain_text("1 incident · Mia Chen is at it · oldest 2:", timeout=PROMPTLY)
    expect(card(anas_list, incident)).to_contain_text("Mia Chen is at it")  # by itself
    anas_list.get_by_label("What was done").fill("half a sen")
    card(mias, incident).get_by_role("button", name="Close").click()
    expect(card(mias, incident).get_by_role("alert")).to_contain_text("at least 3 characters")
    expect(mias.get_by_label("What was done")).to_be_focused()
    mias.get_by_label("What was done").fill("4111 1111 1111 1111 was read out")
    card(mias, incident).get_by_role("button", name="Close").click()
    expect(card(mias, incident).get_by_role("alert")).to_contain_text("could be a card number")
    mias.get_by_label("What was done").fill("The recording was deleted at Bandwidth.")
    card(mias, incident).get_by_role("button", name="Close").click()
    expect(card(mias, incident)).to_contain_text("Closed by Mia Chen after 2 min")
    expect(strip(anas)).to_be_hidden(timeout=PROMPTLY)
    # Who is typing is told of it, and keeps what is typed.
    expect(anas_list.locator("#incidents-news")).to_contain_text("Something has changed")
    expect(anas_list.get_by_label("What was done")).to_have_value("half a sen")
    anas_list.get_by_role("link", name="Show it").click()
    expect(anas_list.get_by_text("Nothing is open: nothing needs a person.")).to_be_visible()


def test_a_list_that_hears_of_nothing_says_so_and_is_calm_again_when_it_does(board, cast, failed, relay, complaints):
    incident = failed()
    page = board(cast.vic, at=relay, path=LIST)
    told = page.locator("#incidents-stale")
    expect(card(page, incident).locator(".lasting")).to_have_text(re.compile(r"2:\d\d"))
    expect(told).to_be_hidden()
    relay.cut()
    expect(told).to_have_text("Not live: voicedash does not answer, and what you see may have changed.")
    assert violations(page) == []
    lasts = card(page, incident).locator(".lasting").inner_text()
    page.wait_for_timeout(1_500)
    expect(card(page, incident).locator(".lasting")).to_have_text(lasts)
    relay.mend()
    expect(told).to_be_hidden()
    expect(card(page, incident).locator(".lasting")).not_to_have_text(lasts)


def test_on_a_phone_what_needs_a_person_comes_before_the_filter_is_opened(board, cast, failed):
    incident = failed()
    page = board(cast.ana, path=LIST, viewport={"width": 390, "height": 844})
    expect(card(page, incident)).to_be_in_viewport()
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Show").select_option("Closed")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No incident fits.")).to_be_visible()
    expect(page.get_by_label("Call id")).to_be_visible()  # what is asked for is seen
    page.get_by_role("link", name="Clear").click()
    expect(card(page, incident)).to_be_visible()


def test_with_the_keyboard_alone(board, cast, failed):
    incident = failed()
    page = board(cast.ana)
    live(page)
    strip(page).get_by_role("link").focus()
    page.keyboard.press("Enter")
    card(page, incident).get_by_role("button", name="Take it").focus()
    page.keyboard.press("Enter")
    expect(card(page, incident)).to_be_focused()
    for _ in range(2):  # over its call to the field
        page.keyboard.press("Tab")
    expect(page.get_by_label("What was done")).to_be_focused()
    page.keyboard.type("Told the caller to call back.")
    page.keyboard.press("Enter")
    expect(card(page, incident)).to_contain_text("Closed by Ana Ruiz")
    expect(card(page, incident)).to_be_focused()
    assert Incident.objects.get().done == "Told the caller to call back."


def test_axe_finds_nothing_on_the_list(board, cast, failed, complaints):
    complaints.expect_status(422)
    now = database_time()
    failed(taken_by=cast.mia, taken_at=now)
    failed("unanswered", kind="unconfirmed", over_at=now)
    failed(closed_at=now, how="itself")
    failed(
        closed_at=now,
        how="person",
        closed_by=cast.mia,
        done="Told the caller to call back.",
        taken_by=cast.mia,
        taken_at=now,
    )
    page = board(cast.ana, path=f"{LIST}?show=all")
    expect(page.locator(".incident")).to_have_count(4)
    page.get_by_role("button", name="Close").first.click()
    expect(page.locator(".incident .error")).to_be_visible()
    assert violations(page) == []
    page.locator(".menu summary").click()
    expect(page.get_by_role("link", name="Incidents", exact=True)).to_have_count(1)
    vics = board(cast.vic, path=f"{LIST}?call=two+words")
    expect(vics.locator(".error")).to_have_count(1)
    assert violations(vics) == []

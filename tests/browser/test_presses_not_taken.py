"""Presses that voicedash does not take: a dead session, an old page, a lesser role, a call that is gone."""

import re

from django.conf import settings
from django.contrib.sessions.models import Session
from django.template.loader import render_to_string
from playwright.sync_api import expect

from tests.browser.desk import alert, look, row, slot1, status, word
from tests.cast import PASSWORD
from voicedash.calls.models import Call
from voicedash.tenants.models import Membership, Role


def test_a_page_that_is_too_old_is_told_apart_from_a_role_and_loads_again(
    board, complaints, cast, live_call, bandwidth
):
    complaints.expect_status(403)
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    for press in (slot1(page, ours), page.get_by_role("button", name="Fetch calls")):
        page.context.clear_cookies(name=settings.CSRF_COOKIE_NAME)
        press.click()
        expect(alert(page)).to_contain_text("Not sent: this page is too old.")
        with page.expect_navigation():
            alert(page).get_by_role("link", name="Load it again.").click()
        expect(alert(page)).to_be_empty()
    assert bandwidth.puts == []
    slot1(page, ours).click()
    expect(status(page)).to_contain_text("Paused: go ahead")


def test_an_answer_without_a_row_is_said_and_the_row_goes(board, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    say = render_to_string(
        "calls/_say.html", {"lead": "NOT paused: stop the caller", "sentence": "This call was deleted.", "tone": "bad"}
    )

    def lose_the_call(route):
        Call.objects.filter(pk=ours.pk).delete()
        route.fulfill(status=200, content_type="text/html", body=say)

    page.route("**/pause/", lose_the_call)
    slot1(page, ours).press("Enter")
    expect(alert(page)).to_contain_text("NOT paused: stop the caller This call was deleted. +1 919 555 0100")
    expect(row(page, ours)).to_have_class(re.compile("ended"), timeout=3_000)  # focus is on it: it only greys
    page.locator("#search").focus()
    look(page)
    expect(row(page, ours)).to_have_count(0)
    expect(alert(page)).to_contain_text("NOT paused: stop the caller This call was deleted.")


def test_a_session_that_was_ended_elsewhere_sends_nothing_and_leads_back_to_the_board(
    board, complaints, cast, live_call, bandwidth
):
    complaints.expect_status(401)
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    Session.objects.all().delete()
    slot1(page, ours).click()
    expect(alert(page)).to_contain_text("Not sent: sign in. The recording was not touched.")
    expect(word(page, ours)).to_have_text("Recording (assumed)")
    look(page)
    expect(page.locator("#stale")).to_contain_text("You are signed out: what you see is from")
    assert bandwidth.puts == []

    alert(page).get_by_role("link", name="Sign in").click()
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    slot1(page, ours).click()
    expect(status(page)).to_contain_text("Paused: go ahead")


def test_a_role_that_was_taken_away_sends_nothing(board, complaints, cast, live_call, bandwidth):
    complaints.expect_status(403)
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    Membership.objects.filter(user=cast.ana).update(role=Role.VIEWER)
    slot1(page, ours).click()
    expect(alert(page)).to_contain_text("Not sent: your role does not allow it. The recording was not touched.")
    assert bandwidth.puts == []


def test_a_call_that_left_the_board_is_not_sent(board, complaints, cast, live_call, bandwidth):
    complaints.expect_status(404)
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    Call.objects.all().delete()
    slot1(page, ours).click()
    expect(alert(page)).to_contain_text("Not sent: this call is not on your board. Nothing was asked of Bandwidth.")
    assert bandwidth.puts == []


def test_after_signing_in_anew_in_another_tab_a_press_of_the_old_tab_still_arrives(
    board, site, complaints, cast, live_call
):
    complaints.expect_status(401)  # the old tab looks while nobody is signed in
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    tokens = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    other = page.context.new_page()
    other.goto(site.url)
    other.locator("summary").filter(has_text="Ana Ruiz").click()
    other.get_by_role("button", name="Sign out").click()
    other.get_by_label("Username").fill("ana")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(row(other, ours)).to_be_visible()
    assert {cookie["name"]: cookie["value"] for cookie in page.context.cookies()} != tokens

    slot1(page, ours).click()
    expect(status(page)).to_contain_text("Paused: go ahead")

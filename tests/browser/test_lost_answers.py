"""When the way between browser and voicedash breaks: what is not known is never shown as Paused."""

import re

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from tests.browser.desk import alert, look, row, slot1, slot2, status, until, visible_text, word
from tests.cast import PASSWORD
from voicedash.calls.models import Call
from voicedash.tenants.models import Membership, Role


def test_a_server_that_dies_during_a_press_leaves_the_row_not_confirmed_until_the_board_heals(
    board, node, complaints, cast, live_call, bandwidth
):
    complaints.expect_no_answer()
    ours, _ = live_call(cast.acme_account)
    first = node(scale=0.4)
    page = board(cast.ana, at=first)
    bandwidth.hold(ours.account.account_id, on="put")
    slot1(page, ours).click()
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    first.kill()

    expect(alert(page)).to_contain_text("NOT confirmed: no answer from voicedash. Stop the caller: treat as recording.")
    expect(word(page, ours)).to_have_text("NOT confirmed: no answer from voicedash")
    assert not re.search("go ahead|Paused", visible_text(page))

    second = node(scale=0.4)
    page.route(f"{first.url}/**", lambda route: route.continue_(url=route.request.url.replace(first.url, second.url)))
    expect(word(page, ours)).to_have_text("Not confirmed: treat as recording", timeout=20_000)
    expect(row(page, ours)).to_have_attribute("data-recording", "unconfirmed")
    bandwidth.release_all()


@pytest.mark.parametrize("loss", ["connection", "502", "a proxy's page"])
def test_a_lost_answer_is_asked_for_and_the_rows_own_word_is_told(board, complaints, cast, live_call, loss):
    complaints.expect_no_answer()
    complaints.expect_status(502)
    ours, theirs = live_call(cast.acme_account)
    page = board(cast.ana)

    def lose(route):
        route.fetch()  # voicedash did it
        if loss == "connection":
            route.abort()
        else:
            route.fulfill(status=502 if loss == "502" else 200, content_type="text/html", body="<p>Bad gateway</p>")

    page.route("**/pause/", lose)
    slot1(page, ours).click()
    expect(status(page)).to_contain_text(
        "Paused: go ahead The answer was lost; the row says that Bandwidth acknowledged it."
    )
    expect(word(page, ours)).to_have_text("Paused")
    assert theirs.recorder == "paused"


def test_a_press_that_never_arrived_is_not_paused(board, complaints, cast, live_call, bandwidth):
    complaints.expect_no_answer()
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    page.route("**/pause/", lambda route: route.abort())
    slot1(page, ours).click()
    expect(alert(page)).to_contain_text(
        "NOT paused: stop the caller No answer to the press. The row says: Recording (assumed)."
    )
    expect(word(page, ours)).to_have_text("Recording (assumed)")
    assert bandwidth.puts == []


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


def test_an_old_board_never_takes_a_newer_row_back(board, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    old = site.browser_of(cast.ana).get("/t/acme/", headers={"X-Background": "1"}).text
    assert "Recording (assumed)" in old
    slot1(page, ours).click()
    expect(word(page, ours)).to_have_text("Paused")
    page.route("**/t/acme/", lambda route: route.fulfill(status=200, content_type="text/html", body=old))
    look(page)
    expect(word(page, ours)).to_have_text("Paused")
    expect(row(page, ours)).to_have_attribute("data-recording", "paused")


def test_an_old_answer_never_takes_a_newer_row_back_nor_says_go_ahead(board, site, cast, live_call):
    ours, theirs = live_call(cast.acme_account)
    page = board(cast.ana)
    late = []
    page.route("**/pause/", lambda route: late.append((route, route.fetch())))
    slot1(page, ours).click()
    until(lambda: page.wait_for_timeout(10) is None and bool(late))  # the answer is on its way, and stays there
    assert "Paused: go ahead" in late[0][1].text()
    assert site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/resume/?anyway=1").status_code == 200
    look(page)
    expect(word(page, ours)).to_have_text("Recording")
    late[0][0].fulfill(response=late[0][1])
    expect(status(page)).to_contain_text("Changed since: the row now says Recording.")
    expect(word(page, ours)).to_have_text("Recording")
    assert not re.search("go ahead|Paused", visible_text(page))
    assert theirs.recorder == "recording"


def test_a_board_that_hears_nothing_says_since_when_and_pressing_still_works(board, complaints, cast, live_call):
    complaints.expect_status(503)
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    page.clock.install()
    page.reload()
    page.route("**/t/acme/", lambda route: route.fulfill(status=503, body=""))
    page.clock.fast_forward(14_000)
    stale = page.locator("#stale")
    expect(stale).to_contain_text(
        re.compile(r"Not live for 1\d s: what you see is from \d\d:\d\d:\d\d\. Pressing still works\.")
    )
    expect(stale).to_have_css("color", "rgb(138, 75, 0)")  # amber
    expect(page.locator("#news")).to_contain_text("Not live")
    slot1(page, ours).click()
    expect(word(page, ours)).to_have_text("Paused")
    page.unroute("**/t/acme/")
    page.clock.fast_forward(6_000)
    expect(stale).to_be_hidden()
    expect(page.locator("#news")).to_have_text("Live again.")


def test_a_resume_without_an_answer_reads_not_confirmed(board, complaints, cast, live_call):
    complaints.expect_no_answer()
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, ours).click()
    expect(word(page, ours)).to_have_text("Paused")
    page.route("**/calls/**", lambda route: route.abort())
    slot2(page, ours).click()
    expect(alert(page)).to_contain_text("NOT confirmed: no answer from voicedash.")
    expect(word(page, ours)).to_have_text("NOT confirmed: no answer from voicedash")
    look(page)  # what voicedash knows comes back with the next look
    expect(word(page, ours)).to_have_text("Paused")

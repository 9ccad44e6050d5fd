"""When the way between browser and voicedash breaks: what is not known is never shown as Paused."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.desk import alert, deafen, hear_again, look, row, slot1, slot2, status, until, visible_text, word
from voicedash.calls.models import Call, Command
from voicedash.tenants.board import writing


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
    expect(word(page, ours)).to_have_text("Wait, pausing…")
    until(lambda: timezone.now() > Command.objects.get().expires_at)
    look(page)  # whoever reads the board closes what has expired, where no worker does
    expect(word(page, ours)).to_have_text("Not confirmed: treat as recording")
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


def wait_for_a_later_moment(page):
    """Until the page's clock, which may be a little behind, is past the newest acknowledgement."""
    acknowledged = Command.objects.latest("closed_at").closed_at.timestamp() * 1000
    until(lambda: page.evaluate("() => window.voicedash.clock.atLeast()") > acknowledged)


BEFORE = re.compile(
    r"NOT confirmed: no answer to this press The row says Paused since \d\d:\d\d:\d\d: "
    r"that was acknowledged before\. Press Keep paused\."
)


@pytest.mark.parametrize("loss", ["connection", "503"])
def test_an_older_acknowledgement_is_no_answer_to_a_press_that_never_arrived(
    board, site, complaints, cast, live_call, bandwidth, loss
):
    complaints.expect_no_answer()
    complaints.expect_status(503)
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    deafen(page)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")  # which this page does not see
    wait_for_a_later_moment(page)
    page.route("**/pause/", lambda route: route.abort() if loss == "connection" else route.fulfill(status=503))
    slot1(page, ours).click()
    expect(alert(page)).to_contain_text(BEFORE)
    expect(word(page, ours)).to_have_text("Paused")
    assert "go ahead" not in visible_text(page)
    assert len(bandwidth.puts) == 1

    # Nor does anything else that is new about the call answer it; the next press does.
    with writing(cast.acme.pk) as stamp:
        Call.objects.filter(pk=ours.pk).update(version=stamp.version)
    hear_again(page)
    expect(row(page, ours)).to_have_attribute("data-version", str(stamp.version))
    expect(alert(page)).to_contain_text(BEFORE)
    page.unroute("**/pause/")
    slot1(page, ours).click()
    expect(status(page)).to_contain_text("Still paused It resumes in")
    expect(alert(page)).to_be_empty()


@pytest.mark.parametrize("arrived", [True, False])
def test_of_a_prolongation_without_an_answer_the_row_tells_whether_it_was_done(
    board, complaints, cast, live_call, bandwidth, arrived
):
    complaints.expect_no_answer()
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, ours).click()
    expect(slot1(page, ours)).to_contain_text("Keep paused")

    def lose(route):
        if arrived:
            route.fetch()
        route.abort()

    page.route("**/renew/", lose)
    slot1(page, ours).click()
    if arrived:
        expect(status(page)).to_contain_text("Still paused The answer was lost; the row says until when.")
    else:
        expect(alert(page)).to_contain_text("Not prolonged: no answer.")
    expect(word(page, ours)).to_have_text("Paused")
    assert Call.objects.get().lease_prolonged == arrived


def test_a_resume_that_never_arrived_is_not_told_as_answered_by_a_colleagues(
    board, site, complaints, cast, live_call, bandwidth
):
    complaints.expect_no_answer()
    ours, _ = live_call(cast.acme_account)
    site.browser_of(cast.ana).post(f"/t/acme/calls/{ours.pk}/pause/")
    page = board(cast.ana)
    deafen(page)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/resume/?anyway=1")
    wait_for_a_later_moment(page)
    page.route("**/resume/", lambda route: route.abort())
    slot2(page, ours).click()
    expect(alert(page)).to_contain_text(
        re.compile(r"NOT confirmed: no answer to this press The row says Recording since .*acknowledged before\.")
    )
    expect(word(page, ours)).to_have_text("Recording")
    expect(status(page)).to_be_empty()


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

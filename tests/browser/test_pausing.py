"""A pause, from the click to Bandwidth's word and to a colleague's screen."""

import re

from playwright.sync_api import expect

from tests.browser.desk import PROMPTLY, alert, live, look, row, slot1, slot2, status, visible_text, word
from voicedash.calls.models import Command

CLAIMS_A_PAUSE = re.compile(r"Paused|go ahead")


def test_nothing_on_the_page_says_paused_before_bandwidth_acknowledged(board, cast, live_call, bandwidth):
    ours, theirs = live_call(cast.acme_account)
    page = board(cast.ana)
    bandwidth.hold(ours.account.account_id, on="put")

    slot1(page, ours).click()
    expect(status(page)).to_contain_text("Wait, pausing…")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    assert not CLAIMS_A_PAUSE.search(visible_text(page))
    look(page)  # nor does the server's own row
    expect(row(page, ours)).to_have_attribute("data-asking", "paused")
    expect(word(page, ours)).to_have_text("Wait, pausing…")
    assert not CLAIMS_A_PAUSE.search(visible_text(page))
    assert theirs.recorder == "recording"

    bandwidth.release(ours.account.account_id)
    expect(status(page)).to_contain_text("Paused: go ahead")
    expect(row(page, ours)).to_have_attribute("data-recording", "paused")
    expect(word(page, ours)).to_have_text("Paused")
    expect(row(page, ours)).to_contain_text(re.compile(r"resumes in (3:00|2:5\d)"))
    expect(row(page, ours)).to_contain_text(re.compile(r"Ana Ruiz · Card details\s*acknowledged \d\d:\d\d:\d\d"))
    expect(page.get_by_role("button", name=re.compile(r"^1\s+paused$"))).to_be_visible()
    expect(alert(page)).to_be_empty()
    assert theirs.recorder == "paused"


def test_after_two_seconds_the_caller_is_to_be_kept_waiting(board, cast, live_call, bandwidth):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    bandwidth.hold(ours.account.account_id, on="put")
    slot1(page, ours).click()
    expect(status(page)).to_contain_text("Slow: keep the caller waiting.", timeout=3_500)
    assert not CLAIMS_A_PAUSE.search(visible_text(page))
    bandwidth.release(ours.account.account_id)
    expect(status(page)).to_contain_text("Paused: go ahead")


def test_a_double_click_is_one_press_and_one_truth(board, cast, live_call, bandwidth):
    ours, theirs = live_call(cast.acme_account)
    bandwidth.latency = 0.3
    page = board(cast.ana)
    slot1(page, ours).dblclick()
    expect(status(page)).to_contain_text("Paused: go ahead")
    expect(row(page, ours)).to_have_attribute("data-recording", "paused")
    look(page)
    assert [put.state for put in bandwidth.puts] == ["paused"]
    assert Command.objects.count() == 1
    assert theirs.recorder == "paused"


def test_pressing_where_it_is_paused_already_keeps_it_paused(board, cast, live_call, bandwidth):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, ours).click()
    expect(slot1(page, ours)).to_contain_text("Keep paused")
    slot1(page, ours).click()
    expect(status(page)).to_contain_text("Still paused It resumes in")
    expect(row(page, ours)).to_have_attribute("data-recording", "paused")
    assert [put.state for put in bandwidth.puts] == ["paused"]


def test_a_colleagues_press_is_seen_and_told(board, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    anas, mias = board(cast.ana), board(cast.mia)
    live(mias)
    slot1(anas, ours).click()
    expect(word(anas, ours)).to_have_text("Paused")
    expect(word(mias, ours)).to_have_text("Paused", timeout=PROMPTLY)
    expect(row(mias, ours)).to_contain_text("Ana Ruiz")
    expect(mias.get_by_role("button", name=re.compile(r"^1\s+paused$"))).to_be_visible()
    expect(mias.locator("#news")).to_contain_text("Paused")  # and told to a screen reader


def test_of_two_people_who_press_at_once_the_second_is_told_who_is_at_it(board, cast, live_call, bandwidth):
    ours, _ = live_call(cast.acme_account)
    anas, mias = board(cast.ana), board(cast.mia)
    bandwidth.hold(ours.account.account_id, on="put")
    slot1(anas, ours).click()
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    slot1(mias, ours).click()
    expect(status(mias)).to_contain_text("Ana Ruiz is pausing this call right now.")
    assert not CLAIMS_A_PAUSE.search(visible_text(mias))
    bandwidth.release(ours.account.account_id)
    expect(status(anas)).to_contain_text("Paused: go ahead")
    look(mias)
    expect(word(mias, ours)).to_have_text("Paused")
    expect(status(mias)).to_be_empty()  # nobody is at it any more
    assert len(bandwidth.puts) == 1


def test_whoever_was_at_it_and_is_done_is_not_told_as_at_it(board, cast, live_call, bandwidth):
    ours, _ = live_call(cast.acme_account)
    anas, mias = board(cast.ana), board(cast.mia)
    bandwidth.hold(ours.account.account_id, on="put")
    slot1(anas, ours).click()
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)

    def late(route):  # judged while Ana's pause was out, drawn after its end
        busy = route.fetch()
        bandwidth.release(ours.account.account_id)
        expect(word(anas, ours)).to_have_text("Paused")
        drawn = mias.request.get(mias.url + f"calls/{ours.pk}/").text()
        body = drawn.replace('data-asking=""', 'data-asking="" data-outcome="busy"') + busy.text().split("</li>")[1]
        route.fulfill(status=200, content_type="text/html", body=body)

    mias.route("**/pause/", late)
    slot1(mias, ours).click()
    expect(status(mias)).to_contain_text("Changed since: the row now says Paused.")


def test_a_pause_waits_as_long_as_bandwidth_asks_even_where_it_says_so_in_garbage(board, cast, live_call, bandwidth):
    ours, theirs = live_call(cast.acme_account)
    bandwidth.fail_next(429, retry_after="string")
    page = board(cast.ana)
    slot1(page, ours).click()
    expect(status(page)).to_contain_text("Paused: go ahead")
    assert [put.status for put in bandwidth.puts] == [429, 200]
    assert theirs.recorder == "paused"


def test_an_answer_that_comes_while_a_finger_is_on_the_button_stays_said(board, cast, live_call, bandwidth):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    bandwidth.hold(ours.account.account_id, on="put")
    slot1(page, ours).click()
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    page.mouse.down()  # the row waits until the finger is off
    bandwidth.release(ours.account.account_id)
    expect(status(page)).to_contain_text("Paused: go ahead")
    page.mouse.move(0, 0)
    page.mouse.up()
    expect(word(page, ours)).to_have_text("Paused")
    assert "Paused: go ahead" in status(page).inner_text()
    assert len(bandwidth.puts) == 1


def test_go_ahead_is_taken_back_at_once_even_while_a_finger_keeps_the_row_as_it_is(board, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    live(page)
    slot1(page, ours).click()
    expect(status(page)).to_contain_text("Paused: go ahead")
    expect(word(page, ours)).to_have_text("Paused")
    page.mouse.down()
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/resume/?anyway=1")
    expect(status(page)).to_be_empty()
    expect(word(page, ours)).to_have_text("Paused")  # a click must not fall between two rows
    page.mouse.move(0, 0)
    page.mouse.up()
    expect(word(page, ours)).to_have_text("Recording")


def test_focus_stays_on_the_button_whose_row_was_replaced(board, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, ours).focus()
    page.keyboard.press("Enter")
    expect(slot1(page, ours)).to_contain_text("Keep paused")
    expect(slot1(page, ours)).to_be_focused()

    slot2(page, ours).focus()
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    look(page)
    expect(row(page, ours)).to_contain_text("Mia Chen")
    expect(slot2(page, ours)).to_be_focused()

    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/resume/")
    look(page)
    expect(slot2(page, ours)).to_have_count(0)
    expect(row(page, ours)).to_be_focused()  # the button is gone: its row has the focus, not the page's beginning

"""Several legs of one call: one row that opens, one press for all, and nothing that moves under the hand."""

import pytest
from playwright.sync_api import expect

from tests.browser.desk import alert, box, end, live, row, slot1, slot2, status, word
from tests.browser.test_accessibility import violations
from tests.calls.test_legs import told
from voicedash.calls import tracking
from voicedash.calls.models import Call, Conversation


@pytest.fixture
def talk(cast, bandwidth):
    """A caller's call, and the means to transfer it."""
    first = bandwidth.add_call(cast.acme_account.account_id)
    tracking.learn(cast.acme_account, [told(first.call_id)])

    def transferred():
        leg = bandwidth.add_call(first.account_id, parent_call_id=first.call_id)
        tracking.learn(cast.acme_account, [told(leg.call_id, first.call_id)])
        return Call.objects.get(call_id=leg.call_id), leg

    return Call.objects.get(call_id=first.call_id), first, transferred


def whole(page):
    return page.locator(f"#conversation-{Conversation.objects.get().pk}")


def opener(page):
    return whole(page).locator(".opener")


def test_legs_are_one_row_that_opens_and_closes(board, cast, talk):
    first, _, transferred = talk
    second, _ = transferred()
    page = board(cast.ana)
    expect(whole(page)).to_be_visible()
    expect(row(page, first)).to_be_hidden()
    expect(page.locator("[data-show=live] b")).to_have_text("1")
    expect(opener(page)).to_have_text("2 legs")
    opener(page).click()
    expect(opener(page)).to_have_attribute("aria-expanded", "true")
    expect(row(page, first)).to_be_visible()
    expect(row(page, second)).to_be_visible()
    whole(page).focus()
    page.keyboard.press("o")
    expect(row(page, first)).to_be_hidden()


def test_those_together_are_found_by_any_leg_and_filtered_by_the_worst(board, cast, talk):
    first, _, transferred = talk
    second, _ = transferred()
    page = board(cast.ana)
    opener(page).click()
    slot1(page, first).click()
    expect(word(page, first)).to_have_text("Paused")
    page.locator("[data-show=paused]").click()
    expect(whole(page)).to_be_hidden()
    expect(row(page, first)).to_be_hidden()
    page.locator("[data-show=paused]").click()
    expect(row(page, first)).to_be_visible()
    page.locator("#search").fill(second.call_id)
    expect(whole(page)).to_be_visible()
    page.locator("#search").fill("nobody")
    expect(whole(page)).to_be_hidden()
    expect(row(page, second)).to_be_hidden()


def test_axe_finds_nothing_in_a_row_that_is_open(board, cast, talk):
    _, _, transferred = talk
    transferred()
    page = board(cast.ana)
    opener(page).click()
    assert violations(page) == []


def test_a_press_on_all_legs_without_an_answer_is_not_confirmed(board, cast, bandwidth, complaints, talk):
    _, _, transferred = talk
    transferred()
    page = board(cast.ana)
    live(page)
    complaints.expect_no_answer()
    page.route("**/conversations/**", lambda route: route.abort())
    whole(page).locator(".slot1").click()
    expect(alert(page)).to_contain_text("NOT confirmed: no answer from voicedash.")
    expect(whole(page).locator(".word")).to_have_text("NOT confirmed: no answer from voicedash")
    page.unroute("**/conversations/**")
    expect(whole(page).locator(".word")).to_have_text("Recording (assumed)")


def test_one_press_pauses_all_legs_and_each_says_so(board, cast, bandwidth, talk):
    first, theirs, transferred = talk
    second, their_second = transferred()
    page = board(cast.ana)
    whole(page).focus()
    page.keyboard.press("p")
    expect(status(page)).to_contain_text("Paused: go ahead Bandwidth acknowledged it on both legs.")
    assert (theirs.recorder, their_second.recorder) == ("paused", "paused")
    expect(whole(page).locator(".word")).to_have_text("Paused")
    opener(page).click()
    expect(word(page, first)).to_have_text("Paused")
    expect(word(page, second)).to_have_text("Paused")
    whole(page).focus()
    page.keyboard.press("r")
    expect(status(page)).to_contain_text("Recording")
    expect(whole(page)).to_have_attribute("data-recording", "recording")


def test_a_leg_that_bandwidth_refuses_says_so_in_its_row(board, cast, bandwidth, talk):
    _, _, transferred = talk
    second, their_second = transferred()
    page = board(cast.ana)
    bandwidth.fail_next(404, call_id=their_second.call_id)
    whole(page).locator(".slot1").click()
    expect(status(page)).to_contain_text("Paused on 1 of 2 legs; Bandwidth does not know the other.")
    expect(row(page, second)).to_have_attribute("data-outcome", "unknown_call")
    expect(row(page, second).locator(".note")).to_contain_text("Not known to Bandwidth now")


def test_a_second_leg_takes_the_place_of_the_row_under_the_hand(board, cast, bandwidth, talk):
    first, _, transferred = talk
    tracking.learn(cast.acme_account, [told("c-below", startTime="2026-11-20T13:00:00Z")])
    page = board(cast.ana)
    live(page)
    slot1(page, first).focus()
    before = [box(one) for one in page.locator("#rows > li:visible").all()]
    transferred()
    expect(whole(page)).to_be_visible()
    assert [box(one) for one in page.locator("#rows > li:visible").all()] == before
    expect(whole(page).locator(".slot1")).to_be_focused()
    expect(page.locator("#arrivals")).to_be_hidden()


def test_a_row_that_is_open_stays_open_while_legs_come_and_go(board, cast, bandwidth, talk):
    first, _, transferred = talk
    below = told("c-below", startTime="2026-11-20T13:00:00Z")  # which a leg that came would push down
    tracking.learn(cast.acme_account, [below])
    second, _ = transferred()
    page = board(cast.ana)
    live(page)
    opener(page).click()
    third, _ = transferred()
    expect(page.locator("#arrivals")).to_have_text("1 new")  # the hand is on the list
    expect(whole(page)).to_have_attribute("data-legs", f"call-{first.pk} call-{second.pk} call-{third.pk}")
    page.mouse.move(5, 5)
    page.evaluate("document.activeElement.blur()")
    expect(row(page, third)).to_be_visible()
    expect(opener(page)).to_have_text("3 legs")
    end(second, ago=0)
    expect(row(page, second)).to_have_class("row ended leg")
    expect(row(page, first)).to_be_visible()
    slot1(page, first).click()
    expect(word(page, first)).to_have_text("Paused")
    expect(whole(page).locator(".word")).not_to_have_text("Paused")
    expect(opener(page)).to_have_attribute("aria-expanded", "true")


def test_the_last_leg_that_is_left_is_a_row_like_any_other(board, cast, bandwidth, talk):
    first, _, transferred = talk
    second, _ = transferred()
    page = board(cast.ana)
    live(page)
    whole(page).focus()
    end(second, ago=58)
    expect(page.locator(".whole")).to_have_count(0)
    expect(row(page, first)).to_be_visible()
    expect(row(page, first)).to_be_focused()
    expect(row(page, first)).not_to_have_class("leg")
    expect(row(page, second)).to_have_count(0)


def test_a_transfer_during_a_pause_is_paused_before_the_row_says_so_again(board, cast, bandwidth, talk, worker):
    first, _, transferred = talk
    page = board(cast.ana)
    live(page)
    slot1(page, first).click()
    expect(word(page, first)).to_have_text("Paused")
    bandwidth.hold(cast.acme_account.account_id, on="put")
    _, their_leg = transferred()
    expect(whole(page).locator(".word")).to_have_text("Wait, pausing…")
    expect(page.locator("[data-show=paused] b")).to_have_text("0")
    worker()
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    expect(whole(page).locator(".word")).to_have_text("Wait, pausing…")
    bandwidth.release(cast.acme_account.account_id)
    expect(whole(page).locator(".word")).to_have_text("Paused")
    assert their_leg.recorder == "paused"
    expect(page.locator("[data-show=paused] b")).to_have_text("1")
    expect(slot2(page, first)).to_have_count(1)


def test_without_javascript_the_legs_stand_under_their_row(board, cast, talk):
    first, _, transferred = talk
    second, their_second = transferred()
    page = board(cast.ana, java_script_enabled=False)
    expect(row(page, first)).to_be_visible()
    expect(row(page, second)).to_be_visible()
    whole(page).locator(".slot1").click()
    expect(status(page)).to_contain_text("Paused: go ahead")
    assert their_second.recorder == "paused"

"""The end of a pause while the board is not live: what may have been resumed is not said to be paused."""

import re

from playwright.sync_api import expect

from tests.browser.desk import STALE, deafen, hear_again, live, row, slot1, status, word
from tests.browser.test_leases import countdown, ends_in


def test_a_pause_whose_time_is_over_is_not_known_before_the_board_is_live_again(board, complaints, cast, live_call):
    complaints.expect_no_answer()
    (over, _), (later, _) = live_call(cast.acme_account), live_call(cast.acme_account)
    page = board(cast.ana)
    live(page)
    for call in (over, later):
        slot1(page, call).click()
        expect(word(page, call)).to_have_text("Paused")
    ends_in(over, 10)
    expect(countdown(page, over)).to_have_text(re.compile(r"resumes in 0:0\d"))
    deafen(page)
    expect(page.locator(STALE)).to_be_visible()
    # A countdown that stands still would be wrong.
    expect(countdown(page, later)).to_have_text(re.compile(r"until \d\d:\d\d:\d\d"))
    expect(word(page, over)).to_have_text("Not confirmed: treat as recording")
    expect(slot1(page, over)).to_contain_text("Pause again")
    expect(page.locator("[data-show=paused] b")).to_have_text("1")
    expect(page.locator("[data-show=needs] b")).to_have_text("1")
    expect(word(page, later)).to_have_text("Paused")
    # Without a worker nobody resumed it, and its row has not changed.
    hear_again(page)
    live(page)
    expect(word(page, over)).to_have_text("Paused")
    expect(countdown(page, over)).to_contain_text("late")
    expect(page.locator("[data-show=needs] b")).to_have_text("0")
    expect(countdown(page, later)).to_have_text(re.compile(r"resumes in \d:\d\d"))


def test_it_is_paused_again_by_a_press_while_it_is_not_live(board, site, complaints, cast, live_call):
    complaints.expect_no_answer()
    call, theirs = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, call).click()
    expect(word(page, call)).to_have_text("Paused")
    deafen(page)
    ends_in(call, 1)
    page.reload()
    expect(word(page, call)).to_have_text("Not confirmed: treat as recording")
    site.browser_of(cast.mia).post(f"/t/acme/calls/{call.pk}/resume/", data={"anyway": "1"})  # which is not heard of
    assert theirs.recorder == "recording"
    slot1(page, call).click()
    expect(status(page)).to_contain_text("Paused: go ahead")
    expect(word(page, call)).to_have_text("Paused")
    expect(row(page, call)).not_to_have_attribute("data-lapsed", re.compile(""))
    assert theirs.recorder == "paused"

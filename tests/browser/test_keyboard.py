"""The board without a mouse. Keys act only inside the rows, and only for whoever wants them."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import look, row, slot1, slot2, status, word
from tests.cast import PASSWORD


@pytest.fixture
def calls(cast, live_call):
    return [live_call(cast.acme_account)[0] for _ in range(3)]


@pytest.fixture
def page(board, cast, calls) -> Page:
    opened: Page = board(cast.ana)
    expect(opened.locator(".row")).to_have_count(3)
    return opened


def test_a_call_is_paused_and_resumed_with_the_keyboard_alone(page, calls):
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the calls")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row(page, calls[0])).to_be_focused()
    page.keyboard.press("p")
    expect(word(page, calls[0])).to_have_text("Paused")
    expect(row(page, calls[0])).to_be_focused()
    page.keyboard.press("r")
    expect(word(page, calls[0])).to_have_text("Recording")

    page.keyboard.press("Tab")
    expect(slot1(page, calls[0])).to_be_focused()
    page.keyboard.press("Enter")
    expect(word(page, calls[0])).to_have_text("Paused")
    page.keyboard.press("Tab")
    expect(slot2(page, calls[0])).to_be_focused()
    page.keyboard.press("Space")
    expect(word(page, calls[0])).to_have_text("Recording")


def test_signing_in_takes_no_mouse(browser, site, calls):
    page = browser().new_page()
    page.goto(site.url)
    expect(page.get_by_label("Username")).to_be_focused()  # which a busy browser does a moment after it has loaded
    page.keyboard.type("ana")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Acme Support")).to_be_visible()


def test_j_and_k_walk_the_rows(page, calls):
    slot1(page, calls[0]).focus()
    for key, at in [("j", 1), ("j", 2), ("j", 2), ("k", 1), ("k", 0), ("k", 0)]:
        page.keyboard.press(key)
        expect(row(page, calls[at])).to_be_focused()


def test_slash_searches_and_enter_goes_to_the_first_row_found(page, calls):
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type(calls[2].call_id[-12:])
    expect(page.locator(".row").locator("visible=true")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(row(page, calls[2])).to_be_focused()


def test_a_question_mark_opens_help_and_escape_closes_it(page, calls):
    row(page, calls[1]).focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys and words")).to_be_visible()
    page.keyboard.press("p")  # not through the dialog
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row(page, calls[1])).to_be_focused()


def test_keys_do_nothing_in_fields_with_modifiers_or_outside_the_rows(page, calls, bandwidth):
    page.get_by_role("searchbox").focus()
    page.keyboard.type("pr/?")
    expect(page.get_by_role("searchbox")).to_have_value("pr/?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="Add calls").focus()
    page.keyboard.press("p")
    page.get_by_role("button", name="Add calls").click()
    page.get_by_label("Call ids or their addresses").press_sequentially("pr?/")
    expect(page.get_by_label("Call ids or their addresses")).to_have_value("pr?/")
    page.keyboard.press("Escape")
    row(page, calls[0]).focus()
    for chord in ("Alt+p", "Control+p", "Meta+p"):
        page.keyboard.press(chord)
    look(page)
    expect(status(page)).to_be_empty()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert bandwidth.puts == []


def test_a_key_that_is_held_down_is_one_press(page, calls, bandwidth):
    row(page, calls[0]).focus()
    page.keyboard.down("p")
    expect(word(page, calls[0])).to_have_text("Paused")
    page.keyboard.down("p")  # without an up: the keyboard's own repeat
    page.keyboard.up("p")
    slot1(page, calls[1]).focus()
    page.keyboard.down("Enter")
    expect(word(page, calls[1])).to_have_text("Paused")
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    slot1(page, calls[2]).click()  # whatever was sent before it has arrived before it
    expect(word(page, calls[2])).to_have_text("Paused")
    assert [put.call_id for put in bandwidth.puts] == [call.call_id for call in calls]


def test_the_keys_can_be_switched_off_for_good(page, calls, bandwidth):
    page.keyboard.press("?")
    page.get_by_label("Keys are on in this browser").uncheck()
    page.keyboard.press("Escape")
    for _ in range(2):
        row(page, calls[0]).focus()
        for key in ("p", "j", "/", "?"):
            page.keyboard.press(key)
        expect(row(page, calls[0])).to_be_focused()
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.reload()
    assert bandwidth.puts == []
    page.locator("summary").filter(has_text="Ana Ruiz").click()
    page.get_by_role("button", name=re.compile("Keys and words")).click()
    page.get_by_label("Keys are on in this browser").check()
    page.keyboard.press("Escape")
    row(page, calls[0]).focus()
    page.keyboard.press("p")
    expect(word(page, calls[0])).to_have_text("Paused")

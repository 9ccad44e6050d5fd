"""The board in one hand: nothing to scroll sideways, buttons for a thumb, Resume never where Pause was."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import box, deafen, live, row, slot1, slot2, status, word
from voicedash.calls.models import Call
from voicedash.tenants.models import BandwidthAccount

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def calls(cast, live_call) -> list[Call]:
    return [live_call(cast.acme_account)[0] for _ in range(3)]


@pytest.fixture
def page(board, cast, calls) -> Page:
    opened: Page = board(cast.ana, **PHONE)
    return opened


def apart(one: dict[str, float], other: dict[str, float]) -> bool:
    return (
        one["x"] + one["width"] <= other["x"]
        or other["x"] + other["width"] <= one["x"]
        or one["y"] + one["height"] <= other["y"]
        or other["y"] + other["height"] <= one["y"]
    )


def test_resume_is_never_where_pause_was(page, calls):
    before = box(slot1(page, calls[0]))
    slot1(page, calls[0]).tap()
    expect(status(page)).to_contain_text("Paused: go ahead")
    expect(word(page, calls[0])).to_have_text("Paused")
    assert box(slot1(page, calls[0])) == before
    assert apart(box(slot2(page, calls[0])), before)
    slot2(page, calls[0]).tap()
    expect(word(page, calls[0])).to_have_text("Recording")
    assert box(slot1(page, calls[0])) == before


def test_what_is_pressed_is_at_least_48_pixels_high_and_nothing_reaches_over_the_edge(page, calls):
    slot1(page, calls[0]).tap()
    expect(slot2(page, calls[0])).to_be_visible()
    expect(page.locator(".reason").first).to_be_hidden()
    row(page, calls[0]).locator(".party").tap()
    expect(page.locator(".reason").first).to_be_visible()
    for button in page.locator("#rows button").all():
        size = box(button)
        assert size["height"] >= 48 and size["width"] >= 48
        assert size["x"] >= 0 and size["x"] + size["width"] <= 390
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for control in page.locator(".bar button, .bar summary, .bar input").locator("visible=true").all():
        assert box(control)["height"] >= 44


def test_the_sentence_of_a_press_is_in_view_and_covers_no_row_that_was_pressed(page, calls):
    slot1(page, calls[2]).tap()
    expect(status(page)).to_contain_text("Paused: go ahead")
    expect(status(page)).to_be_in_viewport()
    assert apart(box(status(page)), box(slot1(page, calls[2])))


@pytest.mark.parametrize("width", [390, 768])
def test_a_paused_row_says_until_when_and_since_when_and_moves_nothing(board, cast, calls, width):
    BandwidthAccount.objects.update(records=BandwidthAccount.Records.UNKNOWN)
    page = board(cast.ana, **PHONE | {"viewport": {"width": width, "height": 844}})
    before = [box(place) for place in page.locator("#rows > li").all()]
    slot1(page, calls[1]).tap()
    paused = row(page, calls[1])
    expect(paused.get_by_text(re.compile(r"resumes in \d:\d\d, if recorded"))).to_be_visible()
    expect(paused.get_by_text(re.compile(r"acknowledged \d\d:\d\d:\d\d"))).to_be_visible()
    expect(paused.get_by_text("Ana Ruiz · Card details")).to_be_visible()
    assert [box(place) for place in page.locator("#rows > li").all()] == before
    for place in paused.locator(".badge, .line, .party").locator("visible=true").all():
        assert apart(box(place), box(slot2(page, calls[1])))


def test_without_javascript_the_pill_stays_clear_of_resume(board, site, cast, calls):
    site.browser_of(cast.ana).post(f"/t/acme/calls/{calls[0].pk}/pause/")
    page = board(cast.ana, **PHONE | {"viewport": {"width": 375, "height": 812}, "java_script_enabled": False})
    expect(row(page, calls[0])).to_contain_text(re.compile(r"Paused\s+resumes at \d\d:\d\d:\d\d"))
    for place in row(page, calls[0]).locator(".badge, .end, .ack").all():
        assert apart(box(place), box(slot2(page, calls[0])))


def test_a_tenants_name_has_room_on_a_phone(page):
    # The tag of a demo, where it is one, would stand beside it.
    page.locator(".tenant").evaluate("(h1) => h1.insertAdjacentHTML('beforeend', '<span class=tag>Demo</span>')")
    name = page.locator(".tenant > span").first
    expect(name).to_have_text("Acme Support")
    fits = "(place) => place.scrollWidth <= place.clientWidth && place.scrollHeight <= place.clientHeight"
    assert name.evaluate(fits)
    for word_of_it in ("Acme", "Support"):  # neither is broken in two
        assert name.evaluate(
            """(place, word) => {
              const range = document.createRange();
              range.setStart(place.firstChild, place.textContent.indexOf(word));
              range.setEnd(place.firstChild, place.textContent.indexOf(word) + word.length);
              return range.getClientRects().length === 1;
            }""",
            word_of_it,
        )


def test_what_is_told_in_bad_weather_fits_and_covers_no_row_for_good(page, complaints, calls):
    complaints.expect_no_answer()
    live(page)
    expect(page.locator("#worker")).to_be_visible()
    slot1(page, calls[0]).tap()
    expect(status(page)).to_contain_text("Paused: go ahead")
    deafen(page)
    expect(page.locator("#stale")).to_contain_text("Pressing still works.")
    for told in (page.locator("#stale"), page.locator(".strip")):
        assert box(told)["x"] >= 0 and box(told)["x"] + box(told)["width"] <= 390
        assert box(told)["y"] + box(told)["height"] <= 844
    slot1(page, calls[-1]).scroll_into_view_if_needed()
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    assert apart(box(page.locator(".strip")), box(slot1(page, calls[-1])))


def test_wide_screens_keep_resume_apart_from_pause_too(board, cast, calls):
    page = board(cast.ana)
    before = box(slot1(page, calls[0]))
    slot1(page, calls[0]).click()
    expect(slot2(page, calls[0])).to_be_visible()
    assert box(slot1(page, calls[0])) == before
    assert apart(box(slot2(page, calls[0])), before)

"""The strip in bad weather, and what lies over the page: words on words and buttons out of reach help nobody."""

import pytest
from playwright.sync_api import expect

from tests.browser.desk import alert, box, live, row, slot1, status, word
from tests.browser.test_phone import PHONE, apart


@pytest.mark.parametrize("width", [1024, 1280, 1440])
def test_all_that_the_strip_says_at_once_leaves_the_rows_alone(board, cast, live_call, bandwidth, width):
    (first, _), (second, _) = live_call(cast.acme_account), live_call(cast.acme_account)
    page = board(cast.ana, viewport={"width": width, "height": 800})
    live(page)
    expect(page.locator("#worker")).to_be_visible()
    bandwidth.fail_next(400)
    slot1(page, second).click()
    expect(alert(page)).to_contain_text("NOT paused")
    expect(page.locator("#part-incidents")).to_contain_text("1 incident needs you")
    slot1(page, first).click()
    expect(status(page)).to_contain_text("Paused: go ahead")
    said = [page.locator("#part-incidents"), status(page), alert(page)]
    for number, one in enumerate(said):
        assert apart(box(one), box(row(page, first)))
        assert all(apart(box(one), box(other)) for other in said[number + 1 :])
        assert one.evaluate("(place) => getComputedStyle(place).backgroundColor") != "rgba(0, 0, 0, 0)"
    page.get_by_role("button", name="Take this message away").click()
    expect(page.locator("#worker")).to_be_visible()  # it waited for that
    assert apart(box(page.locator("#worker")), box(row(page, first)))


def test_how_far_everyone_is_stands_above_the_sentences_on_a_phone(board, cast, live_call, bandwidth):
    calls = [live_call(cast.acme_account)[0] for _ in range(4)]
    page = board(cast.ana, **PHONE)
    live(page)
    bandwidth.fail_next(400, call_id=calls[0].call_id)
    page.get_by_role("button", name="Pause all").tap()
    page.get_by_role("button", name="Pause 4").tap()
    part = page.locator(".bulk")
    expect(part).to_contain_text("3 paused, 1 failed")
    expect(part.get_by_role("button", name="Repeat the 1")).to_be_visible()
    expect(page.locator("#part-incidents")).to_be_visible()
    assert apart(box(part), box(page.locator(".strip")))
    expect(word(page, calls[-1])).to_have_text("Paused")
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    assert apart(box(part), box(slot1(page, calls[-1])))


def test_a_long_name_stays_on_the_screen_of_a_phone(board, cast, live_call):
    call, _ = live_call(cast.acme_account)
    type(call).objects.filter(pk=call.pk).update(person="Maximiliana Featherstonehaugh-Wolfeschlegelsteinhausen")
    page = board(cast.ana, **PHONE)
    slot1(page, call).tap()
    expect(status(page)).to_contain_text("Paused: go ahead")
    about = box(page.locator("#say .about"))
    assert about["x"] + about["width"] <= 390


def test_an_empty_list_has_no_heads(board, cast, live_call):
    page = board(cast.ana)
    expect(page.get_by_role("heading", name="No calls on this board")).to_be_visible()
    expect(page.locator(".heads")).to_be_hidden()
    live(page)
    live_call(cast.acme_account)
    page.reload()
    expect(page.locator(".heads")).to_be_visible()
    page.locator("#search").fill("nobody")
    expect(page.get_by_text("No call matches")).to_be_visible()
    expect(page.locator(".heads")).to_be_hidden()

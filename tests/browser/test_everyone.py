"""Pause all: asked once, in words, by mouse and by keyboard; every colleague sees how far it is; two are repeated."""

from playwright.sync_api import expect

from tests.browser.desk import live, word
from voicedash.calls.models import Bulk


def dialog(page):
    return page.locator("#bulk-dialog")


def test_everyone_is_paused_and_the_two_that_failed_are_repeated(board, cast, bandwidth, live_call):
    calls = [live_call(cast.acme_account) for _ in range(6)]
    for ours, _ in calls[:2]:
        bandwidth.fail_next(400, call_id=ours.call_id)
    ana, vic = board(cast.ana), board(cast.vic)
    live(ana)
    live(vic)
    ana.get_by_role("button", name="Pause all").click()
    expect(dialog(ana).get_by_role("heading")).to_have_text("Pause 6 calls of the whole floor?")
    assert not bandwidth.puts
    dialog(ana).get_by_role("button", name="Pause 6").click()
    expect(dialog(ana)).to_be_hidden()
    for page in (ana, vic):
        part = page.locator("#part-bulks")
        expect(part).to_contain_text("Pause of 6 calls of the whole floor, by Ana Ruiz")
        expect(part).to_contain_text("4 paused, 2 failed")
        for ours, _ in calls[2:]:
            expect(word(page, ours)).to_have_text("Paused")
        for ours, _ in calls[:2]:
            expect(word(page, ours)).to_have_text("Recording (assumed)")
    expect(vic.get_by_role("button", name="Repeat")).to_have_count(0)
    expect(vic.get_by_role("button", name="Pause all")).to_have_count(0)
    expect(ana.locator("#say")).not_to_contain_text("Wait")  # that is over
    ana.get_by_role("button", name="Repeat the 2").click()
    expect(ana.locator("#say")).to_contain_text("Wait, pausing…")
    for ours, _ in calls:
        expect(word(ana, ours)).to_have_text("Paused")
        expect(word(vic, ours)).to_have_text("Paused")
    expect(ana.get_by_role("button", name="Repeat")).to_have_count(0)
    assert {theirs.recorder for _, theirs in calls} == {"paused"}
    assert len(bandwidth.puts) == 8


def test_with_the_keyboard_alone_and_back_by_what_is_ticked(board, cast, live_call):
    calls = [live_call(cast.acme_account) for _ in range(3)]
    page = board(cast.ana)
    live(page)
    word(page, calls[0][0]).wait_for()
    page.locator(f"#call-{calls[0][0].pk}-slot1").click()
    expect(word(page, calls[0][0])).to_have_text("Paused")
    page.get_by_role("button", name="Pause all").focus()
    page.keyboard.press("Enter")
    expect(dialog(page)).to_contain_text("1 is paused already and stays as it is.")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()
    assert not Bulk.objects.exists()
    page.keyboard.press("Enter")
    expect(dialog(page).get_by_role("button", name="Pause 2")).to_be_focused()
    page.keyboard.press("Enter")
    for ours, _ in calls:
        expect(word(page, ours)).to_have_text("Paused")
    page.get_by_role("button", name="Resume all").focus()
    page.keyboard.press("Enter")
    boxes = dialog(page).get_by_role("checkbox")
    expect(boxes).to_have_count(3)
    expect(dialog(page).locator("input:checked")).to_have_count(2)
    dialog(page).get_by_role("button", name="Resume the ticked ones").press("Enter")
    for ours, _ in calls[1:]:
        expect(word(page, ours)).to_have_text("Recording")
    expect(word(page, calls[0][0])).to_have_text("Paused")

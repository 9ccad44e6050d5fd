"""What each role sees of the same board."""

import pytest
from playwright.sync_api import expect

from tests.browser.desk import look, row, word
from voicedash.tenants.models import BandwidthAccount


def test_a_viewer_sees_the_calls_and_nothing_to_press(board, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.vic)
    expect(word(page, ours)).to_have_text("Recording (assumed)")
    site.browser_of(cast.ana).post(f"/t/acme/calls/{ours.pk}/pause/")
    look(page)
    expect(word(page, ours)).to_have_text("Paused")
    expect(page.locator("#rows button, #rows [data-press], #rows a")).to_have_count(0)
    for name in ("Add calls", "Fetch calls"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    row(page, ours).focus()
    page.keyboard.press("r")
    look(page)
    expect(word(page, ours)).to_have_text("Paused")


@pytest.mark.parametrize(("person", "times"), [("mia", 1), ("ana", 0), ("vic", 0)])
def test_only_managers_are_told_that_basic_sign_in_ends(board, cast, person, times):
    BandwidthAccount.objects.filter(pk=cast.acme_account.pk).update(auth="basic")
    page = board(getattr(cast, person))
    expect(page.get_by_role("heading", name="Acme Support")).to_be_visible()
    expect(page.get_by_text("2 December 2026")).to_have_count(times)


def test_a_strangers_board_is_nothing(board, complaints, cast, live_call):
    complaints.expect_status(404)
    live_call(cast.acme_account)
    page = board(cast.omar)
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    expect(page.locator(".row")).to_have_count(0)
    page.get_by_role("link", name="To the board").click()
    expect(page.get_by_role("heading", name="Globex Care")).to_be_visible()

"""Filters and searches go on while calls change, and move nothing under the hand."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.desk import box, change, live, look, row, slot1
from tests.cast import Cast
from voicedash.bandwidth.fake.world import fresh_id
from voicedash.calls.models import Call, Fetch
from voicedash.tenants.board import writing


def floor(cast: Cast, many: int) -> list[Call]:
    """So many calls, which Bandwidth has never heard of."""
    now = timezone.now()
    return Call.objects.bulk_create(
        Call(
            tenant=cast.acme,
            account=cast.acme_account,
            call_id=fresh_id("c"),
            state="answered",
            from_address=f"+1919556{number:04d}",
            to_address="+19195550100",
            direction="inbound",
            added_at=now,
        )
        for number in range(many)
    )


def show_only(page: Page, kind: str) -> None:
    page.locator(f".count[data-show={kind}]").click()


def test_what_comes_to_match_a_filter_waits_while_a_hand_is_on_the_list(board, cast):
    calls = floor(cast, 8)
    for call in calls[3:5]:
        change(call, recording="paused")
    page = board(cast.ana)
    live(page)
    show_only(page, "paused")
    expect(page.locator(".row:visible")).to_have_count(2)
    hand = slot1(page, calls[4])
    hand.hover()
    where = box(hand)

    change(calls[0], recording="paused")
    change(calls[3], recording="recording")
    change(calls[6], recording="paused")
    expect(row(page, calls[6])).to_be_visible()  # at the end it moves nothing
    expect(row(page, calls[0])).to_have_attribute("data-recording", "paused")
    expect(row(page, calls[0])).to_be_hidden()
    expect(row(page, calls[3])).to_be_visible()
    assert box(hand) == where

    page.mouse.move(0, 0)
    expect(row(page, calls[0])).to_be_visible()
    expect(row(page, calls[3])).to_be_hidden()
    show_only(page, "paused")
    expect(page.locator(".row:visible")).to_have_count(8)


def test_below_the_view_rows_come_and_go_with_the_filter_whatever_the_hand_does(board, cast):
    calls = floor(cast, 30)
    Call.objects.filter(pk__in=[call.pk for call in calls[:28]]).update(recording="unconfirmed")
    page = board(cast.ana)
    live(page)
    show_only(page, "needs")
    expect(page.locator(".row:visible")).to_have_count(28)
    hand = slot1(page, calls[2])
    hand.hover()
    where = box(hand)
    change(calls[26], recording="recording")
    expect(row(page, calls[26])).to_be_hidden()
    change(calls[26], recording="unconfirmed")
    expect(row(page, calls[26])).to_be_visible()
    assert box(hand) == where


def test_a_new_call_that_the_filter_hides_is_no_news_and_one_that_it_shows_waits(board, cast, live_call):
    above, matching, last = floor(cast, 3)
    change(last, recording="paused")
    gone = timezone.now() - timedelta(hours=1)
    Call.objects.filter(pk__in=[above.pk, matching.pk]).update(ended_at=gone)  # not on the board yet
    page = board(cast.ana)
    live(page)
    show_only(page, "paused")
    slot1(page, last).hover()
    chip = page.locator("#arrivals")
    change(above, ended_at=None)
    expect(row(page, above)).to_have_count(1)
    expect(row(page, above)).to_be_hidden()
    expect(chip).to_be_hidden()
    change(matching, ended_at=None, recording="paused")
    expect(chip).to_have_text("1 new")
    expect(row(page, matching)).to_have_count(0)
    chip.click()
    expect(row(page, matching)).to_be_visible()
    expect(row(page, above)).to_be_hidden()


def test_a_search_that_nobody_pressed_for_puts_no_row_above_the_hand(board, cast):
    calls = floor(cast, 330)
    page = board(cast.ana)
    expect(page.locator("#further")).to_contain_text("Show 30 more")
    page.get_by_role("searchbox").fill("556 0320")
    hand = slot1(page, calls[320])
    hand.hover()
    where = box(hand)
    found_by_searching_only = Call.objects.filter(pk=calls[310].pk)
    found_by_searching_only.update(from_address="+19195560320")
    look(page)
    chip = page.locator("#arrivals")
    expect(chip).to_have_text("1 new")
    assert box(hand) == where
    chip.click()
    expect(row(page, calls[310])).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(page.locator(".row")).to_have_count(300)  # what only the search has brought has left again


def test_news_of_the_accounts_shift_no_row_under_the_hand(board, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    live(page)
    hand = slot1(page, ours)
    hand.hover()
    where = box(hand)
    told = page.locator("#part-accounts")
    tell_of_a_fetch(ours, "Bandwidth refuses this.")
    expect(told).to_contain_text("Bandwidth refuses this.")  # which takes no more room than what was there
    version = tell_of_a_fetch(ours, "Bandwidth refuses this account's credentials. " * 6)
    expect(row(page, ours)).to_have_attribute("data-version", str(version))
    assert box(hand) == where
    page.mouse.move(0, 0)
    expect(told).to_contain_text("credentials")
    assert box(hand)["y"] > where["y"]


def tell_of_a_fetch(call: Call, error: str) -> int:
    """It failed, and something is new about a call as well; the version at which both are."""
    now = timezone.now()
    with writing(call.tenant_id) as stamp:
        Fetch.objects.all().delete()
        Fetch.objects.create(account=call.account, started_at=now, heard_at=now, finished_at=now, error=error)
        Call.objects.filter(pk=call.pk).update(version=stamp.version)
    return stamp.version

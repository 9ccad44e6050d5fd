"""A board that nobody touches: calls come and grey by themselves, and where they do not it says so, and since when."""

import re

from playwright.sync_api import expect

from tests.browser.desk import word
from tests.calls.doubting import until
from voicedash.calls.models import Call, Sync

A_WHILE = 15_000  # milliseconds


def test_a_call_appears_and_greys_without_a_touch(board, cast, bandwidth, worker):
    page = board(cast.ana)
    expect(page.locator("#part-accounts")).to_contain_text("not fetched yet")
    worker(SYNC_SECONDS=1)
    theirs = bandwidth.add_call("9900001", from_="+19195550123", to="+19195550100")
    shown = page.locator(f"[data-call={theirs.call_id}]")
    expect(shown).to_contain_text("+1 919 555 0123", timeout=A_WHILE)
    expect(page.locator("#part-accounts")).to_contain_text("calls come by themselves")
    theirs.hang_up()
    expect(word(page, Call.objects.get())).to_have_text("Ended", timeout=A_WHILE)
    expect(page.get_by_role("button", name=re.compile(r"^0\s+live$"))).to_be_visible()


def test_an_account_that_cannot_be_listed_says_why_and_since_when_until_it_can(board, cast, bandwidth, worker):
    worker(SYNC_SECONDS=1)
    until(lambda: Sync.objects.filter(account=cast.acme_account, heard_at__isnull=False).exists())
    page = board(cast.ana)
    told = page.locator("#part-accounts li")
    expect(told).to_contain_text("calls come by themselves")
    bandwidth.fail_next(403, on="list", account="9900001", times=999)
    expect(told).to_contain_text("Cannot list calls: Bandwidth forbids it. Typed ids and callbacks", timeout=A_WHILE)
    expect(told).to_have_class(re.compile("bad"))
    expect(told).to_contain_text(re.compile(r"Last heard\s+(at\s+)?0:0\d\s+ago"))
    first = told.locator("time").inner_text()
    expect(told.locator("time")).not_to_have_text(first)
    bandwidth.forget()
    expect(told).to_contain_text("calls come by themselves", timeout=A_WHILE)
    expect(told).not_to_have_class(re.compile("bad"))

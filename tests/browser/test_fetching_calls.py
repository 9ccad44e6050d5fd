"""*Fetch calls*: the person who asks sees how far it is, and of which account it failed."""

import re

from playwright.sync_api import expect

from tests import cast as people
from tests.browser.desk import look, row, word
from voicedash.calls.models import Fetch


def test_progress_is_told_and_the_calls_arrive(board, cast, bandwidth):
    account = cast.acme_account.account_id
    calls = [bandwidth.add_call(account, from_="+19195550123", to="+19195550100") for _ in range(3)]
    bandwidth.add_call(account, state="disconnected")
    page = board(cast.ana)
    expect(page.locator("#fetch")).to_contain_text(f"{cast.acme_account} not fetched yet")
    bandwidth.hold(account, on="list")
    page.get_by_role("button", name="Fetch calls").click()
    expect(page.locator("#fetch")).to_contain_text(re.compile(r"fetching… page\s+1"))
    bandwidth.release(account)
    expect(page.locator("#fetch")).to_contain_text(re.compile(r"3 live,\s+3 new,\s+0 ended"))
    for call in calls:
        expect(page.locator(f"[data-call={call.call_id}]")).to_contain_text("+1 919 555 0123")
    expect(page.locator(".row")).to_have_count(3)


def test_an_account_that_fails_is_named_and_costs_the_other_nothing(board, cast, bandwidth):
    refused = people.account(cast.acme, "9900003", secret="not-the-secret")
    people.known_to(bandwidth, refused)
    bandwidth.add_call(cast.acme_account.account_id)
    page = board(cast.ana)
    page.get_by_role("button", name="Fetch calls").click()
    told = page.locator("#fetch")
    good, bad = (told.locator("li").filter(has_text=str(account)) for account in (cast.acme_account, refused))
    expect(good).to_contain_text(re.compile(r"1 live,\s+1 new"))
    expect(bad).to_contain_text("Bandwidth refuses this account's credentials. Tell an admin.")
    expect(bad).to_have_class(re.compile("bad"))
    expect(page.locator(".row")).to_have_count(1)


def test_calls_that_ended_turn_grey_and_stay_where_they_are(board, cast, live_call):
    ours, theirs = live_call(cast.acme_account)
    other, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    theirs.hang_up()
    page.get_by_role("button", name="Fetch calls").click()
    expect(word(page, ours)).to_have_text("Ended")
    expect(row(page, ours)).to_have_class(re.compile("ended"))
    expect(page.locator(".row").first).to_have_id(f"call-{ours.pk}")
    expect(word(page, other)).to_have_text("Recording (assumed)")
    expect(page.get_by_role("button", name=re.compile(r"^1\s+live$"))).to_be_visible()


def test_everyone_at_the_board_sees_the_result_of_a_colleagues_fetch(board, cast, bandwidth):
    bandwidth.add_call(cast.acme_account.account_id)
    mias, anas = board(cast.mia), board(cast.ana)
    anas.get_by_role("button", name="Fetch calls").click()
    expect(anas.locator(".row")).to_have_count(1)
    look(mias)
    expect(mias.locator(".row")).to_have_count(1)
    expect(mias.locator("#fetch")).to_contain_text("1 live, 1 new")
    assert Fetch.objects.get().by == cast.ana


def test_without_an_answer_the_person_is_told_that_nothing_was_fetched(board, complaints, cast):
    complaints.expect_no_answer()
    page = board(cast.ana)
    page.route("**/fetch/", lambda route: route.abort())
    page.get_by_role("button", name="Fetch calls").click()
    expect(page.locator("#say [role=alert]")).to_contain_text(
        "Calls were not fetched: no answer from voicedash. Try again."
    )

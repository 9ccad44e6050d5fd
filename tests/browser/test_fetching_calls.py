"""*Fetch calls*: the person who asks sees how far it is, and of which account it failed."""

import re
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from tests import cast as people
from tests.browser.desk import alert, deafen, hear_again, live, look, row, skip, until, word
from voicedash.calls.models import Fetch


def test_progress_is_told_and_the_calls_arrive(board, cast, bandwidth):
    account = cast.acme_account.account_id
    calls = [bandwidth.add_call(account, from_="+19195550123", to="+19195550100") for _ in range(3)]
    bandwidth.add_call(account, state="disconnected")
    page = board(cast.ana)
    expect(page.locator("#part-accounts")).to_contain_text(f"{cast.acme_account} not fetched yet")
    bandwidth.hold(account, on="list")
    page.get_by_role("button", name="Fetch calls").click()
    expect(page.locator("#part-accounts")).to_contain_text(re.compile(r"fetching… page\s+1"))
    bandwidth.release(account)
    expect(page.locator("#part-accounts")).to_contain_text(re.compile(r"3 live,\s+3 new,\s+0 ended"))
    for call in calls:
        expect(page.locator(f"[data-call={call.call_id}]")).to_contain_text("+1 919 555 0123")
    expect(page.locator(".row")).to_have_count(3)


def test_an_account_that_fails_is_named_and_costs_the_other_nothing(board, cast, bandwidth):
    refused = people.account(cast.acme, "9900003", secret="not-the-secret")
    people.known_to(bandwidth, refused)
    bandwidth.add_call(cast.acme_account.account_id)
    page = board(cast.ana)
    page.get_by_role("button", name="Fetch calls").click()
    told = page.locator("#part-accounts")
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
    expect(mias.locator("#part-accounts")).to_contain_text("1 live, 1 new")
    assert Fetch.objects.get().by == cast.ana


def test_without_an_answer_the_person_is_told_that_nothing_was_fetched(board, complaints, cast):
    complaints.expect_no_answer()
    page = board(cast.ana)
    page.route("**/fetch/", lambda route: route.abort())
    page.get_by_role("button", name="Fetch calls").click()
    expect(alert(page)).to_contain_text("Calls were not fetched: no answer from voicedash. Try again.")


def test_a_look_that_failed_does_not_end_the_telling_of_a_fetch(board, complaints, cast, bandwidth):
    complaints.expect_no_answer()
    bandwidth.add_call(cast.acme_account.account_id)
    page = board(cast.ana)
    deafen(page)
    bandwidth.hold(cast.acme_account.account_id, on="list")
    page.get_by_role("button", name="Fetch calls").click()
    expect(page.locator("#part-accounts")).to_contain_text("fetching…")
    bandwidth.release(cast.acme_account.account_id)
    until(lambda: Fetch.objects.filter(finished_at__isnull=False).exists())
    look(page)
    expect(page.locator("#part-accounts")).to_contain_text("fetching…")
    hear_again(page)
    expect(page.locator("#part-accounts")).to_contain_text("1 live, 1 new")
    expect(page.locator(".row")).to_have_count(1)


def test_an_answer_to_fetch_calls_that_comes_late_does_not_put_back_what_is_over(board, cast, bandwidth):
    account = cast.acme_account.account_id
    bandwidth.add_call(account)
    page = board(cast.ana)
    live(page)
    told = page.locator("#part-accounts")

    def late(route):
        bandwidth.hold(account, on="list")
        running = route.fetch()
        bandwidth.release(account)
        expect(told).to_contain_text("1 live, 1 new")  # by the stream
        assert "fetching…" in running.text()
        route.fulfill(response=running)

    page.route("**/fetch/", late)
    with page.expect_response("**/fetch/"):
        page.get_by_role("button", name="Fetch calls").click()
    expect(page.locator("#fetch-button")).not_to_have_class(re.compile("htmx-request"))
    expect(told).to_contain_text("1 live, 1 new")


def test_a_fetch_that_died_with_its_process_is_told_where_nothing_else_happens(board, cast):
    account = cast.acme_account
    now = timezone.now()
    Fetch.objects.create(account=account, started_at=now, heard_at=now, finished_at=None)
    page = board(cast.ana)
    live(page)
    expect(page.locator("#part-accounts")).to_contain_text("fetching…")
    Fetch.objects.update(heard_at=now - timedelta(seconds=61), finished_at=None)
    page.evaluate("() => { window.voicedash.liveness.isLive = () => true; }")  # or it would look because of that
    skip(page, 66_000)
    expect(page.locator("#part-accounts")).to_contain_text("fetching stopped half way. Fetch again.")
    Fetch.objects.update(finished_at=now)

"""The same board where no script runs: forms post, and the page comes back with the sentence."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import row, slot1, slot2, word
from tests.cast import PASSWORD
from voicedash.bandwidth.fake.world import fresh_id
from voicedash.tenants.models import Reason


@pytest.fixture
def page(browser, site, cast) -> Page:
    plain: Page = browser(java_script_enabled=False).new_page()
    plain.goto(site.url)
    plain.get_by_label("Username").fill("ana")
    plain.get_by_label("Password").fill(PASSWORD)
    plain.get_by_role("button", name="Sign in").click()
    expect(plain.get_by_role("heading", name="Acme Support")).to_be_visible()
    return plain


def test_a_call_is_paused_and_resumed(page, site, cast, live_call):
    ours, theirs = live_call(cast.acme_account)
    page.reload()
    slot1(page, ours).click()
    expect(page).to_have_url(f"{site.url}/t/acme/")
    expect(page.get_by_text("Paused: go ahead. Bandwidth acknowledged it.")).to_be_visible()
    expect(word(page, ours)).to_have_text("Paused")
    expect(row(page, ours)).to_contain_text(re.compile(r"resumes at \d\d:\d\d:\d\d"))
    assert theirs.recorder == "paused"

    slot2(page, ours).click()
    expect(page.get_by_text("Recording. Bandwidth acknowledged it.")).to_be_visible()
    expect(word(page, ours)).to_have_text("Recording")
    assert theirs.recorder == "recording"


def test_a_pause_is_kept_given_another_reason_and_a_note(page, cast, live_call, bandwidth):
    other = Reason.objects.create(tenant=cast.acme, name="Other", lease=180, prolong=1, note=True)
    ours, _ = live_call(cast.acme_account)
    page.reload()
    slot1(page, ours).click()
    slot1(page, ours).click()
    expect(page.get_by_text("Still paused. It resumes in 3:00.")).to_be_visible()
    page.get_by_label("Pause for").select_option(str(other.pk))
    slot1(page, ours).click()
    expect(row(page, ours)).to_contain_text("Ana Ruiz · Other")
    page.get_by_label("Note about this pause").fill("a dog barks")
    page.keyboard.press("Enter")  # presses no button of another row
    expect(page.get_by_label("Note about this pause")).to_have_value("a dog barks")
    page.get_by_role("button", name="Save").click()
    expect(row(page, ours)).to_contain_text("Ana Ruiz · Other · a dog barks")
    slot1(page, ours).click()
    expect(page.get_by_text("write a note why")).to_be_visible()
    page.get_by_label("Note about this pause").fill("it still does")
    slot1(page, ours).click()
    expect(row(page, ours)).to_contain_text("it still does")
    assert len(bandwidth.puts) == 1


def test_a_pause_that_failed_tells_to_stop_the_caller(page, cast, live_call, bandwidth):
    ours, _ = live_call(cast.acme_account)
    page.reload()
    bandwidth.fail_next(400)
    slot1(page, ours).click()
    expect(page.get_by_role("alert")).to_contain_text("NOT paused: stop the caller. Bandwidth refused.")
    expect(word(page, ours)).to_have_text("Recording (assumed)")


def test_somebody_elses_pause_is_resumed_with_a_second_press(page, site, cast, live_call):
    ours, theirs = live_call(cast.acme_account)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    page.reload()
    slot2(page, ours).click()
    expect(page.get_by_text(re.compile(r"Mia Chen paused \d+ s ago\. Resume anyway\?")).first).to_be_visible()
    assert theirs.recorder == "paused"
    expect(slot2(page, ours)).to_contain_text("Resume anyway")
    slot2(page, ours).click()
    expect(word(page, ours)).to_have_text("Recording")
    assert theirs.recorder == "recording"


def test_calls_are_added_and_the_refused_stay_in_the_field(page, cast):
    call_id = fresh_id("c")
    page.locator("summary").filter(has_text="Add calls").click()
    page.get_by_label("Call ids or their addresses").fill(f"{call_id} nonsense")
    page.get_by_role("button", name="Add calls").click()
    expect(page.locator("#added")).to_contain_text("1 call added.")
    expect(page.locator("#added")).to_contain_text("nonsense: a call id begins with c-")
    expect(page.get_by_label("Call ids or their addresses")).to_have_value("nonsense")
    expect(page.locator(f"[data-call={call_id}]")).to_be_visible()


def test_calls_are_fetched(page, cast, bandwidth):
    bandwidth.add_call(cast.acme_account.account_id)
    page.get_by_role("button", name="Fetch calls").click()
    expect(page.get_by_role("heading", name="Acme Support")).to_be_visible()
    for _ in range(50):
        if page.locator(".row").count():
            break
        page.reload()
    expect(page.locator(".row")).to_have_count(1)


def test_what_only_a_script_can_do_is_not_offered(page, cast, live_call):
    live_call(cast.acme_account)
    page.reload()
    expect(page.locator(".js-only").locator("visible=true")).to_have_count(0)
    expect(page.get_by_role("searchbox")).to_have_count(0)
    page.locator("summary").filter(has_text="Ana Ruiz").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

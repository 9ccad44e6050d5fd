"""Leaving with calls still paused, as a person sees it: signing out, being signed out, and having them handed over."""

import re

from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from tests.browser.desk import alert, live, row, slot1, slot2, status, word
from tests.browser.test_accessibility import violations
from tests.browser.test_leases import ends_in
from tests.browser.test_signing_in import enter
from tests.cast import PASSWORD
from voicedash.calls.models import Call

# Keeps what a page says while its answer is awaited: the next page cannot tell.
NOTE = """() => {
    const wait = document.getElementById("wait");
    new MutationObserver(() => { sessionStorage.said = wait.textContent; }).observe(wait, { childList: true });
}"""


def sign_out(page):
    page.locator("summary").filter(has_text="Ana Ruiz").click()
    page.get_by_role("button", name="Sign out").click()


def test_what_is_paused_is_shown_handed_over_and_then_the_others(board, site, cast, live_call, bandwidth):
    calls = [live_call(cast.acme_account) for _ in range(3)]
    for (call, _), name in zip(calls, ("Tom Berg", "Eva Lang", "Gil Ott"), strict=True):
        Call.objects.filter(pk=call.pk).update(person=name, team="Sales")
    anas, mias = board(cast.ana), board(cast.mia)
    live(mias)
    for call, _ in calls:
        slot1(anas, call).click()
        expect(word(mias, call)).to_have_text("Paused")
    sign_out(anas)
    expect(anas.get_by_role("heading")).to_have_text("Before you go: 3 calls are paused by you")
    assert violations(anas) == []
    (first, _), (second, theirs), (third, kept) = calls
    anas.get_by_role("button", name="Hand over the call of Tom Berg").click()
    expect(anas.get_by_text("Handed to Mia Chen. Tom Berg: the pause stays")).to_be_visible()
    expect(row(mias, first)).to_contain_text("Ana Ruiz · handed to Mia Chen · Card details")
    expect(status(mias)).to_contain_text("Handed to you: Tom Berg")
    expect(row(mias, first)).to_have_attribute("data-by", str(cast.mia.pk))  # whom the sound before its end is for
    # With the keyboard alone.
    resume = anas.get_by_role("button", name="Resume the recording of Eva Lang")
    while not resume.evaluate("(button) => button === document.activeElement"):
        anas.keyboard.press("Tab")
    anas.evaluate(NOTE)
    anas.keyboard.press("Enter")
    expect(anas.get_by_text("Recording. Bandwidth acknowledged it. · Eva Lang")).to_be_visible()
    assert anas.evaluate("() => sessionStorage.said") == "Wait, resuming…: treat as recording."
    assert violations(anas) == []
    anas.get_by_role("button", name="Sign out, keep it paused").press("Enter")
    expect(anas.get_by_role("heading", name="Sign in")).to_be_visible()
    slot2(mias, first).click()
    expect(word(mias, first)).to_have_text("Recording")  # it is hers: no second press
    expect(word(mias, second)).to_have_text("Recording")
    expect(word(mias, third)).to_have_text("Paused")
    assert (theirs.recorder, kept.recorder) == ("recording", "paused")


def test_who_was_signed_out_is_told_on_the_board_and_at_the_next_sign_in(board, complaints, cast, live_call):
    complaints.expect_status(401)
    call, _ = live_call(cast.acme_account)
    Call.objects.filter(pk=call.pk).update(person="Tom Berg")
    page = board(cast.ana)
    slot1(page, call).click()
    expect(word(page, call)).to_have_text("Paused")
    Session.objects.all().delete()
    slot2(page, call).click()
    expect(alert(page)).to_contain_text(
        "Not sent: sign in. The recording was not touched. Still paused by you: Tom Berg."
    )
    page.evaluate("() => window.voicedash.reads.look()")
    expect(page.locator("#stale")).to_have_text(
        re.compile(r"You are signed out: what you see is from .+\. Still paused by you: Tom Berg\. Sign in")
    )
    page.locator("#stale").get_by_role("link", name="Sign in").click()
    enter(page, "ana", PASSWORD)
    expect(page.get_by_role("heading")).to_have_text("1 call is still paused by you")
    assert violations(page) == []
    page.get_by_role("link", name="Keep it paused and go on").click()
    expect(word(page, call)).to_have_text("Paused")


def test_what_is_left_of_a_pause_ticks_and_once_it_is_over_the_page_claims_it_no_more(board, cast, live_call):
    call, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, call).click()
    expect(word(page, call)).to_have_text("Paused")
    ends_in(call, 63)
    sign_out(page)
    how = page.locator(".how")
    expect(how).to_have_text(re.compile(r"Paused since \d\d:\d\d:\d\d, resumes in 1:0\d, at \d\d:\d\d:\d\d E.T"))
    expect(how).to_contain_text("resumes in 0:5")
    ends_in(call, 2)
    page.reload()
    expect(how).to_have_text(
        re.compile(r"Not confirmed: treat as recording, it was to resume at \d\d:\d\d:\d\d E.T\. Look again")
    )
    assert violations(page) == []
    ends_in(call, 100)
    how.get_by_role("link", name="Look again").click()
    expect(how).to_contain_text("Paused since")


def test_without_javascript_on_a_phone_a_pause_without_an_end_takes_a_second_press(
    browser, board, site, cast, live_call
):
    call, theirs = live_call(cast.acme_account)
    site.browser_of(cast.ana).post(f"/t/acme/calls/{call.pk}/pause/", data={"reason": cast.objects.pk})
    page = board(cast.ana, java_script_enabled=False, viewport={"width": 390, "height": 844})
    sign_out(page)
    expect(page.get_by_text("until a person resumes")).to_be_visible()
    button = page.get_by_role("button", name="Resume anyway")
    expect(button).to_be_hidden()
    page.get_by_text("Resume…").click()
    button.click()
    expect(page.get_by_role("heading")).to_have_text("Nothing is paused by you")
    assert theirs.recorder == "recording"
    page.get_by_role("button", name="Sign out", exact=True).last.click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

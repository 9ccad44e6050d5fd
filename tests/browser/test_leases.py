"""Pauses that end by themselves, as a person sees them: the countdown, keeping, other reasons, and the warning."""

import re
from datetime import timedelta
from functools import partial

import pytest
from playwright.sync_api import expect

from tests.browser.desk import change, live, row, slot1, slot2, status, until, word
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Reason

# Counts the sounds that a page makes. A headless Chromium has no loudspeaker.
COUNT = """
window.sounds = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...at) { window.sounds += 1; return start.apply(this, at); };
"""


@pytest.fixture
def other(cast):
    return Reason.objects.create(tenant=cast.acme, name="Other", lease=180, prolong=1, note=True)


def ends_in(call, seconds, **more):
    """The pause ends in so many seconds, and open boards hear of it."""
    at = database_time() + timedelta(seconds=seconds)
    change(call, lease_ends_at=at, lease_due_at=at, **more)


def ends_at(call):
    return Call.objects.get(pk=call.pk).lease_ends_at


def was_kept(call, before):
    return ends_at(call) > before


def countdown(page, call):
    return row(page, call).locator("[data-ends]")


def chip(page, call, name):
    return row(page, call).get_by_role("button", name=name, exact=True)


def note(page, call):
    return row(page, call).get_by_role("textbox", name="Note about this pause")


def test_a_pause_for_the_usual_reason_counts_down(board, cast, live_call):
    call, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, call).click()
    expect(word(page, call)).to_have_text("Paused")
    expect(row(page, call)).to_contain_text("Ana Ruiz · Card details")
    expect(countdown(page, call)).to_have_text(re.compile(r"resumes in 2:5\d"))
    ends_in(call, 65)
    expect(countdown(page, call)).to_have_text("resumes in 1:03")
    expect(row(page, call)).not_to_have_class(re.compile("ending"))


def test_another_reason_is_one_press_on_the_paused_row(board, cast, live_call, bandwidth, other):
    call, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, call).click()
    expect(word(page, call)).to_have_text("Paused")
    before = [place.bounding_box() for place in page.locator("#rows > li").all()]
    chip(page, call, "Customer objects to recording").click()
    expect(row(page, call)).to_contain_text("until you resume")
    expect(row(page, call)).to_contain_text("Ana Ruiz · Customer objects to recording")
    expect(status(page)).to_contain_text("It stays until somebody resumes it.")
    expect(chip(page, call, "Card details")).to_be_visible()
    assert [place.bounding_box() for place in page.locator("#rows > li").all()] == before
    assert len(bandwidth.puts) == 1


def test_a_reason_that_wants_a_note_asks_for_it_in_the_row(board, cast, live_call, other):
    call, _ = live_call(cast.acme_account)
    mias, page = board(cast.mia), board(cast.ana)
    slot1(page, call).click()
    chip(page, call, "Other").click()
    note(page, call).fill("a dog ba")
    change(call, state="answered")  # something else is new about the call
    expect(row(page, call)).to_have_attribute("data-version", str(Call.objects.get().version))
    expect(note(page, call)).to_have_value("a dog ba")
    note(page, call).press_sequentially("rks")
    page.keyboard.press("Enter")
    expect(row(page, call)).to_contain_text("Ana Ruiz · Other · a dog barks")
    expect(note(page, call)).to_have_count(0)
    live(mias)
    expect(row(mias, call)).to_contain_text("a dog barks")
    assert Call.objects.get().lease_prolonged == 0


def test_kept_to_the_limit_and_then_with_a_note(board, cast, live_call, bandwidth):
    call, theirs = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, call).click()
    for times in (1, 2, 3):
        expect(slot1(page, call)).to_contain_text("Keep paused")
        before = ends_at(call)
        slot1(page, call).click()
        until(partial(was_kept, call, before))
        expect(status(page)).to_contain_text("Still paused It resumes in 3:00")
        assert Call.objects.get().lease_prolonged == times
    slot1(page, call).click()
    expect(status(page)).to_contain_text("write a note why")
    expect(note(page, call)).to_be_focused()
    ends_in(call, 100)
    expect(note(page, call)).to_be_visible()
    page.keyboard.type("4111 1111 1111 1111")
    page.keyboard.press("Enter")
    expect(page.locator("#say [role=alert]")).to_contain_text("could be a card number")
    note(page, call).fill("the terminal starts anew")
    slot1(page, call).click()
    expect(status(page)).to_contain_text("Still paused It resumes in 3:00. To keep it longer takes a note.")
    expect(row(page, call)).to_contain_text("the terminal starts anew")
    assert (len(bandwidth.puts), theirs.recorder) == (1, "paused")


def test_p_keeps_a_paused_row_and_a_chip_is_reached_by_tab(board, cast, live_call, bandwidth, other):
    call, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    row(page, call).focus()
    page.keyboard.press("p")
    expect(word(page, call)).to_have_text("Paused")
    page.keyboard.press("p")
    expect(status(page)).to_contain_text("Still paused")
    assert len(bandwidth.puts) == 1
    page.keyboard.press("Tab")
    expect(chip(page, call, "Customer objects to recording")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(row(page, call)).to_contain_text("Ana Ruiz · Other")
    note(page, call).focus()
    page.keyboard.press("Escape")
    expect(row(page, call)).to_be_focused()
    page.keyboard.press("Tab")
    expect(note(page, call)).to_be_focused()
    page.keyboard.type("pr/?")
    page.keyboard.press("Enter")
    expect(row(page, call)).to_contain_text("Other · pr/?")
    row(page, call).focus()
    page.keyboard.press("r")
    expect(word(page, call)).to_have_text("Recording")


def test_a_colleagues_pause_is_kept_with_one_press_and_resumed_with_two(board, site, cast, live_call, bandwidth):
    call, theirs = live_call(cast.acme_account)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{call.pk}/pause/")
    page = board(cast.ana)
    ends_in(call, 50)
    expect(countdown(page, call)).to_have_text("resumes in 0:48")
    slot1(page, call).click()
    expect(countdown(page, call)).to_have_text(re.compile("resumes in 2:5"))
    expect(row(page, call)).to_contain_text("Mia Chen · Card details")
    slot2(page, call).click()
    expect(slot2(page, call)).to_contain_text("Resume anyway")
    slot2(page, call).click(delay=800)
    expect(word(page, call)).to_have_text("Recording")
    assert theirs.recorder == "recording"


def test_amber_and_one_sound_for_whoever_paused_and_later_for_everyone(board, cast, live_call):
    call, _ = live_call(cast.acme_account)
    anas, mias = board(cast.ana), board(cast.mia)
    for page in (anas, mias):
        page.context.add_init_script(COUNT)
        page.reload()
        live(page)
        page.locator(".mark").hover()
        page.keyboard.press("Shift")  # only then may a page sound
        row(page, call).focus()
    slot1(anas, call).click()
    expect(word(mias, call)).to_have_text("Paused")
    ends_in(call, 32)
    expect(row(anas, call)).to_have_class(re.compile("ending"))
    expect(row(mias, call)).to_have_class(re.compile("ending"))
    until(lambda: anas.evaluate("() => window.sounds") == 1)
    assert mias.evaluate("() => window.sounds") == 0
    expect(anas.locator("#news")).to_contain_text(re.compile(r"resumes in (30|29) s"))
    ends_in(call, 22)
    until(lambda: mias.evaluate("() => window.sounds") == 1)
    expect(mias.locator("#news")).to_contain_text(re.compile(r"resumes in (20|19) s"))
    ends_in(call, 10)
    expect(countdown(mias, call)).to_have_text("resumes in 0:07")
    assert [page.evaluate("() => window.sounds") for page in (anas, mias)] == [1, 1]
    slot1(anas, call).click()  # kept, it has another end, of which is warned again
    expect(countdown(anas, call)).to_have_text(re.compile("resumes in 2:5"))
    ends_in(call, 29.5)
    until(lambda: anas.evaluate("() => window.sounds") == 2)


def test_after_its_end_the_row_claims_no_recording(board, cast, live_call):
    """No worker runs here: it is over and nobody has resumed it."""
    call, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, call).click()
    expect(word(page, call)).to_have_text("Paused")
    ends_in(call, -1)
    expect(countdown(page, call)).to_have_text("0:02 late, resuming…")
    expect(word(page, call)).to_have_text("Paused")
    ends_in(call, -11)
    expect(countdown(page, call)).to_have_text(re.compile(r"0:1\d late, not resumed"))
    slot1(page, call).click()
    expect(countdown(page, call)).to_have_text(re.compile("resumes in 2:5"))


def test_the_countdown_is_the_servers_whatever_this_computers_clock_says(board, cast, live_call):
    call, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    page.evaluate("() => { const real = Date.now; Date.now = () => real() + 60_000; }")
    page.reload()
    slot1(page, call).click()
    expect(countdown(page, call)).to_have_text(re.compile(r"resumes in 2:5\d"))


def test_with_all_browsers_closed_it_is_resumed_at_its_end(board, cast, live_call, bandwidth, worker):
    call, theirs = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, call).click()
    expect(word(page, call)).to_have_text("Paused")
    page.context.close()
    worker()
    ends_in(call, 1.0)
    ends = ends_at(call)
    until(lambda: theirs.recorder == "recording")
    assert (database_time() - ends).total_seconds() < 5
    until(lambda: Call.objects.get().recording == "recording")
    again = board(cast.mia)
    expect(word(again, call)).to_have_text("Recording")
    expect(row(again, call)).to_contain_text("by itself: the pause had ended")


def test_where_its_claim_is_in_doubt_the_first_button_pauses_again(board, cast, live_call, bandwidth):
    call, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, call).click()
    expect(slot1(page, call)).to_contain_text("Keep paused")
    now = database_time()
    resume = Command.objects.create(
        call=call, wanted="recording", state="closed", asked_at=now, expires_at=now, version=1
    )
    Attempt.objects.create(
        command=resume, number=1, began_at=now, result="unknown", doubt_until=now + timedelta(seconds=1)
    )
    change(call, state="answered")
    expect(word(page, call)).to_have_text("Not confirmed: treat as recording")
    expect(slot1(page, call)).to_contain_text("Pause again")
    slot1(page, call).click()
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    assert bandwidth.puts[-1].state == "paused"

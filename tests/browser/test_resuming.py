"""A resume: one's own at once, anybody else's after a second press, and never against a newer pause."""

import re

from playwright.sync_api import expect

from tests.browser.desk import alert, deafen, look, row, slot1, slot2, status, until, word
from voicedash.calls.models import Command
from voicedash.tenants.models import Reason


def test_ones_own_pause_is_resumed_with_one_press(board, cast, live_call, bandwidth):
    ours, theirs = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, ours).click()
    expect(word(page, ours)).to_have_text("Paused")
    slot2(page, ours).click()
    expect(word(page, ours)).to_have_text("Recording")
    expect(status(page)).to_contain_text("Recording Bandwidth acknowledged it.")
    expect(slot2(page, ours)).to_have_count(0)
    assert theirs.recorder == "recording"


def test_somebody_elses_pause_takes_a_second_press_in_place(board, site, cast, live_call, bandwidth):
    ours, theirs = live_call(cast.acme_account)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    page = board(cast.ana)
    where = slot2(page, ours).bounding_box()

    slot2(page, ours).click()
    expect(row(page, ours)).to_contain_text(re.compile(r"Mia Chen paused \d+ s ago\. Resume anyway\?"))
    expect(slot2(page, ours)).to_contain_text("Resume anyway")
    assert slot2(page, ours).bounding_box() == where  # in place: nothing moved under the hand
    assert theirs.recorder == "paused"
    assert len(bandwidth.puts) == 1

    slot2(page, ours).click(delay=800)  # a double click is not yet an answer to the question
    expect(word(page, ours)).to_have_text("Recording")
    assert theirs.recorder == "recording"


def test_a_double_click_on_resume_does_not_answer_the_question_it_raises(board, site, cast, live_call, bandwidth):
    ours, theirs = live_call(cast.acme_account)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    page = board(cast.ana)
    slot2(page, ours).click()
    expect(slot2(page, ours)).to_contain_text("Resume anyway")
    slot2(page, ours).click()
    look(page)
    expect(word(page, ours)).to_have_text("Paused")
    assert theirs.recorder == "paused"
    assert len(bandwidth.puts) == 1


def test_an_unanswered_question_goes_away_again(board, site, browser, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    page = board(cast.ana)
    page.clock.install()
    page.reload()
    slot2(page, ours).click()
    expect(slot2(page, ours)).to_contain_text("Resume anyway")
    page.clock.fast_forward(12_500)
    expect(slot2(page, ours)).not_to_contain_text("anyway")
    expect(word(page, ours)).to_have_text("Paused")


def test_ones_own_pause_without_an_end_takes_a_second_press_too(board, cast, live_call, bandwidth):
    Reason.objects.update(default=False)
    Reason.objects.filter(pk=cast.objects.pk).update(default=True)
    ours, theirs = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, ours).click()
    expect(row(page, ours)).to_contain_text("Customer objects to recording")
    slot2(page, ours).click()
    expect(row(page, ours)).to_contain_text("This pause has no end of its own. Resume anyway?")
    assert theirs.recorder == "paused"


def test_a_resume_from_an_old_row_is_refused_when_somebody_paused_since(board, site, complaints, cast, live_call):
    complaints.expect_no_answer()
    ours, theirs = live_call(cast.acme_account)
    anas = site.browser_of(cast.ana)
    anas.post(f"/t/acme/calls/{ours.pk}/pause/")
    page = board(cast.ana)
    deafen(page)
    anas.post(f"/t/acme/calls/{ours.pk}/resume/")
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")

    slot2(page, ours).click()
    expect(alert(page)).to_contain_text("NOT resumed Paused since by Mia Chen. Look again before you resume.")
    expect(row(page, ours)).to_contain_text("Mia Chen · Card details")
    expect(word(page, ours)).to_have_text("Paused")
    assert theirs.recorder == "paused"


def test_a_pause_wins_over_a_resume_that_hangs(board, site, cast, live_call, bandwidth):
    ours, theirs = live_call(cast.acme_account)
    site.browser_of(cast.ana).post(f"/t/acme/calls/{ours.pk}/pause/")
    anas, mias = board(cast.ana), board(cast.mia)
    bandwidth.hang_next(seconds=30)
    slot2(anas, ours).click()
    expect(status(anas)).to_contain_text("Wait, resuming…")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)

    look(mias)
    expect(word(mias, ours)).to_have_text("Resuming…: treat as recording")
    slot1(mias, ours).click()
    expect(status(mias)).to_contain_text("Wait, pausing…")
    until(lambda: Command.objects.filter(state="waiting").exists())
    look(anas)  # whoever looks now reads Paused nowhere
    expect(word(anas, ours)).to_have_text("Resuming…: treat as recording")
    expect(row(anas, ours)).to_contain_text("then Mia Chen pauses")

    expect(status(mias)).to_contain_text("Paused: go ahead")
    expect(word(mias, ours)).to_have_text("Paused")
    expect(row(mias, ours)).to_contain_text("may still change until")  # the resume may yet arrive
    expect(alert(anas)).to_contain_text("NOT confirmed")
    expect(word(anas, ours)).to_have_text("Paused")
    assert [put.state for put in bandwidth.puts] == ["paused", "recording", "paused"]
    assert theirs.recorder == "paused"

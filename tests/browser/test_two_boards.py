"""A change made anywhere is on every colleague's screen, whatever happened to server, network and tabs meanwhile."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.desk import (
    A_SECOND,
    PROMPTLY,
    STALE,
    change,
    end,
    lags,
    live,
    look,
    put_to_sleep,
    row,
    slot1,
    slot2,
    stop_the_clock,
    until,
    visible_text,
    wake,
    word,
)
from tests.browser.relay import Relay
from voicedash.calls.models import Call


def test_a_press_shows_on_a_colleagues_board_within_a_second_before_and_after_a_restart(
    board, node, site, complaints, cast, live_call
):
    complaints.expect_no_answer()
    ours, _ = live_call(cast.acme_account)
    first = node()
    with Relay(first) as relay:
        anas, mias = board(cast.ana, at=relay), board(cast.mia, at=relay)
        live(anas)
        live(mias)
        assert min(lags(anas, mias, ours)) < A_SECOND

        first.kill()
        expect(mias.locator(STALE)).to_be_visible()
        relay.mend(site)  # another node, for all that the boards know
        live(anas)
        live(mias)
        expect(word(mias, ours)).to_have_text("Paused")
        slot2(anas, ours).click()
        expect(mias.locator("#news")).to_contain_text("Recording")
        expect(word(anas, ours)).to_have_text("Recording")
        assert min(lags(anas, mias, ours)) < A_SECOND


def test_a_board_whose_stream_closes_says_so_within_three_seconds_and_mends_itself(board, relay, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    Call.objects.update(answer_time=timezone.now())
    page = board(cast.ana, at=relay)
    page.clock.install()
    page.reload()
    live(page)
    stop_the_clock(page)
    live(page)
    relay.cut()
    until(lambda: page.evaluate("() => window.voicedash.liveness.isLost()"))
    page.clock.run_for(2_000)
    expect(page.locator(STALE)).to_be_hidden()  # many a loss is over by then
    page.clock.run_for(1_000)
    expect(page.locator(STALE)).to_have_text(
        re.compile(r"^Not live for [1-9] s: what you see is from \d\d:\d\d:\d\d\. Pressing still works\.$")
    )
    expect(page.locator("#live")).to_have_text(re.compile(r"^Stale \d+ s$"))
    expect(page.locator(STALE)).to_have_css("color", "rgb(138, 75, 0)")  # amber
    expect(page).to_have_title(re.compile("^Not live · "))
    ticked = row(page, ours).locator(".ran time")
    was = ticked.text_content()

    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    look(page)
    look(page)
    expect(page.locator(STALE)).to_contain_text("voicedash does not answer.")
    assert ticked.text_content() == was  # nothing ticks that is not known
    expect(word(page, ours)).to_have_text("Recording (assumed)")
    relay.mend()
    page.clock.resume()
    expect(word(page, ours)).to_have_text("Paused")  # with the next of its own looks
    live(page)
    expect(page.locator(STALE)).to_be_hidden()
    expect(page).to_have_title(re.compile("^Acme Support"))


def test_a_network_that_is_gone_without_a_word_is_known_after_twelve_seconds(board, relay, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana, at=relay)
    page.clock.install()
    page.reload()
    live(page)
    stop_the_clock(page)
    version = change(ours)
    expect(row(page, ours)).to_have_attribute("data-version", str(version))  # the last word
    relay.fall_silent()
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    page.clock.run_for(10_500)
    expect(page.locator(STALE)).to_be_hidden()
    page.clock.run_for(1_500)
    expect(page.locator(STALE)).to_contain_text(re.compile(r"^Not live for 1\d s: what you see is from"))
    assert "Paused" not in visible_text(page)

    relay.cut()  # as it is noticed at last
    relay.mend()
    page.clock.run_for(16_000)
    expect(word(page, ours)).to_have_text("Paused")
    live(page)


def test_a_board_that_is_offline_says_so_and_is_live_as_soon_as_there_is_a_network(board, relay, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana, at=relay)
    live(page)
    page.context.set_offline(True)
    relay.cut()  # Chromium leaves what is open open
    relay.mend()
    expect(page.locator(STALE)).to_contain_text("this computer is offline")
    page.context.set_offline(False)
    expect(page.locator("#live")).to_have_text("Live", timeout=PROMPTLY)
    slot1(page, ours).click()
    expect(word(page, ours)).to_have_text("Paused")


@pytest.mark.parametrize("network", ["goes on", "is gone meanwhile"])
def test_a_board_that_slept_for_a_minute_catches_up(board, relay, site, cast, live_call, network):
    ours, _ = live_call(cast.acme_account)
    gone, _ = live_call(cast.acme_account)
    page = board(cast.ana, at=relay)
    page.clock.install()
    page.reload()
    live(page)
    asleep = put_to_sleep(page)
    if network != "goes on":
        relay.cut()
        relay.mend()
    mias = site.browser_of(cast.mia)
    mias.post(f"/t/acme/calls/{ours.pk}/pause/")
    end(gone, ago=120)
    wake(asleep)
    page.clock.fast_forward(61_000)
    expect(word(page, ours)).to_have_text("Paused", timeout=PROMPTLY)
    live(page)
    expect(row(page, gone)).to_have_count(0)
    mias.post(f"/t/acme/calls/{ours.pk}/resume/?anyway=1")
    expect(word(page, ours)).to_have_text("Recording", timeout=PROMPTLY)


def test_a_board_whose_session_ended_says_so_and_goes_on_once_somebody_signs_in_again(
    board, relay, complaints, cast, live_call
):
    complaints.expect_status(401)
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana, at=relay)
    live(page)
    cookies = page.context.cookies()
    page.context.clear_cookies()
    relay.cut()
    relay.mend()
    expect(page.locator(STALE)).to_contain_text("You are signed out: what you see is from")
    expect(page).to_have_title(re.compile("^Signed out · "))
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    dialled = relay.dialled
    page.context.add_cookies(cookies)
    other = page.context.new_page()
    other.goto(f"{relay.url}/t/acme/")
    live(page)
    live(other)
    assert relay.streams == 1 and relay.dialled <= dialled + 2
    slot1(other, ours).click()
    expect(word(page, ours)).to_have_text("Paused")


def test_focus_stays_where_it_is_while_rows_change_under_it(board, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    live(page)
    slot1(page, ours).focus()
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    expect(row(page, ours)).to_contain_text("Mia Chen", timeout=PROMPTLY)
    expect(slot1(page, ours)).to_be_focused()


def test_a_row_says_who_is_pausing_it_right_now(board, site, cast, live_call, bandwidth):
    ours, _ = live_call(cast.acme_account)
    anas, mias = board(cast.ana), board(cast.mia)
    live(mias)
    bandwidth.hold(ours.account.account_id, on="put")
    slot1(anas, ours).click()
    expect(row(mias, ours)).to_have_attribute("data-asking", "paused", timeout=PROMPTLY)
    expect(row(mias, ours)).to_contain_text("Ana Ruiz")
    bandwidth.release(ours.account.account_id)
    expect(word(mias, ours)).to_have_text("Paused", timeout=PROMPTLY)


def test_the_server_itself_may_see_nothing(board, cast, live_call):
    live_call(cast.acme_account)
    page = board(cast.ana)
    live(page)
    told = """(age) => window.voicedash.reads.hear({ kind: "stale", data: JSON.stringify({ age }), at: Date.now() })"""
    page.evaluate(told, 34.2)
    expect(page.locator(STALE)).to_contain_text(re.compile(r"^Not live for 3[4-6] s: "))
    expect(page.locator(STALE)).to_be_hidden()  # its next beat says otherwise
    look(page)
    live(page)

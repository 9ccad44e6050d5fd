"""However many tabs somebody opens, one of them listens for all, and none of them is left behind."""

import re

from playwright.sync_api import expect

from tests.browser.desk import PROMPTLY, STALE, change, hide, live, put_to_sleep, show, skip, slot1, until, wake, word


def test_a_tab_that_nobody_looks_at_takes_the_counts_and_catches_up_when_it_is_shown(board, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    live(page)
    hide(page)
    change(ours, recording="unconfirmed")
    expect(page).to_have_title(re.compile(r"^\(1\) Acme Support"))
    expect(word(page, ours)).to_have_text("Recording (assumed)")
    expect(page.locator(STALE)).to_be_hidden()
    show(page)
    expect(word(page, ours)).to_have_text("Not confirmed: treat as recording", timeout=PROMPTLY)
    live(page)


def test_eight_tabs_share_one_stream_and_the_others_go_on_when_the_leading_one_is_closed(
    board, relay, site, cast, live_call
):
    ours, _ = live_call(cast.acme_account)
    first = board(cast.ana, at=relay)
    live(first)
    tabs = [first, *(first.context.new_page() for _ in range(7))]
    for tab in tabs[1:]:
        tab.goto(f"{relay.url}/t/acme/")
    for tab in tabs:
        live(tab)
    assert (relay.streams, relay.dialled) == (1, 1)
    mias = site.browser_of(cast.mia)
    mias.post(f"/t/acme/calls/{ours.pk}/pause/")
    for tab in tabs:
        expect(word(tab, ours)).to_have_text("Paused", timeout=PROMPTLY)

    first.close()
    until(lambda: (relay.streams, relay.dialled) == (1, 2))
    mias.post(f"/t/acme/calls/{ours.pk}/resume/")
    for tab in tabs[1:]:
        expect(word(tab, ours)).to_have_text("Recording", timeout=PROMPTLY)
        expect(tab.locator(STALE)).to_be_hidden()
    assert (relay.streams, relay.dialled) == (1, 2)


def test_a_leading_tab_that_is_frozen_hands_the_lead_on_and_catches_up_when_it_wakes(
    board, relay, site, cast, live_call
):
    ours, _ = live_call(cast.acme_account)
    first = board(cast.ana, at=relay)
    live(first)
    second = first.context.new_page()
    second.goto(f"{relay.url}/t/acme/")
    live(second)
    first.evaluate("() => document.dispatchEvent(new Event('freeze'))")
    asleep = put_to_sleep(first)
    until(lambda: relay.dialled == 2)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    expect(word(second, ours)).to_have_text("Paused", timeout=PROMPTLY)
    expect(second.locator(STALE)).to_be_hidden()
    wake(asleep)
    first.evaluate("() => document.dispatchEvent(new Event('resume'))")
    expect(word(first, ours)).to_have_text("Paused", timeout=PROMPTLY)
    live(first)
    until(lambda: relay.streams == 1)


def test_a_leading_tab_that_hangs_loses_the_lead_and_takes_what_it_missed_when_it_goes_on(
    board, relay, site, cast, live_call
):
    ours, _ = live_call(cast.acme_account)
    first = board(cast.ana, at=relay)
    live(first)
    second = first.context.new_page()
    second.goto(f"{relay.url}/t/acme/")
    live(second)
    asleep = put_to_sleep(first)
    skip(second, 13_000)
    until(lambda: relay.dialled == 2)
    live(second)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    expect(word(second, ours)).to_have_text("Paused", timeout=PROMPTLY)
    wake(asleep)
    expect(word(first, ours)).to_have_text("Paused", timeout=PROMPTLY)
    live(first)
    until(lambda: relay.streams == 1)


def test_a_tab_that_holds_the_lead_and_says_nothing_loses_it(board, relay, complaints, cast, live_call):
    complaints.expect_status(404)  # the icon of a page that is none
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana, at=relay)
    live(page)
    hung = page.context.new_page()
    hung.goto(f"{relay.url}/static/board.css")
    key = f"voicedash live {cast.ana.pk}/{cast.acme.pk}"
    steal = "(name) => { navigator.locks.request(name, { steal: true }, () => new Promise(() => {})).catch(() => {}); }"
    hung.evaluate(steal, key)
    page.reload()  # who comes next hears nobody
    expect(page.locator("#live")).to_have_text("Live")
    slot1(page, ours).click()
    expect(word(page, ours)).to_have_text("Paused")

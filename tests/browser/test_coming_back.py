"""Streams that are taken up again: from the right place, without Web Locks, on computers whose clock is set."""

import json
import re
import uuid

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.desk import PROMPTLY, STALE, change, live, look, row, skip, slot1, until, word
from voicedash.tenants import workers
from voicedash.tenants.models import Worker

# The page's own streams, for what no server of ours says at will.
KEEP = """window.streams = [];
window.EventSource = class extends EventSource { constructor(url) { super(url); window.streams.push(this); } };"""
SAY = """([kind, id, data]) => window.streams.at(-1).dispatchEvent(new MessageEvent(kind, { lastEventId: id, data }))"""


@pytest.mark.parametrize("kind", ["beat", "anew"])
def test_a_stream_is_taken_up_where_it_was_heard_last_whatever_a_slower_node_says(board, relay, cast, live_call, kind):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana, at=relay)
    page.context.add_init_script(KEEP)
    page.reload()
    live(page)
    change(ours)
    version = change(ours)
    expect(row(page, ours)).to_have_attribute("data-version", str(version))
    relay.fall_silent()  # a real word would come between
    page.evaluate(SAY, [kind, "1", json.dumps({"now": timezone.now().isoformat(), "worker": None})])
    with page.expect_request("**/live/?since=*") as again:
        relay.cut()
        relay.mend()
    # Only a database that is another one, or an older one's copy, begins below.
    assert again.value.url.endswith(f"?since={1 if kind == 'anew' else version}")
    live(page)


def test_without_web_locks_a_tab_that_was_frozen_listens_again(board, relay, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana, at=relay)
    page.context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined })")
    page.reload()
    live(page)
    until(lambda: relay.streams == 1)
    mias = site.browser_of(cast.mia)
    for thaw, wanted, seen in (("resume", "pause", "Paused"), ("visibilitychange", "resume", "Recording")):
        page.evaluate("() => document.dispatchEvent(new Event('freeze'))")
        until(lambda: relay.streams == 0)
        mias.post(f"/t/acme/calls/{ours.pk}/{wanted}/")
        page.evaluate("(kind) => document.dispatchEvent(new Event(kind))", thaw)
        expect(word(page, ours)).to_have_text(seen)
        until(lambda: relay.streams == 1)
        live(page)


def test_a_computer_whose_clock_is_set_back_still_knows_a_silent_stream(board, relay, cast, live_call):
    live_call(cast.acme_account)
    page = board(cast.ana, at=relay)
    live(page)
    wall = page.locator("#wall")
    skip(page, -3_600_000)
    told = wall.text_content()
    expect(wall).not_to_have_text(told)
    later = (_seconds(wall.text_content()) - _seconds(told)) % 86_400
    assert later < 60, "the server's clock was not set back"
    relay.fall_silent()
    skip(page, 13_000)
    expect(page.locator(STALE)).to_contain_text(re.compile(r"^Not live for 1\d s: "))
    relay.cut()
    relay.mend()
    live(page)


def test_a_computer_whose_clock_is_set_back_still_knows_a_closed_stream(board, relay, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana, at=relay)
    live(page)
    skip(page, -3_600_000)
    relay.cut()
    expect(page.locator(STALE)).to_contain_text(re.compile(r"^Not live for [2-9] s: "))
    relay.mend()
    live(page)
    slot1(page, ours).click()
    expect(word(page, ours)).to_have_text("Paused")


def _seconds(wall: str | None) -> int:
    hours, minutes, seconds = map(int, (wall or "").split(":"))
    return (hours * 60 + minutes) * 60 + seconds


def test_tabs_that_share_a_stream_are_not_taken_in_by_the_clock_either(board, relay, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    first = board(cast.ana, at=relay)
    live(first)
    second = first.context.new_page()
    second.goto(f"{relay.url}/t/acme/")
    live(second)
    for tab in (first, second):
        skip(tab, -3_600_000)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
    expect(word(second, ours)).to_have_text("Paused", timeout=PROMPTLY)
    relay.fall_silent()
    for tab in (first, second):
        skip(tab, 13_000)
    expect(second.locator(STALE)).to_be_visible()
    relay.cut()
    relay.mend()
    live(second)
    live(first)


def test_a_board_says_which_promises_are_off_while_no_worker_is_there(board, cast, live_call):
    live_call(cast.acme_account)
    page = board(cast.ana)
    live(page)
    line = page.locator("#worker")
    expect(line).to_be_visible()
    expect(line).to_contain_text(
        "No worker is running: no pause ends, and nothing is asked again or closed by itself until one runs."
    )
    workers.beat(uuid.uuid4(), "a worker")
    look(page)
    expect(line).to_be_hidden()
    Worker.objects.update(seen_at=timezone.now() - workers.KEPT / 24)
    look(page)
    expect(line).to_be_visible()
    expect(page.locator("#news")).to_contain_text("No worker is running")  # and told to a screen reader

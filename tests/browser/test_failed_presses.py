"""A pause that fails says so first, in words to relay, where a screen reader hears it; and nothing reads Paused."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from tests.browser.desk import alert, look, row, slot1, slot2, status, visible_text, word
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Command
from voicedash.tenants.board import writing
from voicedash.tenants.models import BandwidthAccount

STOP = "NOT paused: stop the caller"
UNKNOWN = "Bandwidth does not know this call now: it is over, not answered yet, or of another account."
FAILURES: dict[str, tuple[Callable[[Fake], None], str]] = {
    "refused": (lambda fake: fake.fail_next(400), "Bandwidth refused. Press Pause again."),
    "unknown_call": (lambda fake: fake.fail_next(404), UNKNOWN),
    "credentials": (lambda fake: fake.refuse_tokens(), "Tell an admin: Bandwidth refuses this account's credentials."),
    "unreachable": (lambda fake: fake.stop(), "Bandwidth could not be reached. Press Pause again."),
}


@pytest.mark.parametrize("outcome", FAILURES)
def test_a_pause_that_failed_tells_to_stop_the_caller_and_what_to_do(board, cast, live_call, bandwidth, outcome):
    ours, theirs = live_call(cast.acme_account)
    go_wrong, sentence = FAILURES[outcome]
    page = board(cast.ana)
    go_wrong(bandwidth)
    region = alert(page).element_handle()
    slot1(page, ours).click()
    expect(alert(page)).to_contain_text(f"{STOP} {sentence}")
    # Told inside the region that was there before: a new one would not be read aloud.
    assert region.evaluate("(place) => place.isConnected && place.textContent.startsWith('NOT paused')")
    expect(status(page)).to_be_empty()
    expect(row(page, ours)).to_have_attribute("data-outcome", outcome)
    expect(word(page, ours)).to_have_text("Recording (assumed)")
    expect(slot1(page, ours)).to_be_enabled()
    assert not re.search("go ahead|Paused", visible_text(page))
    assert theirs.recorder == "recording"


@pytest.mark.parametrize("weather", ["html", "no answer", "500"])
def test_without_a_clear_answer_the_call_is_to_be_treated_as_recording(
    board, hurried, cast, live_call, bandwidth, weather
):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana, at=hurried)
    if weather == "html":
        bandwidth.html_next(times=30)
    elif weather == "no answer":
        bandwidth.drop_next(times=30)
    else:
        bandwidth.fail_next(500, times=30)
    slot1(page, ours).click()
    expect(alert(page)).to_contain_text(
        f"{STOP} No clear answer from Bandwidth: treat as recording. Press Pause again.", timeout=15_000
    )
    expect(row(page, ours)).to_have_attribute("data-outcome", "unconfirmed")
    expect(word(page, ours)).to_have_text("Not confirmed: treat as recording")
    expect(slot1(page, ours)).to_contain_text("Pause again")
    expect(slot2(page, ours)).to_contain_text("Resume again")
    expect(page.get_by_role("button", name=re.compile(r"^1\s+needs you$"))).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    assert not re.search("go ahead|Paused", visible_text(page))


@pytest.mark.parametrize("by", ["the same person", "a colleague"])
def test_the_alert_of_a_failed_pause_goes_when_the_call_is_paused_after_all(
    board, site, cast, live_call, bandwidth, by
):
    ours, _ = live_call(cast.acme_account)
    bandwidth.fail_next(400)
    page = board(cast.ana)
    slot1(page, ours).click()
    expect(alert(page)).to_contain_text(STOP)
    if by == "a colleague":
        site.browser_of(cast.mia).post(f"/t/acme/calls/{ours.pk}/pause/")
        look(page)
    else:
        slot1(page, ours).click()
        expect(status(page)).to_contain_text("Paused: go ahead")
    expect(word(page, ours)).to_have_text("Paused")
    expect(alert(page)).to_be_empty()


def test_the_failure_of_one_call_stays_said_while_another_is_paused(board, cast, live_call, bandwidth):
    failed, _ = live_call(cast.acme_account)
    other, _ = live_call(cast.acme_account)
    bandwidth.fail_next(400, call_id=failed.call_id)
    page = board(cast.ana)
    slot1(page, failed).click()
    expect(alert(page)).to_contain_text(STOP)
    slot1(page, other).click()
    expect(status(page)).to_contain_text("Paused: go ahead")
    expect(alert(page)).to_contain_text(STOP)
    page.get_by_role("button", name="Take this message away").click()
    expect(alert(page)).to_be_empty()


def test_while_voicedash_cannot_write_nothing_is_sent_and_the_caller_is_stopped(board, cast, live_call, bandwidth):
    ours, theirs = live_call(cast.acme_account)
    page = board(cast.ana)
    with writing(cast.acme.pk):  # somebody keeps the tenant's lock
        slot1(page, ours).click()
        expect(alert(page)).to_contain_text(f"{STOP} voicedash cannot write.")
        assert bandwidth.puts == []
    expect(row(page, ours)).to_have_attribute("data-outcome", "not_asked")
    slot1(page, ours).click()
    expect(status(page)).to_contain_text("Paused: go ahead")
    assert theirs.recorder == "paused"


def test_the_seventeenth_press_at_once_on_an_account_is_told_so_at_once(board, site, cast, live_call, bandwidth):
    calls = [live_call(cast.acme_account)[0] for _ in range(17)]
    page = board(cast.ana)
    visitors = [site.browser_of(cast.mia) for _ in calls[:16]]
    bandwidth.hold(cast.acme_account.account_id, on="put")
    with ThreadPoolExecutor(16) as pool:
        for visitor, call in zip(visitors, calls[:16], strict=True):
            pool.submit(visitor.post, f"/t/acme/calls/{call.pk}/pause/")
        assert bandwidth.wait_until(lambda: len(bandwidth.puts) >= 16, 10)
        slot1(page, calls[16]).click()
        expect(alert(page)).to_contain_text(f"{STOP} Too many presses at once on this Bandwidth account.")
        bandwidth.release(cast.acme_account.account_id)
    assert calls[16].call_id not in {put.call_id for put in bandwidth.puts}
    assert Command.objects.filter(call=calls[16]).get().outcome == "not_asked"


def test_a_secret_that_cannot_be_opened_is_for_an_admin(board, cast, live_call, bandwidth):
    ours, _ = live_call(cast.acme_account)
    BandwidthAccount.objects.filter(pk=cast.acme_account.pk).update(sealed_secret=b"sealed by a key that is gone")
    page = board(cast.ana)
    slot1(page, ours).click()
    expect(alert(page)).to_contain_text(f"{STOP} voicedash cannot open this account's secret. Tell an admin")
    assert bandwidth.requests == []


def test_a_resume_that_bandwidth_refused_leaves_the_call_paused(board, cast, live_call, bandwidth):
    ours, theirs = live_call(cast.acme_account)
    page = board(cast.ana)
    slot1(page, ours).click()
    expect(word(page, ours)).to_have_text("Paused")
    bandwidth.fail_next(400)
    slot2(page, ours).click()
    expect(alert(page)).to_contain_text("NOT resumed Bandwidth refused. Press Resume again.")
    expect(word(page, ours)).to_have_text("Paused")
    look(page)
    expect(word(page, ours)).to_have_text("Paused")
    assert theirs.recorder == "paused"

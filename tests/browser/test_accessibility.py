"""axe finds nothing on any page: light and dark, on a desk and on a phone."""

from datetime import timedelta
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.desk import deafen
from tests.cast import Cast
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.models import Membership, Role

# In the dark a page has other colours and is otherwise the same: all that the style sheets change there are variables
# that hold colours. So there only what axe asks of colours is asked, and everything in the light.
SCHEMES: dict[Literal["light", "dark"], dict[str, Any]] = {
    "light": {},
    "dark": {"runOnly": ["color-contrast", "link-in-text-block"]},
}
SIZES: list[ViewportSize] = [{"width": 1280, "height": 800}, {"width": 390, "height": 844}]

# Admin's buttons fade from one scheme's colours to the other's: half way nothing has contrast.
COLOURS_HAVE_CHANGED = """() => Promise.allSettled(
    document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished))"""
RUN = "(options) => axe.run(options).then((results) => results.violations)"


def violations(page: Page) -> list[str]:
    """What axe finds wrong in both colour schemes and sizes, one line for each place."""
    found = []
    page.evaluate(AXE_SCRIPT)
    for scheme, rules in SCHEMES.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for size in SIZES:
            page.set_viewport_size(size)
            page.evaluate(COLOURS_HAVE_CHANGED)
            for violation in page.evaluate(RUN, {"resultTypes": ["violations"]} | rules):
                for node in violation["nodes"]:
                    told = f"{scheme} {size['width']}: {violation['id']} {node['target']}: {node['failureSummary']}"
                    found.append(" ".join(told.split()))
    return found


def rows_of_every_state(cast: Cast) -> int:
    """Calls as a busy board shows them; gives how many."""
    now = timezone.now()
    common = {
        "tenant": cast.acme,
        "account": cast.acme_account,
        "added_at": now,
        "from_address": "+19195550123",
        "to_address": "+19195550100",
        "direction": "inbound",
        "answer_time": now - timedelta(minutes=3),
    }
    shown: list[dict[str, Any]] = [
        {"state": ""},
        {"state": "initiated"},
        {"state": "answered"},
        {"state": "answered", "recording": "paused", "recording_since": now},
        {"state": "answered", "recording": "recording", "recording_since": now},
        {"state": "answered", "recording": "unconfirmed", "recording_since": now},
        {"state": "answered", "asked": "paused"},
        {"state": "answered", "recording": "paused", "recording_since": now, "asked": "recording"},
        {"state": "answered", "recording": "paused", "recording_since": now, "doubt": True},
        {"state": "disconnected", "ended_at": now + timedelta(minutes=5)},
        {"state": "disconnected", "recording": "paused", "ended_at": now + timedelta(minutes=5)},
    ]
    for number, fields in enumerate(shown):
        asked, doubt = fields.pop("asked", ""), fields.pop("doubt", False)
        call = Call.objects.create(call_id=f"c-every-state-{number}", **common | fields)
        if call.recording in {"paused", "recording"} and not asked:
            closed = {"asked_at": now, "expires_at": now, "closed_at": now, "version": 1, "took_ms": 200}
            command = Command.objects.create(
                call=call,
                wanted=call.recording,
                by=cast.ana,
                reason=cast.card,
                state="closed",
                outcome="acknowledged",
                **closed,
            )
            Call.objects.filter(pk=call.pk).update(acknowledged=command, last_pause=command)
        if asked:
            Command.objects.create(
                call=call,
                wanted=asked,
                by=cast.mia,
                state="claimed",
                asked_at=now,
                expires_at=now + timedelta(hours=1),
                version=1,
            )
        if doubt:
            old = Command.objects.create(
                call=call,
                wanted="recording",
                state="closed",
                outcome="unconfirmed",
                asked_at=now,
                expires_at=now,
                version=1,
            )
            Attempt.objects.create(
                command=old, number=1, began_at=now, result="unknown", doubt_until=now + timedelta(hours=1)
            )
    return len(shown)


def test_the_sign_in(browser, site, cast):
    page = browser().new_page()
    page.goto(site.url)
    assert violations(page) == []
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []


def test_an_empty_board(board, cast):
    page = board(cast.ana)
    expect(page.get_by_role("heading", name="No calls on this board")).to_be_visible()
    assert violations(page) == []


def test_a_board_with_rows_of_every_state(board, cast):
    count = rows_of_every_state(cast)
    page = board(cast.ana)
    expect(page.locator(".row")).to_have_count(count)
    assert violations(page) == []
    Command.objects.update(state="closed")  # nobody is at them


def test_what_is_told_after_presses(board, site, cast, live_call, bandwidth):
    ours, _ = live_call(cast.acme_account)
    others, _ = live_call(cast.acme_account)
    site.browser_of(cast.mia).post(f"/t/acme/calls/{others.pk}/pause/")
    page = board(cast.ana)
    bandwidth.fail_next(400)
    page.locator(f"#call-{ours.pk}-slot1").click()
    expect(page.locator("#say [role=alert]")).to_contain_text("NOT paused")
    page.locator(f"#call-{others.pk}-slot2").click()
    expect(page.locator(f"#call-{others.pk}")).to_contain_text("Resume anyway?")
    assert violations(page) == []
    page.locator(f"#call-{ours.pk}-slot1").click()
    expect(page.locator("#say [role=status]")).to_contain_text("Paused: go ahead")
    assert violations(page) == []


def test_a_board_that_is_stale(board, complaints, cast, live_call):
    complaints.expect_no_answer()
    live_call(cast.acme_account)
    page = board(cast.ana)
    deafen(page)
    expect(page.locator("#stale")).to_be_visible()
    assert violations(page) == []


def test_the_dialog_to_add_calls_with_its_answer(board, cast):
    page = board(cast.ana)
    page.get_by_role("button", name="Add calls").click()
    dialog = page.get_by_role("dialog", name="Add calls")
    dialog.get_by_role("textbox").fill("c-123456 nonsense")
    dialog.get_by_role("button", name="Add calls").click()
    expect(dialog).to_contain_text("1 call added.")
    assert violations(page) == []


def test_the_help(board, cast):
    page = board(cast.ana)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys and words")).to_be_visible()
    assert violations(page) == []


def test_a_page_that_is_not_there(board, complaints, cast):
    complaints.expect_status(404)
    page = board(cast.ana, path="/t/nowhere/")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    assert violations(page) == []


def test_the_choice_of_boards(board, cast):
    Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.VIEWER)
    page = board(cast.ana, path="/")
    expect(page.get_by_role("heading", name="Choose a board")).to_be_visible()
    assert violations(page) == []


def test_the_administration(board, cast):
    page = board(cast.root, path="/admin/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tenants, people and accounts")
    assert violations(page) == []

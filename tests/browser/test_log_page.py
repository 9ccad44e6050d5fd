"""The log in a browser: filtered, gone through with the keyboard, printed, taken away as a file."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.audit.reading_along import command, tell, tell_sign_in
from tests.browser.desk import box
from tests.browser.test_accessibility import violations
from tests.cast import Cast

LOG = "/t/acme/log/"


@pytest.fixture
def many(cast: Cast) -> None:
    for number in range(120):
        command(
            cast.acme,
            number,
            actor=[cast.ana, cast.mia][number % 2].pk,
            outcome=["acknowledged", "acknowledged", "refused", "unconfirmed", "not_asked"][number % 5],
            reason=cast.card.pk,
            call_id=f"c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d{number % 7:02}",
        )
    tell(cast.acme, "reason.changed", actor=cast.mia.pk, data={"id": cast.card.pk, "fields": ["lease"]})


def lines(page: Page) -> int:
    return page.locator("tr[data-entry]").count()


def test_it_is_reached_from_the_board_and_leads_back(board, cast, many):
    page = board(cast.ana)
    page.locator(".menu summary").click()
    page.get_by_role("link", name="Log").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log")
    expect(page.locator("tr[data-entry]")).to_have_count(50)
    page.get_by_role("link", name="Board").click()
    expect(page).to_have_url(re.compile("/t/acme/$"))


def test_older_lines_come_below_and_the_keyboard_goes_on_there(board, cast, many):
    page = board(cast.ana, path=LOG)
    page.get_by_role("link", name="Older").focus()
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-entry]")).to_have_count(100)
    focused = page.evaluate("() => document.activeElement.closest('tr[data-entry]').dataset.entry")
    assert focused == page.locator("tr[data-entry]").nth(50).get_attribute("data-entry")
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tr[data-entry]")).to_have_count(121)
    expect(page.get_by_role("link", name="Older")).to_have_count(0)


def test_the_filter_is_an_address_and_keeps_what_was_chosen(board, cast, many):
    page = board(cast.ana, path=LOG)
    page.get_by_label("Person").select_option(label="Mia Chen")
    page.get_by_label("Outcome").select_option(label="Refused")
    page.get_by_role("button", name="Show").press("Enter")
    expect(page.locator("tr[data-entry]")).to_have_count(12)
    expect(page.get_by_label("Person")).to_have_value(str(cast.mia.pk))
    page.locator("tr[data-entry] a.id").first.click()
    expect(page.get_by_label("Call id")).to_have_value(re.compile("^c-15ac"))
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("tr[data-entry]")).to_have_count(50)


def test_without_javascript_it_is_filtered_and_gone_through_all_the_same(board, cast, many):
    page = board(cast.ana, path=LOG, java_script_enabled=False)
    page.get_by_label("What").select_option(label="Pauses and resumes")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Older").click()
    assert lines(page) == 50
    page.get_by_role("link", name="Older").click()
    assert lines(page) == 20
    expect(page.get_by_role("button", name="Print")).to_be_hidden()


def test_an_entry_opens_with_all_of_its_command(board, cast, many):
    page = board(cast.ana, path=LOG)
    page.get_by_role("link", name="Entry 240").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Entry 240")
    expect(page.locator(".piece")).to_have_count(2)
    assert violations(page) == []


def test_paper_has_who_what_and_when_and_nothing_to_press(board, cast, many):
    page = board(cast.ana, path=f"{LOG}?who={cast.mia.pk}&from=2026-01-01T10:00")
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    paper = page.locator(".paper")
    expect(paper).to_contain_text("Acme Support · Log")
    expect(paper).to_contain_text("From: 2026-01-01 10:00 · Person: Mia Chen")
    expect(paper).to_contain_text("America/New_York")
    expect(paper).to_contain_text("Older lines than those below exist and were not loaded.")
    expect(paper).to_contain_text("Printed by Ana Ruiz (ana)")
    for gone in (".log-bar", ".filter", ".log-tools", ".further"):
        expect(page.locator(gone)).to_be_hidden()
    colours = page.evaluate(
        "() => [getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.querySelector('.told')).color]"
    )
    assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]


def test_the_export_is_a_file(board, cast, many):
    page = board(cast.ana, path=f"{LOG}?outcome=refused")
    with page.expect_download() as started:
        page.get_by_role("link", name="Export CSV").click()
    file = Path(started.value.path())
    assert started.value.suggested_filename.startswith("acme-log-20")
    assert file.read_text("utf-8-sig").count("\n") == 25
    expect(page.locator("#exported")).to_have_text("Exported: your browser has saved the file.")
    expect(page.get_by_role("link", name="Export CSV")).to_be_focused()


def test_an_export_that_breaks_off_or_has_no_place_saves_nothing_and_says_so(board, complaints, cast, many):
    complaints.expect_no_answer()
    complaints.expect_status(503)
    page = board(cast.ana, path=LOG)
    page.on("download", lambda saved: pytest.fail(f"saved {saved.suggested_filename}"))
    export = page.get_by_role("link", name="Export CSV")
    page.route("**/export/**", lambda route: route.fulfill(status=503, body="busy"))
    export.click()
    expect(page.locator("#exported")).to_contain_text("Two exports are running already.")
    page.unroute("**/export/**")
    page.route("**/export/**", lambda route: route.abort())
    export.click()
    expect(page.locator("#exported")).to_contain_text("The export broke off: nothing was saved.")
    page.unroute("**/export/**")
    held = []
    page.route("**/export/**", lambda route: held.append(route))
    export.click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#exported")).to_have_text("Stopped: nothing was saved.")


def test_without_javascript_the_export_is_a_plain_download(board, cast, many):
    page = board(cast.ana, path=LOG, java_script_enabled=False)
    with page.expect_download() as started:
        page.get_by_role("link", name="Export CSV").click()
    assert Path(started.value.path()).read_text("utf-8-sig").count("\n") == 122


def test_axe_finds_nothing_on_the_log(board, cast, many):
    page = board(cast.ana, path=LOG)
    expect(page.locator("tr[data-entry]")).to_have_count(50)
    assert violations(page) == []


def test_axe_finds_nothing_where_the_filter_cannot_be_read(board, cast, many):
    page = board(cast.ana, path=f"{LOG}?call=two+words&from=yesterday&who=nobody")
    expect(page.locator(".error")).to_have_count(3)
    assert violations(page) == []


def test_axe_finds_nothing_on_an_empty_log_and_on_the_sign_ins(board, cast):
    page = board(cast.mia, path=LOG)
    expect(page.get_by_text("Nothing has happened yet.")).to_be_visible()
    assert violations(page) == []
    tell_sign_in("user.sign_in_failed", actor=cast.ana.pk)
    page.get_by_role("link", name="Sign-ins").click()
    expect(page.get_by_text("failed to sign in as Ana Ruiz")).to_be_visible()
    assert violations(page) == []


def test_where_there_is_nothing_yet_the_sentence_is_as_wide_as_the_table(board, cast):
    page = board(cast.mia, path="/t/acme/log/sign-ins/")
    sentence = page.get_by_role("cell", name="Nothing has happened yet.")
    assert abs(box(sentence)["width"] - box(page.locator("table.entries"))["width"]) <= 2
    expect(page.get_by_role("columnheader", name="What happened")).to_be_visible()
    assert box(page.get_by_role("columnheader", name="What happened"))["x"] < 400

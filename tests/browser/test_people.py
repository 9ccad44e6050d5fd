"""The board speaks of people: they are found by name, stand in their teams, and no row moves under a hand for it."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.desk import A_SECOND, live, row, word
from tests.browser.test_accessibility import violations
from tests.calls.test_people import learnt, line
from tests.cast import Cast
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Call
from voicedash.tenants import lines
from voicedash.tenants.models import Line, User

OUTSIDE = (700, 790)  # below every row


def known_to(bandwidth: Fake, *calls: Call) -> None:
    """The stand-in knows these calls, too."""
    for call in calls:
        theirs = bandwidth.add_call(call.account.account_id, state="answered")
        Call.objects.filter(pk=call.pk).update(call_id=theirs.call_id)


@pytest.fixture
def calls(cast: Cast, bandwidth: Fake) -> dict[str, Call]:
    """Six calls of people in two teams, and one of a number that is nobody's."""
    made = {}
    for at, (name, team) in enumerate(
        [
            ("Zoe Hill", "Billing"),
            ("Bo Ek", "Billing"),
            ("Ana Lima", "Sales"),
            ("José Núñez", "Sales"),
            ("Kim Vo", "Sales"),
            ("Tom Berg", "Sales"),
        ]
    ):
        address = f"+1919555010{at}"
        line(cast.acme, address, name, team, tell=False)
        made[name] = learnt(cast, address, at)
    made["nobody"] = learnt(cast, "+19195550199")
    known_to(bandwidth, *made.values())
    return made


def shown(page: Page) -> list[str]:
    """Who is in the list, from the top."""
    return page.locator("#rows > li:not([hidden]) .party b").all_inner_texts()


def stand(page: Page, *names: str, timeout: int = 10_000) -> None:
    expect(page.locator("#rows > li:not([hidden]) .party b")).to_have_text(list(names), timeout=timeout)


EVERYBODY = ["Bo Ek", "Zoe Hill", "Ana Lima", "José Núñez", "Kim Vo", "Tom Berg", "+1 919 555 0199"]


def test_a_person_is_found_by_name_and_paused_within_three_keys(board: Any, cast: Cast, calls: dict[str, Call]) -> None:
    page = board(cast.ana)
    stand(page, *EVERYBODY)
    page.keyboard.press("/")
    page.keyboard.type("nunez")
    page.keyboard.press("Enter")
    page.keyboard.press("p")
    expect(word(page, calls["José Núñez"])).to_have_text("Paused")
    stand(page, "José Núñez")
    expect(page.locator("#say [role=status]")).to_contain_text("José Núñez")
    assert Call.objects.get(recording="paused") == calls["José Núñez"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("billing", ["Bo Ek", "Zoe Hill"]),
        ("sales KIM", ["Kim Vo"]),
        ("Kim Vo, Sales", ["Kim Vo"]),
        ("555-0103", ["José Núñez"]),
        ("0199", ["+1 919 555 0199"]),
        ("nobody at all", []),
    ],
)
def test_a_search_goes_by_name_team_and_number(
    board: Any, cast: Cast, calls: dict[str, Call], typed: str, found: list[str]
) -> None:
    page = board(cast.ana)
    stand(page, *EVERYBODY)
    page.get_by_role("searchbox").fill(typed)
    stand(page, *found)


def test_somebody_far_below_what_is_loaded_is_found_as_well(board: Any, cast: Cast, calls: dict[str, Call]) -> None:
    Line.objects.bulk_create(
        Line(tenant=cast.acme, address=f"+1984{at:07}", name=f"Agent {at:03}", team="Aftercare") for at in range(330)
    )
    for at in range(330):
        Call.objects.create(
            tenant=cast.acme,
            account=cast.acme_account,
            call_id=f"c-{at:06}",
            state="answered",
            direction="inbound",
            to_address=f"+1984{at:07}",
            added_at=cast.acme.created,
        )
    lines.tell(cast.acme.pk)
    page = board(cast.ana)
    live(page)
    expect(row(page, calls["Tom Berg"])).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("tom berg")
    expect(row(page, calls["Tom Berg"])).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("p")
    expect(word(page, calls["Tom Berg"])).to_have_text("Paused")
    page.get_by_role("searchbox").fill("")
    page.mouse.move(*OUTSIDE)
    page.get_by_role("button", name="live", exact=False).first.focus()
    names = shown(page)
    assert names[0] == "Agent 000" and names == sorted(names[:-1]) + names[-1:]


def test_one_team_is_shown_while_calls_come_and_change(board: Any, cast: Cast, calls: dict[str, Call]) -> None:
    page = board(cast.ana)
    live(page)
    page.get_by_label("Show only the team").select_option("Billing")
    stand(page, "Bo Ek", "Zoe Hill")
    line(cast.acme, "+19195550106", "Cy Dahl", "Billing", tell=False)
    learnt(cast, "+19195550106")
    stand(page, "Bo Ek", "Cy Dahl", "Zoe Hill", timeout=2 * A_SECOND)
    learnt(cast, "+19195550102")  # of the other team
    Line.objects.filter(name="Kim Vo").update(team="Billing")
    lines.tell(cast.acme.pk)
    stand(page, "Bo Ek", "Cy Dahl", "Kim Vo", "Zoe Hill", timeout=2 * A_SECOND)
    page.get_by_role("searchbox").fill("hill")
    stand(page, "Zoe Hill")
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Show only the team").select_option("All teams")
    stand(page, "Bo Ek", "Cy Dahl", "Kim Vo", "Zoe Hill", "Ana Lima", "Ana Lima", *EVERYBODY[3:4], *EVERYBODY[5:])


def test_a_row_that_belongs_elsewhere_goes_there_when_the_hand_has_left_the_list(
    board: Any, cast: Cast, calls: dict[str, Call]
) -> None:
    page = board(cast.ana)
    live(page)
    row(page, calls["Kim Vo"]).hover()
    before = page.locator("#rows > li").evaluate_all("rows => rows.map((row) => row.getBoundingClientRect().top)")
    Line.objects.filter(name="Zoe Hill").update(name="Mo Nash", team="Sales")
    lines.tell(cast.acme.pk)
    stand(page, "Bo Ek", "Mo Nash", *EVERYBODY[2:], timeout=2 * A_SECOND)  # named at once, and where it was
    learnt(cast, "+19195550101")
    expect(page.locator("#arrivals")).to_have_text("1 new")
    page.wait_for_function("document.querySelector('[data-goes]')")
    assert before == page.locator("#rows > li").evaluate_all(
        "rows => rows.map((row) => row.getBoundingClientRect().top)"
    )
    page.mouse.move(*OUTSIDE)
    stand(page, "Bo Ek", "Bo Ek", "Ana Lima", "José Núñez", "Kim Vo", "Mo Nash", *EVERYBODY[5:], timeout=3 * A_SECOND)
    page.reload()
    stand(page, "Bo Ek", "Bo Ek", "Ana Lima", "José Núñez", "Kim Vo", "Mo Nash", *EVERYBODY[5:])


def test_a_row_with_the_focus_stays_where_it_is_and_its_keys_still_work(
    board: Any, cast: Cast, calls: dict[str, Call]
) -> None:
    page = board(cast.ana)
    live(page)
    mine = calls["Bo Ek"]
    row(page, mine).focus()
    Line.objects.filter(name="Bo Ek").update(team="Sales")
    lines.tell(cast.acme.pk)
    expect(row(page, mine).locator(".team")).to_have_text(", Sales")
    expect(row(page, mine)).to_be_focused()
    assert shown(page) == EVERYBODY
    page.keyboard.press("p")
    expect(word(page, mine)).to_have_text("Paused")
    assert shown(page) == EVERYBODY


# ---- A list by CSV -------------------------------------------------------------------------------


@pytest.fixture
def admin(cast: Cast) -> User:
    User.objects.filter(pk=cast.mia.pk).update(is_staff=True)
    return User.objects.get(pk=cast.mia.pk)


def table(page: Page, name: str) -> Locator:
    return page.locator(f"#{name} tbody tr")


def test_a_list_with_errors_is_looked_at_taken_in_and_on_open_boards(
    board: Any, node: Any, cast: Cast, calls: dict[str, Call], admin: User
) -> None:
    server = node()
    boards = board(cast.ana, at=server)
    live(boards)
    stand(boards, *EVERYBODY)
    page = board(admin, at=server, path="/admin/tenants/line/")
    page.get_by_role("link", name="Import CSV").click()
    data = "Nummer;Name;Team\r\n919 555 0199;Jürgen Groß;Büro\r\n".encode("latin-1")
    page.get_by_label("CSV file").set_input_files({"name": "people.csv", "mimeType": "text/csv", "buffer": data})
    page.get_by_role("button", name="Look at it").click()
    expect(
        page.get_by_text("No column is called number, phone or address. The first line has “Nummer”")
    ).to_be_visible()

    data = "Phone;Name;Team\r\n919 555 0199;Jürgen Groß;Büro\r\n919 555 0104;Kim Vo;Büro\r\n555 0100;Too Short;Büro\r\n9195550199;Twice;Büro\r\n".encode(
        "latin-1"
    )
    page.get_by_label("CSV file").set_input_files({"name": "people.csv", "mimeType": "text/csv", "buffer": data})
    page.get_by_role("button", name="Look at it").click()
    expect(page.locator("#found")).to_contain_text("Acme Support: 1 new, 1 to change, 0 as they are, 2 wrong.")
    expect(table(page, "problems")).to_have_count(2)
    expect(table(page, "problems").nth(0)).to_contain_text("the area code is missing")
    expect(table(page, "problems").nth(1)).to_contain_text("this number stands in line 2 already")
    assert violations(page) == []
    assert not Line.objects.filter(name="Jürgen Groß").exists()

    page.get_by_role("button", name="Take in 2 lines").click()
    expect(page.get_by_text("Acme Support: 1 added, 1 changed. 2 of the file not taken.")).to_be_visible()
    stand(boards, *EVERYBODY[:2], "Jürgen Groß", "Kim Vo", *EVERYBODY[2:4], EVERYBODY[5], timeout=3 * A_SECOND)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    text = download.value.path().read_text("utf-8-sig")
    assert "'+19195550199,Jürgen Groß,Büro" in text
    page.close()  # before its server ends
    boards.close()


def test_the_board_with_names_has_nothing_that_axe_finds(board: Any, cast: Cast, calls: dict[str, Call]) -> None:
    Call.objects.filter(pk=calls["Kim Vo"].pk).update(other_person="Somebody With Quite A Long Name")
    page = board(cast.ana)
    stand(page, *EVERYBODY)
    assert violations(page) == []

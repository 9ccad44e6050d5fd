"""The list in the order of teams, people and starts, in pages; searched and shown by name and team."""

import re

import pytest
from django.db import connections
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from tests.calls.test_board_reads import SignIn, ids, look
from tests.calls.test_people import learnt, line, seen
from tests.calls.test_tracking import told
from tests.cast import Cast
from voicedash.calls import tracking
from voicedash.calls.models import Call
from voicedash.tenants.models import Line


def test_rows_stand_by_team_then_person_then_start_and_those_without_a_line_after_them(
    cast: Cast, sign_in: SignIn
) -> None:
    for address, name, team in [
        ("+19195550101", "Zoe Hill", "Billing"),
        ("+19195550102", "émile Roy", "sales"),  # as a person sorts: without capitals and accents
        ("+19195550103", "Emil Vo", "Sales"),
        ("+19195550104", "Ann Lee", "Sales"),
        ("+19195550105", "Bo Free", ""),
    ]:
        line(cast.acme, address, name, team)
    for second, address in enumerate(
        ["+19195550199", "+19195550105", "+19195550103", "+19195550102", "+19195550104", "+19195550101", "+19195550104"]
    ):
        learnt(cast, address, second)
    learnt(cast, "+19195550198", 0, startTime="2026-11-20T11:00:00Z")
    expected = [
        "Zoe Hill, Billing",
        "Ann Lee, Sales",
        "Ann Lee, Sales",
        "Emil Vo, Sales",
        "émile Roy, sales",
        "Bo Free",
        "+1 919 555 0198",
        "+1 919 555 0199",
    ]
    page = look(sign_in(cast.ana))
    assert seen(page) == expected
    assert Call.objects.get(pk=ids(page)[1]).start_time < Call.objects.get(pk=ids(page)[2]).start_time  # type: ignore[operator]
    orders = re.findall(r'data-order="([^"]+)"', page)
    assert orders == sorted(orders)  # what a browser places them by
    assert seen(look(sign_in(cast.ana), "?q=c-")) == expected


def crowd(cast: Cast, number: int) -> None:
    """Calls of people in teams, of some with several calls at once, and of some on no line; a few are over."""
    first = Call.objects.count()
    Line.objects.bulk_create(
        [
            Line(
                tenant=cast.acme,
                address=f"+1919{at:07}",
                name=f"Person {at * 7919 % 1000:03}",
                team=["Sales", "Support", ""][at % 3],
            )
            for at in range(first, first + number)
            if at % 4
        ]
    )
    calls = [told(f"c-{at:06}", second=at % 50, to=f"+1919{at // 2 * 2:07}") for at in range(first, first + number)]
    tracking.learn(cast.acme_account, calls)
    Call.objects.filter(pk__in=list(Call.objects.values_list("pk", flat=True))[::9]).update(ended_at=Now())


def test_pages_follow_each_other_in_that_order_without_a_gap_or_a_row_twice(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    crowd(cast, 350)
    rows: list[tuple[str, str]] = []
    query: str | None = ""
    pages = 0
    while query is not None:
        page = look(ana, query)
        rows += re.findall(r'<li id="call-(\d+)".*?data-order="([^"]+)"', page)[:100]
        following = re.search(r'data-next="([^"]+)"', page)
        query, pages = f"?after={following[1]}" if following else None, pages + 1
    assert pages == 4 and len({pk for pk, _ in rows}) == len(rows) == 350
    assert [order for _, order in rows] == sorted(order for _, order in rows)


@pytest.mark.parametrize("after", ["", "0", "5", "zz.1", "03", "03.f000000000000000", "9" * 500, "-1", "03.00"])
def test_a_mark_that_is_none_begins_at_the_beginning(cast: Cast, sign_in: SignIn, after: str) -> None:
    call = learnt(cast, "+19195550100")
    assert ids(look(sign_in(cast.ana), f"?after={after}")) == [call.pk]


@pytest.mark.parametrize(
    "query", ["", "?since=0", "?after=01.0000000000000001", "?q=person&team=Sales", "?q=ruiz&show=live"]
)
def test_names_cost_no_query_a_row(cast: Cast, sign_in: SignIn, query: str) -> None:
    ana = sign_in(cast.ana)
    counts = []
    for number in (10, 190):
        crowd(cast, number)
        look(ana, query)
        with (
            CaptureQueriesContext(connections["snapshot"]) as asked,
            CaptureQueriesContext(connections["default"]) as more,
        ):
            page = look(ana, query)
        if query in {"", "?since=0"}:
            assert "Person" in page
        counts.append(len(asked) + len(more))
    assert counts[0] == counts[1]


def test_a_start_in_a_far_year_or_before_all_time_breaks_no_order(cast: Cast, sign_in: SignIn) -> None:
    line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    late = learnt(cast, "+19195550100", startTime="2099-01-01T00:00:00Z")
    unbelievable = learnt(cast, "+19195550100", startTime="0001-01-02T00:00:00Z")  # as if it had none
    usual = learnt(cast, "+19195550100")
    assert ids(look(sign_in(cast.ana))) == [usual.pk, unbelievable.pk, late.pk]


# ---- Search and filters --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=ruiz", ["Ana Ruiz"]),
        ("?q=ANA", ["Ana Ruiz"]),
        ("?q=nunez", ["José Núñez"]),
        ("?q=NÚÑEZ", ["José Núñez"]),
        ("?q=sales", ["Ana Ruiz", "José Núñez"]),
        ("?q=sales ana", ["Ana Ruiz"]),
        ("?q=Ana Ruiz, Sales", ["Ana Ruiz"]),
        ("?q=555 0102", ["Tom Berg"]),
        ("?team=Sales", ["Ana Ruiz", "José Núñez"]),
        ("?team=Sales&q=ruiz", ["Ana Ruiz"]),
        ("?team=Sales&show=paused", ["José Núñez"]),
        ("?team=sal", []),
        ("?q=,", []),
        ("?q=%25", []),
        ("?q=%CC%81", []),
    ],
)
def test_a_search_finds_people_and_teams(cast: Cast, sign_in: SignIn, query: str, expected: list[str]) -> None:
    for address, name, team in [
        ("+19195550100", "Ana Ruiz", "Sales"),
        ("+19195550101", "José Núñez", "Sales"),
        ("+19195550102", "Tom Berg", "Support"),
    ]:
        line(cast.acme, address, name, team)
        learnt(cast, address)
    Call.objects.filter(person="José Núñez").update(**{"recording": "paused"})
    page = look(sign_in(cast.ana), query)
    assert [who.partition(",")[0] for who in seen(page)] == expected


def test_teams_to_choose_from_are_the_tenants_own(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    assert 'id="team"' not in ana.get("/t/acme/", headers={"HX-Request": ""}).content.decode()
    line(cast.acme, "+19195550101", "Tom Berg", "billing")
    line(cast.globex, "+19195550101", "Gil Other", "Theirs")
    page = ana.get("/t/acme/", headers={"HX-Request": ""}).content.decode()
    assert re.findall(r"<option[^>]*>([^<]+)</option>", page.partition('id="team"')[2].partition("</select>")[0]) == [
        "All teams",
        "billing",
        "Sales",
    ]

"""What a board asks for bit by bit: what is newer, the next page, what matches; and counts of the whole tenant."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.cast import Cast
from voicedash.calls import selections
from voicedash.calls.models import Call, Command
from voicedash.tenants.board import writing
from voicedash.tenants.models import Board, User

SignIn = Callable[[User], Client]
QUIET = {"X-Background": "1"}


def made(cast: Cast, number: int, **fields: Any) -> list[Call]:
    """So many calls of Acme, as one change."""
    first = Call.objects.count()
    with writing(cast.acme.pk) as stamp:
        return Call.objects.bulk_create(
            Call(
                tenant=cast.acme,
                account=cast.acme_account,
                call_id=f"c-{at:06}",
                added_at=stamp.now,
                version=stamp.version,
                **{"state": "answered"} | fields,
            )
            for at in range(first, first + number)
        )


def touch(call: Call, **columns: Any) -> int:
    """Changes a call, as a verb would; gives the version."""
    with writing(call.tenant_id) as stamp:
        Call.objects.filter(pk=call.pk).update(version=stamp.version, **columns)
    return stamp.version


def look(client: Client, query: str = "") -> str:
    answer = client.get(f"/t/acme/{query}", headers=QUIET)
    assert answer.status_code == 200
    return answer.content.decode()


def ids(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<li id="call-(\d+)"', page)]


def attribute(page: str, element: str, name: str) -> str | None:
    tag = re.search(rf'<[^>]* id="{element}"[^>]*>|<[a-z]+ id="{element}"[^>]*>', page)
    assert tag, page
    found = re.search(rf'data-{name}="([^"]*)"', tag[0])
    return found[1] if found else None


def test_only_what_is_newer_than_a_version_comes_and_it_comes_with_the_parts(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    calls = made(cast, 5)
    since = Board.objects.get(tenant=cast.acme).version
    version = touch(calls[3], recording="paused")
    page = look(ana, f"?since={since}")
    assert ids(page) == [calls[3].pk]
    assert attribute(page, "changes", "version") == str(version)
    assert attribute(page, "part-counts", "version") == str(version)
    assert [attribute(page, "part-counts", name) for name in ("live", "paused", "needs")] == ["5", "1", "0"]
    assert attribute(page, "part-accounts", "version") == str(version)
    assert ids(look(ana, f"?since={version}")) == []


def test_a_row_that_is_newer_is_drawn_just_as_on_the_page(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    call = made(cast, 1)[0]
    drawn = re.compile(rf'<li id="call-{call.pk}".*?</li>', re.DOTALL)
    on_page, newer = drawn.search(look(ana)), drawn.search(look(ana, "?since=0"))
    assert on_page and newer and on_page[0] == newer[0]


def test_a_call_that_ended_while_the_browser_slept_is_told_as_ended(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    call = made(cast, 1)[0]
    since = Board.objects.get(tenant=cast.acme).version
    touch(call, ended_at=timezone.now() - timedelta(hours=1), state="disconnected")
    assert ids(look(ana)) == []
    assert ids(look(ana, f"?since={since}")) == [call.pk]


@pytest.mark.parametrize("since", ["999", "-1", "x", "", "9" * 30])
def test_a_version_that_is_none_of_ours_is_told_to_fetch_anew(cast: Cast, sign_in: SignIn, since: str) -> None:
    made(cast, 2)
    page = look(sign_in(cast.ana), f"?since={since}")
    assert "data-anew" in page and "part-counts" not in page and ids(page) == []


def test_who_missed_too_much_is_told_to_fetch_anew(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    made(cast, 200)
    half = Board.objects.get(tenant=cast.acme).version
    made(cast, 200)
    assert "data-anew" in look(ana, "?since=0")
    assert len(ids(look(ana, f"?since={half}"))) == 200


def test_pages_follow_each_other_without_a_gap(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    calls = made(cast, 250)
    Call.objects.filter(pk__in=[call.pk for call in calls[::7]]).update(ended_at=timezone.now())
    first = look(ana)
    seen = ids(first)
    assert attribute(first, "board", "left") == "150"
    following = attribute(first, "board", "next")
    while following:
        page = look(ana, f"?after={following}")
        seen += ids(page)
        assert attribute(page, "more", "left") == str(250 - len(seen))
        following = attribute(page, "more", "next")
    assert seen == [call.pk for call in calls]


def test_what_needs_a_person_is_on_the_first_page_wherever_it_stands(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    calls = made(cast, 150)
    touch(calls[120], recording="paused")
    touch(calls[130], recording="unconfirmed")
    touch(calls[135], recording="unconfirmed", ended_at=timezone.now())
    now = timezone.now()
    Command.objects.create(
        call=calls[140],
        wanted="paused",
        state="claimed",
        asked_at=now,
        expires_at=now + timedelta(seconds=15),
        version=1,
    )
    page = look(ana)
    assert ids(page)[100:] == [calls[at].pk for at in (120, 130, 140)]
    assert attribute(page, "board", "left") == "47"
    assert [attribute(page, "part-counts", name) for name in ("live", "paused", "needs")] == ["149", "1", "1"]


def test_a_call_that_is_being_resumed_does_not_count_as_paused(cast: Cast, sign_in: SignIn) -> None:
    calls = made(cast, 3, recording="paused")
    now = timezone.now()
    told = {"asked_at": now, "expires_at": now + timedelta(seconds=15), "version": 1}
    Command.objects.create(call=calls[0], wanted="recording", state="claimed", **told)
    Command.objects.create(call=calls[0], wanted="paused", state="waiting", **told)
    Command.objects.create(call=calls[1], wanted="paused", state="claimed", **told)
    assert attribute(look(sign_in(cast.ana)), "part-counts", "paused") == "2"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=c-000003", [3]),
        ("?q=C-000003", [3]),
        ("?q=555 0177", [5]),
        ("?q=%2B1 (919) 555-0177", [5]),
        ("?q=sip:mia", [6]),
        ("?show=paused", [7, 8]),
        ("?show=needs", [9]),
        ("?show=paused&q=000007", [7]),
        ("?show=live&q=c-00014", [140, 141, 142, 143, 144, 145, 146, 147, 148]),
        ("?q=%25", []),
        ("?q=nobody", []),
    ],
)
def test_a_search_goes_over_the_whole_tenant(cast: Cast, sign_in: SignIn, query: str, expected: list[int]) -> None:
    calls = made(cast, 150)
    other = Call.objects.create(
        tenant=cast.globex, account=cast.globex_account, call_id="c-000003", added_at=timezone.now()
    )
    touch(calls[5], from_address="+19195550177")
    touch(calls[6], to_address="sip:mia@example.com")
    touch(calls[7], recording="paused")
    touch(calls[8], recording="paused")
    touch(calls[9], recording="unconfirmed")
    touch(calls[149], ended_at=timezone.now())
    page = look(sign_in(cast.ana), query)
    assert ids(page) == [calls[at].pk for at in expected]
    assert other.pk not in ids(page)


def test_a_search_that_finds_much_says_how_much_more(cast: Cast, sign_in: SignIn) -> None:
    made(cast, 130)
    page = look(sign_in(cast.ana), "?q=c-")
    assert (len(ids(page)), attribute(page, "found", "left")) == (selections.PAGE, "30")


def test_without_javascript_links_lead_through_the_pages(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    calls = made(cast, 250)
    address, seen = "/t/acme/", []
    while address:
        page = ana.get(address, headers={"HX-Request": ""}).content.decode()
        assert "<html" in page
        seen += ids(page)
        link = re.search(r'<a href="(\?after=[0-9a-f.]+)" rel="next">', page)
        address = f"/t/acme/{link[1]}" if link else ""
    assert seen == [call.pk for call in calls]
    assert "First page" in page


def test_a_search_works_without_javascript(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    calls = made(cast, 120)
    page = ana.get("/t/acme/?q=c-000117", headers={"HX-Request": ""}).content.decode()
    assert ids(page) == [calls[117].pk] and "All calls" in page


def test_a_viewers_news_have_no_buttons_and_a_stranger_gets_none(cast: Cast, sign_in: SignIn) -> None:
    made(cast, 2)
    assert "<button" not in look(sign_in(cast.vic), "?since=0")
    assert "<button" in look(sign_in(cast.ana), "?since=0")
    for query in ("?since=0", "?after=0", "?q=c-"):
        assert sign_in(cast.omar).get(f"/t/acme/{query}", headers=QUIET).status_code == 404
        assert Client().get(f"/t/acme/{query}", headers=QUIET).status_code == 401

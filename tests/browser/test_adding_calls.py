"""Calls that a person types or pastes."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests import cast as people
from tests.browser.desk import box, look, row, slot1
from voicedash.bandwidth.fake.world import fresh_id
from voicedash.calls.models import Call


def add(page: Page, text: str) -> None:
    dialog = page.get_by_role("dialog", name="Add calls")
    if not dialog.is_visible():
        page.get_by_role("button", name="Add calls").click()
        expect(page.get_by_label("Call ids or their addresses")).to_be_focused()
    page.get_by_label("Call ids or their addresses").fill(text)
    dialog.get_by_role("button", name="Add calls").click()


def test_a_typed_call_joins_the_board_and_bandwidth_is_not_asked(board, cast, bandwidth):
    page = board(cast.ana)
    expect(page.get_by_role("heading", name="No calls on this board")).to_be_visible()
    call_id = fresh_id("c")
    add(page, call_id)
    expect(page.locator("#added")).to_contain_text("1 call added.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    added = page.locator(f"[data-call={call_id}]")
    expect(added).to_be_visible()
    expect(added).to_contain_text("typed, not seen yet")
    expect(added.get_by_role("button", name=re.compile("^Pause "))).to_be_visible()
    expect(page.get_by_role("heading", name="No calls on this board")).to_have_count(0)
    assert bandwidth.requests == []


def test_of_many_ids_the_good_join_and_the_refused_stay_in_the_field_with_their_reasons(board, cast):
    good = [fresh_id("c") for _ in range(12)]
    page = board(cast.ana)
    add(page, f"{good[0]}, {good[1]}\n" + " ".join(good[2:]) + " r-1234-abcd nonsense c-a_b c-123456")
    told = page.locator("#added")
    expect(told).to_contain_text("13 calls added.")
    expect(told).to_contain_text("r-1234-abcd: this is the id of a recording; a call's begins with c-")
    expect(told).to_contain_text("nonsense: a call id begins with c-")
    expect(told).to_contain_text("c-a_b: a call id holds only letters, digits and dashes")
    expect(told).to_contain_text("c-123456: Bandwidth's ids usually have 47 characters: is it whole?")
    field = page.get_by_label("Call ids or their addresses")
    expect(field).to_have_value("r-1234-abcd\nnonsense\nc-a_b")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    look(page)
    expect(page.locator(".row")).to_have_count(13)


def test_a_call_that_is_there_already_is_named_and_not_added_twice(board, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    page = board(cast.ana)
    new = fresh_id("c")
    add(page, f"{ours.call_id} {new} {new}")
    expect(page.locator("#added")).to_contain_text("1 call added.")
    expect(page.locator("#added")).to_contain_text(f"Already on the board: {ours.call_id}")
    assert Call.objects.count() == 2


def test_a_pasted_address_names_its_account_and_the_field_names_it_for_the_rest(board, cast, fake):
    second = people.account(cast.acme, "9900003")
    pasted, chosen = fresh_id("c"), fresh_id("c")
    page = board(cast.ana)
    add(page, f"https://voice.bandwidth.com/api/v2/accounts/9900003/calls/{pasted}")
    expect(page.locator("#added")).to_contain_text("1 call added.")
    page.get_by_label("Bandwidth account", exact=True).select_option(str(second.pk))
    add(page, chosen)
    expect(page.locator(f"[data-call={chosen}]")).to_have_count(1)
    assert {call.call_id: call.account for call in Call.objects.all()} == {pasted: second, chosen: second}


@pytest.mark.parametrize("text", ["-", ",,, ;"])
def test_an_empty_or_meaningless_text_is_told(board, cast, text):
    page = board(cast.ana)
    add(page, text)
    expect(page.locator("#added .bad").first).to_be_visible()
    assert not Call.objects.exists()


def test_nothing_moves_under_the_hand_when_calls_join_and_leave(board, cast, live_call):
    above, first, last = (live_call(cast.acme_account)[0] for _ in range(3))
    long_ago = timezone.now() - timedelta(hours=1)
    Call.objects.filter(pk=above.pk).update(ended_at=long_ago)  # not on the board, until Bandwidth obeys it again
    page = board(cast.ana)
    hand = slot1(page, last)
    hand.hover()
    where = box(hand)

    Call.objects.filter(pk=above.pk).update(ended_at=None)
    Call.objects.filter(pk=first.pk).update(ended_at=long_ago)
    joined, _ = live_call(cast.acme_account)
    look(page)
    expect(row(page, joined)).to_be_visible()  # at the end it moves nothing
    expect(row(page, first)).to_have_class(re.compile("ended"))  # and stays for now
    expect(row(page, above)).to_have_count(0)
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    assert box(hand) == where

    page.get_by_role("button", name="1 new").click()
    expect(row(page, above)).to_be_visible()
    expect(page.get_by_role("button", name="1 new")).to_have_count(0)
    look(page)
    expect(row(page, first)).to_have_count(0)

"""The way in: the real form, from a wrong password to the board."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import slot1
from tests.cast import PASSWORD
from voicedash.tenants.models import Membership, Role

WRONG = "Wrong username or password."


def enter(page: Page, username: str, password: str) -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def door(browser, site) -> Page:
    page: Page = browser().new_page()
    page.goto(site.url)
    return page


def test_whoever_opens_the_bare_address_signs_in_and_is_at_their_board(door, site, cast, live_call):
    ours, _ = live_call(cast.acme_account)
    expect(door).to_have_url(re.compile(r"/accounts/login/"))
    expect(door.get_by_label("Username")).to_be_focused()
    enter(door, "ana", PASSWORD)
    expect(door).to_have_url(f"{site.url}/t/acme/")
    expect(door.get_by_role("heading", name="Acme Support")).to_be_visible()
    expect(slot1(door, ours)).to_be_visible()


def test_a_wrong_password_and_an_unknown_person_read_the_same(door, cast):
    said = []
    for username in ("ana", "nobody-of-that-name"):
        enter(door, username, "not-the-password-at-all")
        expect(door.get_by_role("alert")).to_contain_text(WRONG)
        expect(door.get_by_label("Username")).to_have_value(username)
        expect(door.get_by_label("Password")).to_have_value("")
        expect(door.get_by_label("Password")).to_be_focused()
        said.append(door.locator("main").inner_text())
    assert said[0] == said[1]
    enter(door, "ana", PASSWORD)
    expect(door.get_by_role("heading", name="Acme Support")).to_be_visible()


def test_the_page_that_was_asked_for_comes_after_signing_in(door, site, cast):
    door.goto(f"{site.url}/accounts/password/change/")
    enter(door, "ana", PASSWORD)
    expect(door.get_by_role("heading", name="Change password")).to_be_visible()


def test_a_member_of_two_boards_chooses(door, site, cast):
    Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.VIEWER)
    enter(door, "ana", PASSWORD)
    expect(door.get_by_role("heading", name="Choose a board")).to_be_visible()
    door.get_by_role("link", name=re.compile("Globex Care")).click()
    expect(door).to_have_url(f"{site.url}/t/globex/")
    expect(door.get_by_role("heading", name="Globex Care")).to_be_visible()


def test_after_signing_out_the_back_button_shows_no_calls(door, complaints, cast, live_call):
    live_call(cast.acme_account)
    enter(door, "ana", PASSWORD)
    expect(door.locator(".row")).to_have_count(1)
    door.locator("summary").filter(has_text="Ana Ruiz").click()
    door.get_by_role("button", name="Sign out").click()
    expect(door.get_by_role("heading", name="Sign in")).to_be_visible()
    door.go_back()
    expect(door.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(door.locator(".row")).to_have_count(0)

"""The page about callbacks in a real browser: credentials that are made work, are seen once, and can be taken back."""

import re

import requests
from playwright.sync_api import expect

from tests.browser.test_accessibility import violations
from tests.tenants.two_tenants import Two, make
from voicedash.calls.models import Call


def test_what_the_page_says_works_and_what_came_is_told_there(board, node, cast):
    two: Two = make(cast)
    served = node()
    page = board(two.tia, at=served, path="/admin/")
    page.get_by_role("link", name="Set up and credentials").first.click()
    page.get_by_role("link", name="Acme Support").click()
    expect(page.get_by_role("heading", name="Callbacks of Acme Support")).to_be_visible()
    page.get_by_role("button", name="Create another").click()
    expect(page.get_by_text("the password is shown this once")).to_be_visible()
    url = page.locator("#callback-url").inner_text()
    username, password = page.locator("#made-username").inner_text(), page.locator("#made-password").inner_text()
    assert url.startswith(served.url)
    event = {"eventType": "initiate", "accountId": "9900001", "callId": "c-shown", "direction": "inbound"}
    answer = requests.post(url, json=event, auth=(username, password), timeout=20)
    assert answer.status_code == 204
    assert Call.objects.get(call_id="c-shown").state == "initiated"

    page.get_by_role("link", name="Set up and credentials").first.click()
    page.get_by_role("link", name="Acme Support").click()
    expect(page.get_by_role("row", name=re.compile("initiate"))).to_be_visible()
    expect(page.get_by_text(username).first).to_be_visible()
    assert password not in page.content()
    page.get_by_role("button", name=f"Remove {username}").click()
    expect(page.get_by_text("is refused from now on")).to_be_visible()
    page.close()  # before its server ends


def test_axe_finds_nothing_on_it(board, cast):
    two: Two = make(cast)
    page = board(two.tia, path=f"/admin/live/callbacks/{cast.acme.pk}/change/")
    assert violations(page) == []
    page.get_by_role("button", name="Create another").click()
    expect(page.get_by_text("the password is shown this once")).to_be_visible()
    assert violations(page) == []

"""The setup link in a real browser: which sends no origin from a page that names no referrer."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import violations
from voicedash.tenants import setup
from voicedash.tenants.models import User

NEW = "quite-a-long-password"


@pytest.fixture
def link(site, cast) -> str:
    User.objects.filter(pk=cast.root.pk).delete()
    return f"{site.url}/setup/{setup.make_link()}/"


def fill(page: Page, password: str, again: str) -> None:
    page.get_by_label("Username").fill("rosa")
    page.get_by_label("Name", exact=True).fill("Rosa Diaz")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Password confirmation").fill(again)
    page.get_by_role("button", name="Create and sign in").click()


@pytest.mark.parametrize("javascript", [True, False], ids=["", "without JavaScript"])
def test_the_first_admin_comes_in_and_is_led_to_a_tenant(browser, site, link, complaints, javascript):
    complaints.expect_status(404)
    context = browser(java_script_enabled=javascript)
    page = context.new_page()
    referrers = []
    page.on("request", lambda request: referrers.append(request.headers.get("referer", "")))
    page.goto(link)
    expect(page.get_by_label("Username")).to_be_focused()
    fill(page, NEW, "another-long-one")
    expect(page.get_by_text("didn’t match")).to_be_visible()
    fill(page, NEW, NEW)
    expect(page).to_have_url(f"{site.url}/")
    expect(page.get_by_role("link", name="Create a tenant")).to_be_visible()
    token = link.split("/")[-2]
    assert not [told for told in referrers if token in told]
    page.goto(link)
    expect(page.get_by_role("heading", name="This link does not work")).to_be_visible()


def test_axe_finds_nothing_on_its_pages(browser, site, link, complaints):
    complaints.expect_status(404)
    page = browser().new_page()
    page.goto(link)
    assert violations(page) == []
    fill(page, "short", "short")
    expect(page.get_by_text(re.compile("too short"))).to_be_visible()
    assert violations(page) == []
    page.goto(f"{site.url}/setup/never-was/")
    assert violations(page) == []

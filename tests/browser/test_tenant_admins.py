"""A tenant admin's pages of Django admin in a real browser: they work, under the strict policy."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import violations
from tests.tenants.two_tenants import Two, make
from voicedash.tenants.models import Membership, User

NEW = "quite-a-long-password"


# Servers of their own for what is written: Django's history names kinds of rows by keys that a process
# remembers, and between two tests they change.


@pytest.fixture
def two(cast) -> Two:
    return make(cast)


def test_a_person_is_added_as_a_member_and_then_deactivated(board, node, two):
    page = board(two.tia, at=node(), path="/admin/")
    page.get_by_role("link", name="Users").first.click()
    page.get_by_role("link", name=re.compile("Add user")).first.click()
    page.get_by_label("Username").fill("zoe")
    page.get_by_label("Password:", exact=True).fill(NEW)
    page.get_by_label("Password confirmation").fill(NEW)
    page.get_by_label("Role").select_option("supervisor")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    expect(page.get_by_text("Supervisor at Acme Support").first).to_be_visible()
    assert Membership.objects.get(user__username="zoe").tenant == two.cast.acme
    page.get_by_label("Active").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert not User.objects.get(username="zoe").is_active
    page.close()  # before its server ends


def test_a_role_and_a_reason_are_changed_on_the_tenants_page(board, node, two):
    page = board(two.tia, at=node(), path=f"/admin/tenants/tenant/{two.cast.acme.pk}/change/")
    row = page.locator("#memberships-group tr.has_original", has_text="Vic Moor").first
    expect(page.get_by_role("button", name="Add another Member")).to_have_count(0)
    row.locator("select").select_option("supervisor")
    page.get_by_role("button", name=re.compile("Add another Reason")).click()
    page.locator("#id_reasons-2-name").fill("Health details")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert two.cast.vic.memberships.get().role == "supervisor"
    assert two.cast.acme.reasons.filter(name="Health details").exists()
    page.close()


def test_axe_finds_nothing_on_the_first_page(board, two):
    page = board(two.tia, path="/admin/")
    assert violations(page) == []

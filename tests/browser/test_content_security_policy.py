"""Every test here fails on a violation of the policy: so these make sure that a violation is heard."""

import pytest
from playwright.sync_api import expect

INLINE_STYLE = "() => document.body.setAttribute('style', 'color: red')"
INLINE_SCRIPT = "() => document.head.append(Object.assign(document.createElement('script'), {text: 'window.hurt = 1'}))"
STRANGER = "() => { new Image().src = 'https://stranger.example/pixel.png' }"


@pytest.mark.parametrize(
    ("directive", "act"), [("style-src-attr", INLINE_STYLE), ("script-src-elem", INLINE_SCRIPT), ("img-src", STRANGER)]
)
def test_a_violation_is_stopped_and_heard_whatever_a_test_expects(board, complaints, cast, directive, act):
    complaints.expect_no_answer()
    complaints.expect_status(404)
    page = board(cast.ana)
    assert complaints.unexpected == []
    with page.expect_console_message(lambda told: told.text.startswith(f"Content Security Policy: {directive}")):
        page.evaluate(act)
    assert page.evaluate("() => window.hurt") is None
    expect(page.locator("body")).not_to_have_css("color", "rgb(255, 0, 0)")
    page.context.close()
    assert any(directive in text for text in complaints.unexpected)
    complaints.forget()


def test_no_page_of_the_administration_breaks_the_policy(board, site, cast, live_call, complaints):
    ours, _ = live_call(cast.acme_account)
    site.browser_of(cast.ana).post(f"/t/acme/calls/{ours.pk}/pause/")
    page = board(cast.root, path="/admin/")
    links = page.locator("main a[href^='/admin/']").evaluate_all("(all) => all.map((link) => link.pathname)")
    forms = [path for path in links if path.endswith("/add/")]
    lists = [path for path in links if path.count("/") == 4 and not path.endswith("/add/")]
    assert {"/admin/tenants/tenant/add/", "/admin/tenants/bandwidthaccount/add/"} <= set(forms)
    assert {"/admin/calls/call/", "/admin/audit/entry/", "/admin/tenants/user/"} <= set(lists)
    for path in [*dict.fromkeys(forms), *dict.fromkeys(lists)]:
        page.goto(site.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        first = page.locator("#result_list tbody th a").first
        if path in lists and first.count():
            first.click()
            expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert complaints.unexpected == [], path

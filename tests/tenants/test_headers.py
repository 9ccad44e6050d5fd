"""Every page says what a browser may do with it."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.cast import Cast
from voicedash.tenants.models import User


@pytest.mark.parametrize("address", ["/accounts/login/", "/t/acme/", "/admin/", "/no/such/page/", "/accounts/logout/"])
def test_every_answer_carries_the_policy(cast: Cast, browser: Callable[[User], Client], address: str) -> None:
    answer = browser(cast.mia).get(address)
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("address", ["/t/acme/", "/", "/accounts/password/change/", "/accounts/login/"])
def test_a_page_is_never_kept(cast: Cast, browser: Callable[[User], Client], address: str) -> None:
    assert "no-store" in browser(cast.ana).get(address)["Cache-Control"]

"""What every page knows besides its own matter."""

import re
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from voicedash.tenants import accounts
from voicedash.tenants.models import BandwidthAccount


@cache
def version() -> str:
    """The newest version in CHANGELOG.md; "" where the file does not come along."""
    try:
        text = (settings.BASE_DIR / "CHANGELOG.md").read_text("utf-8")
    except OSError:
        return ""
    found = re.search(r"^##\s+\[?v?(\d[\w.+-]*)", text, re.MULTILINE)
    return found[1] if found else ""


def site(request: HttpRequest) -> dict[str, Any]:
    """`demo`, `version`, `csrf_cookie_name`, and on admin's pages `basic_ends` (accounts.BasicEnds or None)."""
    told: dict[str, Any] = {
        "demo": settings.DEMO,
        "version": version(),
        "csrf_cookie_name": settings.CSRF_COOKIE_NAME,
    }
    match = request.resolver_match
    if match and "admin" in match.app_names and request.user.is_superuser:
        told["basic_ends"] = accounts.basic_ends(timezone.localdate(), BandwidthAccount.objects.all())
    return told

"""What every page knows besides its own matter."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from voicedash.tenants import accounts
from voicedash.tenants.models import BandwidthAccount


def site(request: HttpRequest) -> dict[str, Any]:
    """`demo`, `csrf_cookie_name`, and on admin's pages `basic_ends` (accounts.BasicEnds or None)."""
    told: dict[str, Any] = {
        "demo": settings.DEMO,
        "csrf_cookie_name": settings.CSRF_COOKIE_NAME,
    }
    match = request.resolver_match
    if match and "admin" in match.app_names and request.user.is_superuser:
        told["basic_ends"] = accounts.basic_ends(timezone.localdate(), BandwidthAccount.objects.all())
    return told

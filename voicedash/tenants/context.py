"""What every page knows besides its own matter."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from voicedash.tenants import accounts, administering
from voicedash.tenants.models import BandwidthAccount


def site(request: HttpRequest) -> dict[str, Any]:
    """`demo`, `csrf_cookie_name`, and on admin's pages `basic_ends` and `sealed` (of accounts, or None)."""
    told: dict[str, Any] = {
        "demo": settings.DEMO,
        "csrf_cookie_name": settings.CSRF_COOKIE_NAME,
    }
    match = request.resolver_match
    if match and "admin" in match.app_names and request.user.is_authenticated:
        seen = BandwidthAccount.objects.all()
        if not request.user.is_superuser:
            seen = seen.filter(tenant__in=administering.tenants_of(request.user.pk))
        told["basic_ends"] = accounts.basic_ends(timezone.localdate(), seen)
        told["sealed"] = accounts.sealed(seen)
    return told

"""Deny by default: a sign-in for the unknown, nothing for a stranger, and on every page what a browser may do."""

from collections.abc import Callable
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware, LoginRequiredMiddleware
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject

from voicedash.tenants import access

View = Callable[..., HttpResponseBase]
NOT_SENT = "Not sent: sign in"
_NO_DEVICES = ", ".join(
    f"{name}=()"
    for name in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


class HeadersMiddleware:
    """The headers that Django does not send. Static files are answered before it and may be cached."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = "; ".join(f"{name} {value}" for name, value in settings.SECURE_CSP.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers["Permissions-Policy"] = _NO_DEVICES
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        # A page with calls on it must not come back out of a shared computer's cache after signing out.
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class UserMiddleware(AuthenticationMiddleware):
    """Django's, but the user is read by a statement that is put together once, on a tenant's pages with the member."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(partial(access.user_of, request))  # type: ignore[assignment]

    def process_view(
        self, request: HttpRequest, view_func: View, view_args: tuple[Any, ...], view_kwargs: dict[str, Any]
    ) -> None:
        member = access.member_in(request, view_kwargs["tenant"]) if "tenant" in view_kwargs else None
        if member:
            request.user = member.user
            request.membership = member  # type: ignore[attr-defined]


class SignedInMiddleware(LoginRequiredMiddleware):
    """Every view needs a signed-in user but those marked `login_not_required`; admin's need a member of the staff."""

    def process_view(
        self, request: HttpRequest, view_func: View, view_args: tuple[Any, ...], view_kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        answer = super().process_view(request, view_func, view_args, view_kwargs)
        if answer is not None or not getattr(view_func, "login_required", True):
            return answer
        # Admin itself would offer its own sign-in form here, which knows no lock.
        if request.resolver_match and "admin" in request.resolver_match.app_names and not request.user.is_staff:
            raise PermissionDenied("The admin pages are for the people who run voicedash.")
        return None

    def get_login_url(self, view_func: View) -> str:
        return str(settings.LOGIN_URL)  # admin's views name a form of their own

    def handle_no_permission(self, request: HttpRequest, view_func: View) -> HttpResponseBase:  # type: ignore[override]
        if request.headers.get("HX-Request") or request.headers.get("X-Background"):
            # htmx would swap a sign-in page into a row; the browser's script knows what to do with this.
            answer: HttpResponseBase = HttpResponse(NOT_SENT, status=401, content_type="text/plain; charset=utf-8")
        elif request.method not in {"GET", "HEAD"}:
            # The address of a press cannot be opened after signing in: start from the board.
            answer = redirect(settings.LOGIN_URL)
        else:
            answer = super().handle_no_permission(request, view_func)
        patch_vary_headers(answer, ["HX-Request", "X-Background"])
        return answer


class TenantMiddleware:
    """For `/t/<tenant>/…`: a stranger gets 404, a role without sight 403; the page speaks the tenant's time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Threads serve many tenants: whatever zone this request activates ends with it.
        with timezone.override(None):
            return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view_func: View, view_args: tuple[Any, ...], view_kwargs: dict[str, Any]
    ) -> None:
        if "tenant" not in view_kwargs:
            return
        user = request.user if request.user.is_authenticated else None
        membership = getattr(request, "membership", None)
        if membership is None and user:
            membership = access.membership_of(user, view_kwargs["tenant"])
        why = access.refusal(user, membership)
        if membership is None or why in {access.Refusal.NOT_YOURS, access.Refusal.SIGNED_OUT}:
            raise Http404
        if why:
            raise PermissionDenied(f"Your role at {membership.tenant} does not show the calls of others yet.")
        request.membership = membership  # type: ignore[attr-defined]
        request.tenant = membership.tenant  # type: ignore[attr-defined]
        timezone.activate(ZoneInfo(membership.tenant.time_zone))

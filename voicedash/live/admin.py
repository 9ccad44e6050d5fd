"""A tenant's callbacks in Django admin: what to enter where, credentials, what came last, and what changed nothing."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from voicedash.audit.admin import ReadOnly
from voicedash.live import heard
from voicedash.live.models import Callbacks, Heard, OddCallback
from voicedash.tenants import callbacks
from voicedash.tenants.admin.rows import stamp
from voicedash.tenants.admin.scope import Scoped
from voicedash.tenants.administering import Tenants

_WORDS = {
    heard.UNKNOWN: "types that voicedash does not know",
    heard.UNREADABLE: "what was no event",
    heard.REFUSED: "refused: wrong user or password",
}


@admin.register(Callbacks)
class CallbacksAdmin(Scoped, admin.ModelAdmin):
    """One page a tenant, in place of a form; tenants themselves are added and deleted elsewhere."""

    list_display = ["name", "credentials", "last_at"]
    search_fields = ["name", "slug"]
    ordering = ["name"]
    actions = None
    show_full_result_count = False
    may = frozenset({"view", "change"})

    def within(self, tenants: Tenants) -> Q:
        return Q(pk__in=tenants)

    def has_add_permission(self, request: HttpRequest, *obj: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        events = Heard.objects.filter(tenant=OuterRef("pk")).exclude(kind=heard.REFUSED).order_by("-last_at")
        listed: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .annotate(heard_at=Subquery(events.values("last_at")[:1]), credential_count=Count("callback_credentials"))
        )
        return listed

    @admin.display(description="credentials", ordering="credential_count")
    def credentials(self, obj: Any) -> str:
        return str(obj.credential_count or "none")

    @admin.display(description="newest callback", ordering="heard_at")
    def last_at(self, obj: Any) -> Any:
        return obj.heard_at

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if object_id is None:
            raise PermissionDenied
        tenant = self.get_object(request, unquote(object_id))
        if tenant is None:
            missing: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
            return missing
        made = None
        if request.method == "POST":
            if not self.has_change_permission(request, tenant):
                raise PermissionDenied
            made = self._change(request, tenant)
            if made is None:
                return HttpResponseRedirect(request.path)
        elif not self.has_view_or_change_permission(request, tenant):
            raise PermissionDenied
        # Rendered in the answer itself: the password is in no session, and gone with the page.
        return TemplateResponse(request, "admin/callbacks.html", self._context(request, tenant, made))

    def _change(self, request: HttpRequest, tenant: Callbacks) -> tuple[str, str] | None:
        """Creates or removes credentials; those that were created, to be shown this once."""
        by: Any = request.user
        with transaction.atomic():
            begun = stamp(request, tenant.pk)
            if "create" in request.POST:
                try:
                    made, password = callbacks.create(tenant, begun, by=by)
                except callbacks.TooMany:
                    told = f"There are {callbacks.MOST} already. Remove one that nobody uses any more."
                    messages.error(request, told)
                    return None
                return made.username, password
            key = request.POST.get("remove", "")
            found = tenant.callback_credentials.filter(pk=int(key) if key.isdecimal() and len(key) < 19 else 0).first()
            if found:
                callbacks.remove(found, begun, by=by)
                messages.success(request, f"{found} is refused from now on.")
        return None

    def _context(self, request: HttpRequest, tenant: Callbacks, made: tuple[str, str] | None) -> dict[str, Any]:
        came = Heard.objects.filter(tenant=tenant).order_by("-last_at")
        base = settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
        username, password = made or (None, None)
        first = tenant.callback_credentials.order_by("-pk").first()
        accounts = list(tenant.accounts.order_by("pk").values_list("account_id", flat=True))
        return {
            **self.admin_site.each_context(request),
            "title": f"Callbacks of {tenant}",
            "opts": self.opts,
            "original": tenant,
            "media": self.media,
            "url": f"{base}/callbacks/{tenant.callback_key}/",
            "reachable": bool(settings.PUBLIC_URL),
            "https": base.startswith("https:"),
            "made": made,
            "username": username or (first.username if first else "USER"),
            "password": password or "PASSWORD",
            "account_id": accounts[0] if accounts else "9900000",
            "credentials": list(tenant.callback_credentials.all()),
            "most": callbacks.MOST,
            "may_change": self.has_change_permission(request, tenant),
            "heard": [(_WORDS.get(one.kind, one.kind), one) for one in came],
            "odd": OddCallback.objects.filter(tenant=tenant).count(),
            "odd_url": f"{reverse('admin:live_oddcallback_changelist')}?tenant__id__exact={tenant.pk}",
        }


@admin.register(OddCallback)
class OddCallbackAdmin(Scoped, ReadOnly):
    may = frozenset({"view"})
    list_display = ["at", "tenant", "kind", "why", "call_id"]
    list_filter = ["tenant"]
    list_select_related = ["tenant"]
    search_fields = ["=call_id", "=kind"]
    search_help_text = "A whole call id, or an event type."
    ordering = ["-id"]

    def within(self, tenants: Tenants) -> Q:
        return Q(tenant__in=tenants)

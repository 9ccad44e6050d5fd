"""Tenants with their members and reasons in Django admin."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Model, Q
from django.forms import BaseModelFormSet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from voicedash.tenants import changes, reasons
from voicedash.tenants.admin.rows import OfTenant, stamp
from voicedash.tenants.admin.scope import Scoped, administered, everywhere
from voicedash.tenants.administering import Tenants
from voicedash.tenants.forms import MemberForm, ReasonForm, ReasonFormSet, UsualReasonForm
from voicedash.tenants.models import Membership, Reason, Tenant


def _can_choose(request: HttpRequest) -> bool:
    return everywhere(request) or len(administered(request)) > 1


class Members(Scoped):
    """A tenant admin finds people, not users: those of one tenant can join another that they administer, too."""

    def within(self, tenants: Tenants) -> Q:
        return Q(tenant__in=tenants)

    def has_add_permission(self, request: HttpRequest, *obj: Any) -> bool:
        # Of a single tenant all in sight are members already; new people are added as users.
        return super().has_add_permission(request, *obj) and _can_choose(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        listed = [str(name) for name in super().get_readonly_fields(request, obj)]
        # A membership does not pass to another person: the log would not say who lost it.
        fixed = isinstance(obj, Membership) or not _can_choose(request)
        return [*listed, "user"] if fixed else listed

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "user" and not everywhere(request):
            field.widget.can_add_related = False  # a new person would be a member before this is saved
        return field


class MemberInline(Members, admin.TabularInline):
    model = Membership
    form = MemberForm
    fields = ["user", "role"]
    extra = 0
    may = frozenset({"view", "add", "change", "delete"})


class ReasonInline(Scoped, admin.TabularInline):
    model = Reason
    form = ReasonForm
    formset = ReasonFormSet
    extra = 0
    may = frozenset({"view", "add", "change", "delete"})

    def within(self, tenants: Tenants) -> Q:
        return Q(tenant__in=tenants)


@admin.register(Tenant)
class TenantAdmin(OfTenant):
    list_display = ["name", "slug", "time_zone", "keep_numbers_days", "keep_calls_days"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [MemberInline, ReasonInline]
    may = frozenset({"view", "change"})

    @admin.display(description="callbacks")
    def callbacks(self, obj: Any) -> str:
        page = reverse("admin:live_callbacks_change", args=[obj.pk])
        return format_html('<a href="{}">Set up, and what came last</a>', page)

    def within(self, tenants: Tenants) -> Q:
        return Q(pk__in=tenants)

    def tenant_id(self, obj: Any) -> int:
        return int(obj.pk)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        fixed = [] if everywhere(request) else ["slug", "keep_numbers_days", "keep_calls_days"]
        return [*super().get_readonly_fields(request, obj), *fixed, *(["callbacks"] if obj else [])]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Model | None = None) -> dict[str, Any]:
        return dict(super().get_prepopulated_fields(request, obj)) if everywhere(request) else {}

    def save_formset(self, request: HttpRequest, form: Any, formset: BaseModelFormSet, change: bool) -> None:
        tenant: Tenant = form.instance
        begun = stamp(request, tenant.pk)
        if isinstance(formset, ReasonFormSet):
            self._hand_over(request, tenant, formset)
        formset.save()
        tell = partial(changes.tell, at=begun.now, actor=request.user.pk)
        first = not change and isinstance(formset, ReasonFormSet) and not formset.new_objects
        for obj in [*formset.new_objects, *(reasons.seed(tenant) if first else [])]:
            tell(obj, "added")
        for obj, fields in formset.changed_objects:
            tell(obj, "changed", fields=fields)
        for obj in formset.deleted_objects:
            tell(obj, "removed")

    def _hand_over(self, request: HttpRequest, tenant: Tenant, formset: ReasonFormSet) -> None:
        """Takes "usual" from the reasons that lose it: the handing over must not pass through a moment with two."""
        usual = [form for form in formset.forms if form.instance.default and form not in formset.deleted_forms]
        if not usual:
            return
        listed = {form.instance.pk for form in formset.forms}
        for other in tenant.reasons.filter(default=True).exclude(
            pk__in=[f.instance.pk for f in usual if f.instance.pk]
        ):
            other.default = False
            other.save(update_fields=["default"])
            if other.pk not in listed:  # made the usual one since the form was opened
                begun = stamp(request, tenant.pk)
                changes.tell(other, "changed", at=begun.now, actor=request.user.pk, fields=["default"])


@admin.register(Membership)
class MembershipAdmin(Members, OfTenant):
    list_display = ["user", "tenant", "role"]
    list_filter = ["tenant", "role"]
    list_select_related = ["user", "tenant"]
    search_fields = ["user__username", "user__name", "tenant__name"]
    may = frozenset({"view", "add", "change", "delete"})


@admin.register(Reason)
class ReasonAdmin(OfTenant):
    form = UsualReasonForm
    list_display = ["name", "tenant", "lease", "prolong", "note", "default"]
    list_filter = ["tenant"]
    list_select_related = ["tenant"]
    search_fields = ["name", "tenant__name"]
    may = frozenset({"view", "add", "change", "delete"})

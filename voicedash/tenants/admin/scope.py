"""Who sees and does what in Django admin: a superuser everything, a tenant admin what a class allows, else nothing."""

from typing import Any, ClassVar

from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.filters import RelatedFieldListFilter
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.sites import AdminSite
from django.contrib.admin.utils import get_fields_from_path
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from voicedash.tenants import administering
from voicedash.tenants.administering import Tenants
from voicedash.tenants.models import User

NOTHING = Q(pk__in=[])


def administered(request: HttpRequest) -> Tenants:
    """Keys of the tenants that who asks administers. Read anew with every request, once in it."""
    if "administered" not in request.__dict__:
        request.__dict__["administered"] = administering.tenants_of(request.user.pk)
    found: Tenants = request.__dict__["administered"]
    return found


def everywhere(request: HttpRequest) -> bool:
    """Whether who asks sees all there is."""
    return bool(request.user.is_active and request.user.is_superuser)


def rows(request: HttpRequest, model: type[Model], site: AdminSite) -> QuerySet[Any]:
    """What a tenant admin may choose of a model, as the model's own list shows it; nothing where none has a scope."""
    try:
        listed = site.get_model_admin(model)
    except NotRegistered:
        return model._default_manager.none()
    return listed.get_queryset(request) if isinstance(listed, Scoped) else model._default_manager.none()


class Within(RelatedFieldListFilter):
    """A filter by tenant, account, … that names none but those in sight."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(row.pk, str(row)) for row in rows(request, field.remote_field.model, model_admin.admin_site)]


class Scoped(BaseModelAdmin):
    """What every admin class and inline of ours begins with. Without a word of its own it hides from tenant admins."""

    # What a tenant admin may do here: "view", "add", "change", "delete".
    may: ClassVar[frozenset[str]] = frozenset()

    def within(self, tenants: Tenants) -> Q:
        """The rows that an admin of `tenants` sees."""
        return NOTHING

    def changeable(self, tenants: Tenants) -> Q:
        """Those of them that they may change or delete."""
        return self.within(tenants)

    def allows(self, request: HttpRequest, what: str, obj: Model | None) -> bool:
        """Whether a tenant admin may do it: with this row, or, without one, with any."""
        tenants = administered(request)
        if what not in self.may or not tenants:
            return False
        if not isinstance(obj, self.model):  # none, or the row that an inline stands in: its own class has judged that
            return True
        seen: dict[Any, bool] = request.__dict__.setdefault("rows_judged", {})
        key = (self.model, obj.pk, what == "view")
        if key not in seen:
            among = self.within(tenants) if what == "view" else self.changeable(tenants)
            seen[key] = self.model._default_manager.filter(among, pk=obj.pk).exists()
        return seen[key]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or self.allows(request, "view", obj)

    def has_add_permission(self, request: HttpRequest, *obj: Any) -> bool:
        return super().has_add_permission(request, *obj) or self.allows(request, "add", None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) or self.allows(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) or self.allows(request, "delete", obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or self.allows(request, "view", None)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        listed = super().get_queryset(request)
        return listed if everywhere(request) else listed.filter(self.within(administered(request)))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if not everywhere(request):
            kwargs["queryset"] = rows(request, db_field.remote_field.model, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_list_filter(self, request: HttpRequest) -> Any:
        listed = super().get_list_filter(request)  # type: ignore[misc]
        return listed if everywhere(request) else [self._without_others(one) for one in listed]

    def _without_others(self, listed: Any) -> Any:
        if isinstance(listed, str) and get_fields_from_path(self.model, listed)[-1].remote_field:
            return (listed, Within)
        return listed

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # By default any column may be asked for in the address: a way to guess, letter by letter, what is not shown.
        if request is None or everywhere(request):
            return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]
        listed = [one[0] if isinstance(one, tuple) else one for one in self.get_list_filter(request)]
        names = {one if isinstance(one, str) else one.parameter_name for one in listed}
        return lookup.partition("__")[0] in names and super().lookup_allowed(lookup, value, request)

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        # The history of a row comes through here: a person who has come from elsewhere brings the names of
        # those who changed them there.
        if queryset.model is LogEntry and not everywhere(request):
            known = administering.people(administered(request)) | Q(is_superuser=True)
            queryset = queryset.filter(user__in=User.objects.filter(known))
        return super().get_paginator(request, queryset, *args, **kwargs)  # type: ignore[misc]

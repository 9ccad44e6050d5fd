"""How Django admin writes the rows of a tenant: under the tenant's lock, with an entry in its log."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from voicedash.tenants import administering, board, changes
from voicedash.tenants.admin.scope import Scoped, administered, everywhere
from voicedash.tenants.administering import Tenants
from voicedash.tenants.board import Stamp
from voicedash.tenants.forms import TenantRowForm
from voicedash.tenants.models import BandwidthAccount, Tenant


def stamp(request: HttpRequest, tenant_id: int) -> Stamp:
    """The tenant's lock, taken once in the transaction of this request.

    Raises PermissionDenied where who asks no longer administers the tenant: a role is taken away under this lock.
    """
    stamps: dict[int, Stamp] = request.__dict__.setdefault("board_stamps", {})
    if tenant_id not in stamps:
        stamps[tenant_id] = board.begin(tenant_id)
        _judge(request, tenant_id)
    return stamps[tenant_id]


@contextmanager
def writing(request: HttpRequest, tenant_id: int) -> Iterator[Stamp]:
    """A transaction of its own under the tenant's lock, for the actions of a list."""
    with board.writing(tenant_id) as begun:
        _judge(request, tenant_id)
        yield begun


def _judge(request: HttpRequest, tenant_id: int) -> None:
    if not everywhere(request) and tenant_id not in administering.tenants_of(request.user.pk):
        raise PermissionDenied("You do not administer this tenant.")


def columns(form: ModelForm) -> list[str]:
    """The columns that the form changed: what is not in it may have changed since it was opened."""
    own = {field.name for field in form.instance._meta.concrete_fields}
    return [name for name in form.changed_data if name in own]


class OfTenant(Scoped, admin.ModelAdmin):
    """A tenant, or a row of one."""

    form = TenantRowForm
    show_full_result_count = False

    def within(self, tenants: Tenants) -> Q:
        return Q(tenant__in=tenants)

    def tenant_id(self, obj: Any) -> int:
        return int(obj.tenant_id)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        # A row does not move to another tenant: a secret is sealed for one, calls hang on the other.
        fixed = ["tenant"] if obj is not None and hasattr(obj, "tenant_id") else []
        return [*(str(name) for name in super().get_readonly_fields(request, obj)), *fixed]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        tenants = administered(request)
        only = {"tenant": str(next(iter(tenants)))} if len(tenants) == 1 and not everywhere(request) else {}
        return only | super().get_changeform_initial_data(request)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        changed = columns(form)
        if change:
            begun = stamp(request, self.tenant_id(obj))
            if changed:
                obj.save(update_fields=changed)
                changes.tell(obj, "changed", at=begun.now, actor=request.user.pk, fields=changed)
            return
        if not isinstance(obj, Tenant):
            stamp(request, self.tenant_id(obj))
        obj.save()
        begun = stamp(request, self.tenant_id(obj))  # a new tenant's board comes after it
        changes.tell(obj, "added", at=begun.now, actor=request.user.pk)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        _remove(request, obj, self.tenant_id(obj), stamp(request, self.tenant_id(obj)))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            with writing(request, self.tenant_id(obj)) as begun:
                _remove(request, obj, self.tenant_id(obj), begun)

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """What goes along, counted and not listed: there may be a hundred thousand calls.

        Calls are read-only in admin, but go with their tenant or account; the log stays.
        """
        gone = list(objs)
        counts: dict[str, int] = {str(self.opts.verbose_name_plural): len(gone)}
        for relation in self.opts.related_objects:
            if relation.related_model is not None and relation.one_to_many:
                found = relation.related_model._default_manager.filter(**{f"{relation.field.name}__in": gone}).count()
                if found:
                    counts[str(relation.related_model._meta.verbose_name_plural)] = found
        forbidden = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return [str(obj) for obj in gone], counts, forbidden, [kept for obj in gone for kept in _unfinished(obj)]


def _remove(request: HttpRequest, obj: Any, tenant_id: int, begun: Stamp) -> None:
    changes.tell(obj, "removed", at=begun.now, actor=request.user.pk)
    if isinstance(obj, BandwidthAccount):  # its calls go with it
        board.take_away(tenant_id, begun.version)
    obj.delete()


def _unfinished(obj: Any) -> list[str]:
    """Calls of a tenant or an account that nobody could resume any more once it was gone."""
    if not hasattr(obj, "calls"):
        return []
    paused = obj.calls.filter(ended_at=None, recording__in=["paused", "unconfirmed"])
    return [f"{call}: its recording is paused or not confirmed. Resume it first." for call in paused[:10]]

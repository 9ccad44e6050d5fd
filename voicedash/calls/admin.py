"""Calls and what was asked about them in Django admin: to be read only, for a form would save stale rows.

A tenant admin reads those of their tenants.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from voicedash.audit.admin import ReadOnly
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.admin.scope import Scoped
from voicedash.tenants.administering import Tenants

# The states that Bandwidth names today (docs/bandwidth.md §2), and ours for a call it has not told of.
_STATES = ["queued", "initiated", "answered", "disconnected"]
_UNSEEN = "unseen"


class StateFilter(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in _STATES] + [(_UNSEEN, "typed, not seen yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Call]) -> QuerySet[Call]:
        if not self.value():
            return queryset
        return queryset.filter(state="" if self.value() == _UNSEEN else self.value())


@admin.register(Call)
class CallAdmin(Scoped, ReadOnly):
    may = frozenset({"view"})
    list_display = ["call_id", "tenant", "account", "state", "recording", "recording_since", "added_at", "ended_at"]
    list_filter = ["tenant", "recording", StateFilter]
    list_select_related = ["tenant", "account"]
    search_fields = ["=call_id", "=parent_call_id", "from_address", "to_address"]
    search_help_text = "A whole call id, or a part of a number."
    ordering = ["-id"]

    def within(self, tenants: Tenants) -> Q:
        return Q(tenant__in=tenants)


class AttemptInline(Scoped, admin.TabularInline):
    model = Attempt
    extra = 0
    can_delete = False
    may = frozenset({"view"})

    def within(self, tenants: Tenants) -> Q:
        return Q(command__call__tenant__in=tenants)

    def has_add_permission(self, request: HttpRequest, *obj: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Command)
class CommandAdmin(Scoped, ReadOnly):
    may = frozenset({"view"})
    list_display = ["asked_at", "call", "wanted", "state", "outcome", "by", "source", "took_ms"]
    list_filter = ["outcome", "wanted", "state", "source"]
    list_select_related = ["call", "by"]
    search_fields = ["=call__call_id", "by__username"]
    search_help_text = "A whole call id, or a username."
    ordering = ["-id"]
    inlines = [AttemptInline]

    def within(self, tenants: Tenants) -> Q:
        return Q(call__tenant__in=tenants)


@admin.register(Attempt)
class AttemptAdmin(Scoped, ReadOnly):
    may = frozenset({"view"})
    list_display = ["began_at", "command", "number", "result", "status", "took_ms", "reference", "doubt_until"]
    list_select_related = ["command__call"]
    search_fields = ["=command__call__call_id", "=reference"]
    ordering = ["-id"]

    def within(self, tenants: Tenants) -> Q:
        return Q(command__call__tenant__in=tenants)

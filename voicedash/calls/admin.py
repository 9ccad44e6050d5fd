"""Calls and what was asked about them in Django admin: to be read only, for a form would save stale rows."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from voicedash.audit.admin import ReadOnly
from voicedash.calls.models import Attempt, Call, Command

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
class CallAdmin(ReadOnly):
    list_display = ["call_id", "tenant", "account", "state", "recording", "recording_since", "added_at", "ended_at"]
    list_filter = ["tenant", "recording", StateFilter]
    list_select_related = ["tenant", "account"]
    search_fields = ["=call_id", "=parent_call_id", "from_address", "to_address"]
    search_help_text = "A whole call id, or a part of a number."
    ordering = ["-id"]


class AttemptInline(admin.TabularInline):
    model = Attempt
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


@admin.register(Command)
class CommandAdmin(ReadOnly):
    list_display = ["asked_at", "call", "wanted", "state", "outcome", "by", "source", "took_ms"]
    list_filter = ["outcome", "wanted", "state", "source"]
    list_select_related = ["call", "by"]
    search_fields = ["=call__call_id", "by__username"]
    search_help_text = "A whole call id, or a username."
    ordering = ["-id"]
    inlines = [AttemptInline]


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    list_display = ["began_at", "command", "number", "result", "status", "took_ms", "reference", "doubt_until"]
    list_select_related = ["command__call"]
    search_fields = ["=command__call__call_id", "=reference"]
    ordering = ["-id"]

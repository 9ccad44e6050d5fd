"""Calls and what was asked about them in Django admin: to be read only, for a form would save stale rows.

A tenant admin reads those of their tenants.
"""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from voicedash.audit.admin import ReadOnly
from voicedash.calls import following
from voicedash.calls.models import Attempt, Call, Command, Sync
from voicedash.tenants.admin.accounts import AccountAdmin
from voicedash.tenants.admin.scope import Scoped
from voicedash.tenants.administering import Tenants
from voicedash.tenants.models import BandwidthAccount

# The states that Bandwidth names today (docs/bandwidth.md §2), and ours for a call it has not told of.
_STATES = ["queued", "initiated", "answered", "disconnected"]
_UNSEEN = "unseen"
_CURE = (
    "Bandwidth's lists are late. Let the application that answers your calls forward Bandwidth's initiate and answer "
    "events to voicedash: then they appear at once."
)


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
    list_display = [
        "call_id",
        "tenant",
        "account",
        "person",
        "state",
        "recording",
        "recording_since",
        "lease_ends_at",
        "added_at",
        "ended_at",
    ]
    list_filter = ["tenant", "recording", StateFilter, "hidden_why"]
    list_select_related = ["tenant", "account"]
    search_fields = ["=call_id", "=parent_call_id", "from_address", "to_address", "person", "other_person"]
    search_help_text = "A whole call id, or a part of a number or a name."
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


admin.site.unregister(BandwidthAccount)  # the tenants' page of an account, and what calls know of it


@admin.register(BandwidthAccount)
class FollowedAccountAdmin(AccountAdmin):
    """Says also whether an account's calls come by themselves, how late, and what helps."""

    followed = ("last_heard", "why_not", "calls_appear", "newest_start", "past")
    list_display = [*AccountAdmin.list_display, "last_heard"]
    list_select_related = [*AccountAdmin.list_select_related, "sync"]
    readonly_fields = [*AccountAdmin.readonly_fields, *followed]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = list(super().get_fieldsets(request, obj))
        return [*sets, ("Its calls, by themselves", {"fields": self.followed})] if obj else sets

    @admin.display(ordering="sync__heard_at")
    def last_heard(self, obj: BandwidthAccount) -> datetime | None:
        sync = _sync(obj)
        return sync.heard_at if sync else None

    @admin.display(description="why not")
    def why_not(self, obj: BandwidthAccount) -> str:
        sync = _sync(obj)
        if sync is None:
            return "No worker has listed its calls yet."
        return sync.why or "Nothing is wrong: a worker lists them every few seconds."

    @admin.display(description="calls appear")
    def calls_appear(self, obj: BandwidthAccount) -> str:
        sync = _sync(obj)
        seconds = following.appears_after(sync) if sync else None
        if sync is None or seconds is None:
            return "Not known yet: too few calls have begun since."
        usual = f"About {seconds:.0f} s after they begin (of the newest {len(sync.appeared)})."
        return f"{usual} {_CURE}" if seconds > following.PROMPT else usual

    @admin.display(description="newest start that is known")
    def newest_start(self, obj: BandwidthAccount) -> datetime | None:
        sync = _sync(obj)
        return sync.newest_start if sync else None

    @admin.display(description="what began before")
    def past(self, obj: BandwidthAccount) -> str:
        sync = _sync(obj)
        if sync is None or sync.back_from is None or sync.back_to is None:
            return "Is listed."
        return f"Is still being listed: from {sync.back_from:%H:%M} to {sync.back_to:%H:%M} UTC, the newest first."


def _sync(account: BandwidthAccount) -> Sync | None:
    return getattr(account, "sync", None)

"""The log in Django admin: to be read by everyone who runs voicedash, to be changed by nobody."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from voicedash.audit.models import Entry, Head

_RECENT = 2000  # entries from which the verbs to choose from are read: a DISTINCT over millions takes seconds


class ReadOnly(admin.ModelAdmin):
    """Seen by superusers, and neither added, changed nor deleted by anyone."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


class ChainFilter(admin.SimpleListFilter):
    title = parameter_name = "chain"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(chain, chain) for chain in Head.objects.order_by("chain").values_list("chain", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        return queryset.filter(chain=self.value()) if self.value() else queryset


class VerbFilter(admin.SimpleListFilter):
    title = parameter_name = "verb"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        recent = Entry.objects.order_by("-id").values_list("verb", flat=True)[:_RECENT]
        return [(verb, verb) for verb in sorted(set(recent))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        return queryset.filter(verb=self.value()) if self.value() else queryset


@admin.register(Entry)
class EntryAdmin(ReadOnly):
    list_display = ["at", "chain", "seq", "verb", "actor", "call_id", "data"]
    list_filter = [ChainFilter, VerbFilter]
    search_fields = ["=call_id", "=verb"]
    search_help_text = "A whole call id, or a whole verb."
    ordering = ["-id"]

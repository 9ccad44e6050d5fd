"""Lines in Django admin: one by one, as CSV out, and as CSV in, which first shows what it would do."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseProblem
from django.db import transaction
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from voicedash.tenants import addresses, line_files, lines, spreadsheets
from voicedash.tenants.admin.rows import OfTenant, writing
from voicedash.tenants.admin.scope import everywhere, rows
from voicedash.tenants.board import release_connection
from voicedash.tenants.forms import LineForm, LinesForm
from voicedash.tenants.line_files import Problem, Read, Unreadable
from voicedash.tenants.lines import Change, Comparison, Wish
from voicedash.tenants.models import Line, Tenant

AT_ONCE = 500  # lines that are read together on their way out
SHOWN = {"new": 100, "changed": 200, "problems": 500}
_NOT_TOLD = "Saved. Open boards could not be told just now: a later change of a line brings the names to them."


@admin.register(Line)
class LineAdmin(OfTenant):
    form = LineForm
    list_display = ["name", "team", "number", "tenant"]
    list_filter = ["tenant", "team"]
    list_select_related = ["tenant"]
    search_fields = ["name", "team", "address"]
    search_help_text = "A part of a name, a team or a number."
    fields = ["tenant", "address", "name", "team"]
    may = frozenset({"view", "add", "change", "delete"})

    @admin.display(description="number or SIP address", ordering="address")
    def number(self, obj: Line) -> str:
        return addresses.readable(obj.address)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, double = super().get_search_results(request, queryset, term)
        digits = addresses.digits(term)
        return (found | queryset.filter(address__contains=digits), double) if digits else (found, double)

    # ---- One by one: live calls hear of it when it is committed ----------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(partial(self._tell, request, obj.tenant_id))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(partial(self._tell, request, obj.tenant_id))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        # There may be thousands: not one by one.
        keys = defaultdict(list)
        for tenant_id, key in queryset.order_by().values_list("tenant", "pk"):
            keys[tenant_id].append(key)
        for tenant_id, some in keys.items():
            lines.remove(tenant_id, some, actor=request.user.pk, writing=partial(writing, request, tenant_id))

    def _tell(self, request: HttpRequest, tenant_id: int) -> None:
        if not lines.tell(tenant_id):
            self.message_user(request, _NOT_TOLD, messages.WARNING)

    # ---- As CSV ----------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("import/", wrap(self.import_view), name="tenants_line_import"),
            path("export/", wrap(self.export_view), name="tenants_line_export"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        more = {"can_import": self._can_import(request), "query": request.GET.urlencode()}
        return super().changelist_view(request, more | (extra_context or {}))

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The lines that the list shows, all pages of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            listed: ChangeList = self.get_changelist_instance(request)
            found = listed.get_queryset(request).order_by("pk")
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:tenants_line_changelist"))
        several = found.order_by().values("tenant").distinct().count() > 1
        return StreamingHttpResponse(
            spreadsheets.write(_cells(found, several)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="lines.csv"'},
        )

    def _can_import(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Takes a file and shows what it would do; takes what was shown and does it."""
        if not self._can_import(request):
            raise PermissionDenied
        tenants = Tenant.objects.all() if everywhere(request) else rows(request, Tenant, self.admin_site)
        if request.method != "POST":
            return self._page(request, LinesForm(tenants=tenants))
        form = LinesForm(request.POST, request.FILES, tenants=tenants)
        if not form.is_valid():
            return self._page(request, form)
        tenant: Tenant = form.cleaned_data["tenant"]
        text, encoding = form.cleaned_data["text"], ""
        try:
            if upload := form.cleaned_data["file"]:
                text, encoding = line_files.decode(upload.read(line_files.MOST_BYTES + 1))
            elif not text:
                raise Unreadable("Choose a file.")
            read = line_files.read(text)
        except Unreadable as error:
            form.add_error("file", str(error))
            return self._page(request, form)
        compared = lines.compare(tenant.pk, read.wishes)
        if form.cleaned_data["seal"] and not encoding:
            if form.cleaned_data["seal"] == compared.seal():
                return self._take_in(request, tenant, read)
            messages.warning(request, "Lines were changed meanwhile: look at this once more.")
        seen = {"tenant": tenant.pk, "text": text, "seal": compared.seal()}
        return self._page(request, LinesForm(seen, tenants=tenants), _preview(tenant, read, compared, encoding))

    def _page(self, request: HttpRequest, form: LinesForm, preview: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Lines from a CSV file",
            "opts": self.opts,
            "form": form,
            **(preview or {}),
        }
        return TemplateResponse(request, "admin/tenants/line/import.html", context)

    def _take_in(self, request: HttpRequest, tenant: Tenant, read: Read) -> HttpResponse:
        try:
            added, changed = lines.take_in(
                tenant.pk, read.wishes, actor=request.user.pk, writing=partial(writing, request, tenant.pk)
            )
        except DatabaseProblem:
            told = "voicedash could not write all of it. What is done is done: choose the file again for the rest."
            self.message_user(request, told, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:tenants_line_import"))
        told = f"{tenant}: {added} added, {changed} changed."
        if read.problems:
            told += f" {len(read.problems)} of the file not taken."
        self.message_user(request, told, messages.WARNING if read.problems else messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:tenants_line_changelist"))


def _cells(found: QuerySet[Line], several: bool) -> Iterator[list[str]]:
    """The rows of a CSV; no connection is held while the browser takes its time."""
    yield [*line_files.HEADER, *(["tenant"] if several else [])]
    after = 0
    while some := list(found.filter(Q(pk__gt=after))[:AT_ONCE]):
        release_connection()
        for line in some:
            yield [line.address, line.name, line.team, *([line.tenant.slug] if several else [])]
        after = some[-1].pk


def _readable(line: Wish | Change) -> Wish | Change:
    return replace(line, address=addresses.readable(line.address))


def _preview(tenant: Tenant, read: Read, compared: Comparison, encoding: str) -> dict[str, Any]:
    nameless = [
        Problem(wish.at, wish.address, "this number is new, and the file has no column with names")
        for wish in compared.nameless
    ]
    problems = sorted([*read.problems, *nameless], key=lambda problem: problem.at)
    return {
        "tenant": tenant,
        "compared": compared,
        "problems": problems,
        "ignored": read.ignored,
        "encoding": encoding,
        "shown": {
            "new": [_readable(wish) for wish in compared.new[: SHOWN["new"]]],
            "changed": [_readable(change) for change in compared.changed[: SHOWN["changed"]]],
            "problems": problems[: SHOWN["problems"]],
        },
        "more": {
            "new": len(compared.new) - SHOWN["new"],
            "changed": len(compared.changed) - SHOWN["changed"],
            "problems": len(problems) - SHOWN["problems"],
        },
    }

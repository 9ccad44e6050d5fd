"""The log as supervisors and managers read it: what happened, and of managers' people who signed in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from voicedash.audit import log, reading, sentences, words
from voicedash.audit.export import Export, Full
from voicedash.audit.forms import Choices, FilterForm, SignInsForm
from voicedash.audit.lines import Names, name
from voicedash.audit.models import Entry
from voicedash.audit.reading import Shown, Wish
from voicedash.tenants import access, names
from voicedash.tenants.access import TenantRequest, require
from voicedash.tenants.models import Membership, Reason

BYTES = 160  # of an export for each entry looked through, about: most commands have two and one line


@dataclass(frozen=True)
class Section:
    """One of the two pages: its address, its export's, and its form as it was asked."""

    page: str
    export: str
    form: FilterForm | SignInsForm


@require_GET
def log_page(request: TenantRequest, tenant: str) -> HttpResponse:
    """What happened at the tenant, the newest first."""
    return _page(request, _log(request))


@require_GET
def sign_ins(request: TenantRequest, tenant: str) -> HttpResponse:
    """When those who are members now signed in, or tried to."""
    return _page(request, _sign_ins(request))


@require_GET
def export_log(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """What the filter finds, as CSV."""
    return _export(request, _log(request))


@require_GET
def export_sign_ins(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The sign-ins that the filter finds, as CSV."""
    return _export(request, _sign_ins(request))


@require_GET
def entry(request: TenantRequest, tenant: str, seq: int) -> HttpResponse:
    """One entry as it is kept, with all others of its command."""
    require(request.membership, access.READS_LOG)
    chain = log.of_tenant(request.tenant.pk)
    try:
        trail = reading.trail(chain, _key(str(seq)) or 0)
    except Entry.DoesNotExist:
        raise Http404 from None
    newest = reading.head(chain)
    # What was asked is told with how it ended, though that stands below it.
    end = next((one for one in reversed(trail) if one.verb in reading.ENDS), None)
    shown = [Shown(one, end=end if one.verb == reading.ASKED else None) for one in trail]
    named = _naming(request)(shown)
    told = [(sentences.line(one, named), sentences.details(one.entry)) for one in shown]
    context = {"seq": seq, "trail": told, "newest": newest, "call_id": trail[0].call_id}
    return render(request, "audit/entry.html", _context(request) | context)


def _log(request: TenantRequest) -> Section:
    """What both its page and its export begin with. Raises PermissionDenied."""
    require(request.membership, access.READS_LOG)
    chain = log.of_tenant(request.tenant.pk)
    who, reason = _key(request.GET.get("who")), _key(request.GET.get("reason"))
    people = _people(request)
    reasons = [(str(one.pk), one.name) for one in Reason.objects.filter(tenant=request.tenant)]
    # Who is no member any more, and a reason that was removed, are in no list, and found all the same.
    gone = [("user", str(who))] if who and str(who) not in dict(people) and reading.has(Wish(chain, actor=who)) else []
    if reason and str(reason) not in dict(reasons) and reading.has(Wish(chain, reason=str(reason))):
        gone.append(("reason", str(reason)))
    known = names.of(request.tenant.pk, gone)
    for what, key in gone:
        (people if what == "user" else reasons).append((key, name(known, what, key)))
    people.append(("0", words.VOICEDASH))
    form = FilterForm(request.GET, chain=chain, zone=_zone(request), people=people, reasons=reasons)
    return Section("log", "export-log", form)


def _sign_ins(request: TenantRequest) -> Section:
    """The same of the sign-ins. Raises PermissionDenied."""
    require(request.membership, access.READS_SIGN_INS)
    form = SignInsForm(request.GET, chain=log.SIGN_INS, zone=_zone(request), people=_people(request))
    return Section("sign-ins", "export-sign-ins", form)


def _page(request: TenantRequest, section: Section, *, status: int = 200, busy: bool = False) -> HttpResponse:
    """The page; to htmx only the lines that come next."""
    context = _context(request) | {"form": section.form, "section": section.page, "busy": busy}
    if section.form.is_valid():
        wish = section.form.wish()
        page = reading.page(wish, before=_key(request.GET.get("before")))
        named = _naming(request)(page.shown)
        context |= {
            "lines": [sentences.line(one, named) for one in page.shown],
            "page": page,
            "next": _address(request, section.page, before=page.before) if page.before else "",
        }
        if not request.headers.get("HX-Request"):
            context |= _size(wish) | {"export": _address(request, section.export)}
    if request.headers.get("HX-Request"):
        return render(request, "audit/_lines.html", context, status=status)
    return render(request, "audit/log.html", context, status=status)


def _export(request: TenantRequest, section: Section) -> HttpResponseBase:
    if not section.form.is_valid():
        return _page(request, section, status=400)
    try:
        export = Export(section.form.wish(), _naming(request))
    except Full:
        answer = _page(request, section, status=503, busy=True)
        answer.headers["Retry-After"] = "30"
        return answer
    name = f"{request.tenant.slug}-{section.page}-{timezone.localtime():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(export, content_type="text/csv; charset=utf-8", headers=headers)


def _size(wish: Wish) -> dict[str, Any]:
    """How much there is to look through: by the numbers of entries, as to count them takes the longer the more."""
    span = reading.between(wish)
    entries = span[1] - span[0] + 1 if span else 0
    return {"total": reading.head(wish.chain), "entries": entries, "bytes": entries * BYTES}


def _naming(request: TenantRequest) -> Callable[[list[Shown]], Names]:
    """Gives the names of what entries mention. What was named once is not looked for again."""
    tenant_id = request.tenant.pk
    known: dict[tuple[str, str], str] = {}

    def named(shown: list[Shown]) -> Names:
        asked = sentences.mentioned(shown)
        if len(known) > 10_000:
            known.clear()
        known.update(names.of(tenant_id, asked - known.keys()))
        return known

    return named


def _people(request: TenantRequest) -> Choices:
    members = Membership.objects.filter(tenant=request.tenant).select_related("user").order_by("user__name", "user")
    return [(str(member.user_id), str(member.user)) for member in members]


def _context(request: TenantRequest) -> dict[str, Any]:
    return {
        "tenant": request.tenant,
        "membership": request.membership,
        "reads_log": True,
        "reads_sign_ins": request.membership.role in access.READS_SIGN_INS,
        "now": timezone.now(),
    }


def _zone(request: TenantRequest) -> ZoneInfo:
    return ZoneInfo(request.tenant.time_zone)


def _address(request: TenantRequest, name: str, **more: int) -> str:
    query = request.GET.copy()
    query.pop("before", None)
    for key in [key for key, value in query.items() if not value]:
        query.pop(key)
    for key, value in more.items():
        query[key] = str(value)
    told = query.urlencode()
    return reverse(name, args=[request.tenant.slug]) + (f"?{told}" if told else "")


def _key(text: str | None) -> int | None:
    """A number from an address; None where there is none, or one no key can be."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None

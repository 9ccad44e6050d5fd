"""The list of incidents: everybody sees it, supervisors and managers take and close them."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from voicedash.audit.forms import Choices
from voicedash.calls.incidents import dealing, reading
from voicedash.calls.incidents.dealing import LONGEST, Dealt
from voicedash.calls.incidents.forms import FilterForm
from voicedash.calls.incidents.models import Incident
from voicedash.tenants import access
from voicedash.tenants.access import TenantRequest, require
from voicedash.tenants.models import Membership

_LEVELS = {"good": messages.SUCCESS, "bad": messages.ERROR, "wait": messages.INFO}


@require_GET
def incidents(request: TenantRequest, tenant: str) -> HttpResponse:
    """The list, the newest first: without a filter what is open. With `newer` only whether it is another one now."""
    if "newer" in request.GET:
        return _news(request)
    form = FilterForm(request.GET, zone=ZoneInfo(request.tenant.time_zone), people=_people(request))
    context = _context(request) | {"form": form, "news": reading.newest(request.tenant.pk)}
    if form.is_valid():
        page = reading.page(request.tenant.pk, form.wish(), before=_key(request.GET.get("before")))
        context |= {"listed": page.listed, "news": page.version, "next": _next(request, page.before)}
    return render(request, "calls/incidents.html", context)


@require_GET
def incident(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """One incident."""
    return _one(request, _incident(request, pk))


@require_POST
def take(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Says that one is at it."""
    require(request.membership, access.PRESSES)
    found = _incident(request, pk)
    return _answered(request, found, dealing.take(found, by=request.user, seen=_key(request.POST.get("from"))))


@require_POST
def close(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Closes it with what was done."""
    require(request.membership, access.PRESSES)
    found = _incident(request, pk)
    return _answered(request, found, dealing.close(found, by=request.user, done=request.POST.get("done", "")))


def _answered(request: TenantRequest, found: Incident, dealt: Dealt) -> HttpResponse:
    """The incident as it is now, with what came of it; without htmx the page of it, or what to say differently."""
    found = _incident(request, found.pk)
    if dealt.error:
        return _one(request, found, status=422, error=dealt.error, typed=request.POST.get("done", ""))
    if request.headers.get("HX-Request"):
        return _one(request, found, said=dealt.said)
    if dealt.said:
        text = f"{dealt.said.lead} {dealt.said.sentence}"
        messages.add_message(request, _LEVELS[dealt.said.tone], text)
    return HttpResponseRedirect(reverse("incident", args=[request.tenant.slug, found.pk]), status=303)


def _one(request: TenantRequest, found: Incident, *, status: int = 200, **more: Any) -> HttpResponse:
    [listed] = reading.listed([found])
    context = _context(request) | {"one": listed, "listed": [listed], "news": reading.newest(request.tenant.pk)} | more
    if not request.headers.get("HX-Request"):
        return render(request, "calls/incidents.html", context, status=status)
    # What one did oneself is no news to the list, unless there is other news that it has not heard of yet.
    known = _key(request.POST.get("known"))
    context["alone"] = known is not None and not reading.others_changed(found, known)
    return render(request, "calls/_incident_answer.html", context, status=status)


def _news(request: TenantRequest) -> HttpResponse:
    """Where anything about an incident changed after the version `newer`, a word about it; else nothing to swap."""
    known = _key(request.GET.get("newer"))
    if reading.newest(request.tenant.pk) == known:
        return HttpResponse(status=204)
    return render(request, "calls/_incidents_news.html", _context(request) | {"changed": True})


def _incident(request: TenantRequest, pk: int) -> Incident:
    known = Incident.objects.select_related("taken_by", "closed_by", "account")
    return get_object_or_404(known, tenant=request.tenant, pk=pk)


def _people(request: TenantRequest) -> Choices:
    members = Membership.objects.filter(tenant=request.tenant).select_related("user").order_by("user__name", "user")
    return [("0", "Nobody"), *((str(member.user_id), str(member.user)) for member in members)]


def _context(request: TenantRequest) -> dict[str, Any]:
    role = request.membership.role
    return {
        "tenant": request.tenant,
        "membership": request.membership,
        "section": "incidents",
        "can_press": role in access.PRESSES,
        "reads_log": role in access.READS_LOG,
        "reads_sign_ins": role in access.READS_SIGN_INS,
        "longest": LONGEST,
        "now": timezone.now(),
    }


def _next(request: TenantRequest, before: int | None) -> str:
    if before is None:
        return ""
    query = request.GET.copy()
    query["before"] = str(before)
    return f"{reverse('incidents', args=[request.tenant.slug])}?{query.urlencode()}"


def _key(text: str | None) -> int | None:
    """A number from an address or a form; None where there is none, or one no key can be."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None

"""Pause all and resume all: asks once, with number and scope, then begins; progress is a part of every board."""

from django.contrib import messages
from django.db import Error as DatabaseProblem
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from voicedash.calls import board as boards
from voicedash.calls import bulk, bulk_words, scope, words
from voicedash.calls.asked import LEVELS, context, number, reason
from voicedash.calls.models import Bulk, Wanted
from voicedash.calls.scope import Scope
from voicedash.calls.words import Said
from voicedash.tenants import access
from voicedash.tenants.access import TenantRequest, require
from voicedash.tenants.models import Reason

_CANNOT_WRITE = Said("Nothing was asked", words.CANNOT_WRITE, "bad")


@require_POST
def pause_all(request: TenantRequest, tenant: str) -> HttpResponse:
    """Asks whether every call that the filter shows is to be paused; with `sure=1` it begins."""
    require(request.membership, access.PRESSES)
    found = scope.to_pause(request.tenant, _team(request))
    if request.POST.get("sure") != "1":
        return _question(request, Wanted.PAUSED, found)
    if not found.pks:
        return _answered(request, bulk_words.NOTHING_TO_PAUSE)
    return _begun(request, Wanted.PAUSED, found, found.pks, bulk_words.NOTHING_TO_PAUSE)


@require_POST
def resume_all(request: TenantRequest, tenant: str) -> HttpResponse:
    """Lists the paused calls, those ticked that a pause of all did; with `sure=1` those that are ticked are resumed."""
    require(request.membership, access.PRESSES)
    found = scope.to_resume(request.tenant, _team(request))
    if request.POST.get("sure") != "1":
        return _question(request, Wanted.RECORDING, found)
    pks = found.pks
    if "listed" in request.POST:
        chosen = {number(pk) for pk in request.POST.getlist("call")}
        pks = [choice.pk for choice in found.choices if choice.pk in chosen]
    return _begun(request, Wanted.RECORDING, found, pks, bulk_words.NOTHING_TO_RESUME)


@require_POST
def repeat(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Asks anew for those calls of a press on everyone that failed."""
    require(request.membership, access.PRESSES)
    found = get_object_or_404(Bulk.objects.select_related("tenant", "reason"), tenant=request.tenant, pk=pk)
    try:
        begun = bulk.repeat(found, by=request.user)
    except DatabaseProblem:
        return _answered(request, _CANNOT_WRITE)
    return _told(request, begun, bulk_words.NOTHING_TO_REPEAT)


def _begun(request: TenantRequest, wanted: Wanted, found: Scope, pks: list[int], nothing: Said) -> HttpResponse:
    seen = number(request.POST.get("seen"))
    try:
        begun = bulk.begin(
            tenant=request.tenant,
            wanted=wanted,
            by=request.user,
            calls=pks,
            team=found.team,
            reason=reason(request),
            seen=found.version if seen is None else seen,
        )
    except DatabaseProblem:
        return _answered(request, _CANNOT_WRITE)
    return _told(request, begun, nothing)


def _told(request: TenantRequest, begun: Bulk | None, nothing: Said) -> HttpResponse:
    if begun is None:
        return _answered(request, nothing)
    return _answered(request, bulk_words.begun(begun, begun.items.count() + len(begun.listed)), status=202)


def _question(request: TenantRequest, wanted: Wanted, found: Scope) -> HttpResponse:
    shown = context(request) | {
        "wanted": wanted,
        "scope": found,
        "question": found.question(wanted),
        "reasons": Reason.objects.filter(tenant=request.tenant) if wanted == Wanted.PAUSED else (),
        "teams": boards.teams(request.tenant),
    }
    alone = not request.headers.get("HX-Request")
    return render(request, "calls/bulk.html" if alone else "calls/_bulk_question.html", shown)


def _answered(request: TenantRequest, said: Said, status: int = 200) -> HttpResponse:
    """The part and the sentence; without htmx the board, with the same sentence."""
    if not request.headers.get("HX-Request"):
        messages.add_message(request, LEVELS[said.tone], f"{said.lead}. {said.sentence}")
        return HttpResponseRedirect(reverse("board", args=[request.tenant.slug]), status=303)
    shown = context(request) | {"board": boards.parts(request.tenant), "answer": said}
    return render(request, "calls/_bulk_begun.html", shown, status=status)


def _team(request: TenantRequest) -> str:
    return request.POST.get("team", "").strip()[:60]

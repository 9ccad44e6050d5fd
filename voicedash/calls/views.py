"""The board and its presses: fetch if allowed, call a verb, render."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from voicedash.calls import board as boards
from voicedash.calls import claims, fetching, ids, notes, recording, tracking, words
from voicedash.calls.models import Call
from voicedash.calls.recording import Answer
from voicedash.tenants import access, accounts
from voicedash.tenants.access import TenantRequest, require
from voicedash.tenants.models import BandwidthAccount, Reason

_LEVELS = {"good": messages.SUCCESS, "bad": messages.ERROR, "wait": messages.INFO}


@require_GET
def board(request: TenantRequest, tenant: str) -> HttpResponse:
    """Every call of the tenant; to a background request, only its rows and how the fetches went."""
    claims.close_expired(request.tenant.pk)
    drawn = boards.read(request.tenant)
    second, at = _number(request.GET.get("confirm")), _number(request.GET.get("at"))
    if second is not None and at is not None:
        drawn = boards.asking_again(drawn, second, at)
    context = _context(request) | {"board": drawn}
    if request.headers.get("X-Background") == "1":
        return render(request, "calls/_look.html", context)
    context["basic_ends"] = accounts.basic_ends_for(request.membership)
    context["sealed"] = accounts.sealed_for(request.membership)
    return render(request, "calls/board.html", context)


@require_GET
def row(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """One call's row as it is now."""
    call = _call(request, pk)
    claims.close_expired(request.tenant.pk)
    try:
        drawn = boards.row(call)
    except Call.DoesNotExist:
        raise Http404 from None
    return render(request, "calls/_row.html", _context(request) | {"row": drawn})


@require_POST
def pause(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Pauses a call's recording. Nothing typed beside it stands between a person and a pause."""
    require(request.membership, access.PRESSES)
    call = _call(request, pk)
    note = request.POST.get("note", "").strip()[:500]
    if notes.holds_card_number(note):
        note = ""
    return _answered(request, call, recording.pause(call=call, by=request.user, reason=_reason(request), note=note))


@require_POST
def resume(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Resumes a call's recording; `anyway=1` is the second press."""
    require(request.membership, access.PRESSES)
    call = _call(request, pk)
    anyway = "1" in (request.POST.get("anyway"), request.GET.get("anyway"))
    seen = request.POST.get("seen", "")
    # What is no version has seen nothing: better a second look than a resume from an old row.
    version = (_number(seen) or 0) if seen else None
    answer = recording.resume(call=call, by=request.user, seen=version, anyway=anyway)
    return _answered(request, call, answer)


@require_http_methods(["GET", "POST"])
def add_calls(request: TenantRequest, tenant: str) -> HttpResponse:
    """Puts typed ids onto the board and tells what became of each; opened anew, it is the board."""
    require(request.membership, access.PRESSES)
    if request.method == "GET":
        return _to_board(request)
    typed = ids.read(request.POST.get("call_ids", ""))
    chosen = request.POST.get("account", "")
    account = BandwidthAccount.objects.filter(tenant=request.tenant, pk=_number(chosen) or 0).first()
    if chosen and account is None:
        typed.refuse_all("the chosen Bandwidth account is not one of yours")
    added = tracking.add_typed(request.tenant, typed, account=account, by=request.user)
    context = _context(request) | {"added": added, "typed": " ".join(text for text, _ in added.refused)}
    if request.headers.get("HX-Request"):
        return render(request, "calls/_added.html", context)
    return render(request, "calls/board.html", context | {"board": boards.read(request.tenant)})


@require_http_methods(["GET", "POST"])
def fetch(request: TenantRequest, tenant: str) -> HttpResponse:
    """Asks Bandwidth for the live calls (POST), and tells how that goes (GET)."""
    require(request.membership, access.PRESSES)
    if request.method == "POST":
        fetching.start(request.tenant, by=request.user)
    if not request.headers.get("HX-Request"):
        return _to_board(request)
    context = _context(request) | {"board": boards.read(request.tenant, with_rows=False)}
    return render(request, "calls/_fetch.html", context)


def _call(request: TenantRequest, pk: int) -> Call:
    return get_object_or_404(Call, tenant=request.tenant, pk=pk)


def _answered(request: TenantRequest, call: Call, answer: Answer) -> HttpResponse:
    """The row and the sentence; without htmx the board, with the same sentence."""
    if not request.headers.get("HX-Request"):
        which = words.parties(call)[0]  # the sentence stands above the board, not in the row
        said = f"{answer.said.lead}. {answer.said.sentence} · {which}"
        messages.add_message(request, _LEVELS[answer.said.tone], said)
        return _to_board(request, confirm=call if answer.confirm else None)
    try:
        drawn = replace(answer.row or boards.row(call), outcome=answer.outcome, confirm=answer.confirm)
    except Call.DoesNotExist:  # what was asked was asked: a 404 would say that nothing was
        return render(request, "calls/_say.html", {"oob": True, **vars(answer.said)})
    return render(request, "calls/_answer.html", _context(request) | {"row": drawn, "answer": answer.said})


def _to_board(request: TenantRequest, *, confirm: Call | None = None) -> HttpResponse:
    """After a post without htmx: 303, so that the browser asks for the board and never posts twice.

    `confirm`: the call whose row takes a second press, as it is now.
    """
    query = ""
    if confirm is not None:
        confirm.refresh_from_db(fields=["version"])
        query = f"?confirm={confirm.pk}&at={confirm.version}#call-{confirm.pk}"
    return HttpResponseRedirect(reverse("board", args=[request.tenant.slug]) + query, status=303)


def _context(request: TenantRequest) -> dict[str, Any]:
    role = request.membership.role
    return {
        "tenant": request.tenant,
        "membership": request.membership,
        "can_press": role in access.PRESSES,
    }


def _reason(request: TenantRequest) -> Reason | None:
    number = _number(request.POST.get("reason"))
    return Reason.objects.filter(tenant=request.tenant, pk=number).first() if number is not None else None


def _number(text: str | None) -> int | None:
    """A number from a form; None where there is none, or one no key can be."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None

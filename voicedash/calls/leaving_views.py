"""Signing in and out with calls still paused by oneself: they are shown, and nobody is ever held back by it."""

import logging
from urllib.parse import urlencode, urlsplit

from allauth.account.views import login, logout
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseProblem
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from voicedash.calls import held, leaving, leaving_words
from voicedash.calls.asked import LEVELS, number
from voicedash.calls.held import Held
from voicedash.calls.words import Said
from voicedash.tenants import access
from voicedash.tenants.access import TenantRequest, require
from voicedash.tenants.models import User

logger = logging.getLogger(__name__)

TOLD = 8  # answers that are told one by one


@login_not_required
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Signs in; where calls are still paused by this person from before, their list comes before all else."""
    answer: HttpResponseBase = login(request)
    user = request.user
    to = answer.headers.get("Location", "")
    if request.method != "POST" or not to or not isinstance(user, User) or not _holds(user):
        return answer
    page = reverse("own-pauses")
    return answer if urlsplit(to).path == page else HttpResponseRedirect(f"{page}?{urlencode({'next': to})}")


@login_not_required  # a signing out that comes too late is as good as one in time: no detour by the sign-in
@require_POST
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """Signs out; where calls are still paused by this person their list comes first, unless it was seen: `keep=1`."""
    user = request.user if isinstance(request.user, User) else None
    keeps = request.POST.get("keep") == "1"
    if user and not keeps and _holds(user):
        return HttpResponseRedirect(reverse("own-pauses"), status=303)
    answer: HttpResponseBase = logout(request)
    if user and keeps:
        leaving.tell_left(user)
    return answer


@require_GET
def own_pauses(request: HttpRequest) -> HttpResponse:
    """The calls that are paused by whoever asks: to resume, to hand over or to keep.

    `next`: where to go on to after signing in; without it, it is about signing out.
    """
    assert isinstance(request.user, User)
    holdings = held.of(request.user)
    calls = sum(len(holding.calls) for holding in holdings)
    context = {"holdings": holdings, "number": calls, "next": _next(request, request.GET.get("next", ""))}
    return render(request, "calls/own_pauses.html", context)


@require_POST
def act(request: TenantRequest, tenant: str) -> HttpResponse:
    """Resumes (`resume`, `anyway`: keys; `resume-all`) or hands over (`hand`: keys, `hand-all`; `to`: a user's key)."""
    require(request.membership, access.PRESSES)
    mine = next((one for one in held.of(request.user) if one.tenant == request.tenant), None)
    posted = request.POST
    keys = {pk for name in ("resume", "anyway", "hand") for pk in posted.get(name, "").split(",")}
    chosen = [one for one in mine.calls if keys.intersection(one.key.split(","))] if mine else []
    if mine and "resume-all" in posted:
        chosen = mine.ending
    elif mine and "hand-all" in posted:
        chosen = mine.calls
    if "hand" in posted or "hand-all" in posted:
        told = [("", _hand_over(request, chosen))]
    else:
        seen = number(posted["seen"]) or 0 if "seen" in posted else None
        told = leaving.resume(chosen=chosen, by=request.user, seen=seen, anyway="anyway" in posted)
        told = told or [("", leaving_words.GONE)]
    _tell(request, told)
    to = _next(request, posted.get("next", ""))
    query = f"?{urlencode({'next': to})}" if to else ""
    return HttpResponseRedirect(reverse("own-pauses") + query, status=303)


def _hand_over(request: TenantRequest, chosen: list[Held]) -> Said:
    if not chosen:
        return leaving_words.NO_LONGER_YOURS
    others = held.colleagues(request.tenant.pk, request.user.pk)
    to = others.filter(user=number(request.POST.get("to"))).first()
    if to is None:
        return leaving_words.NOBODY
    return leaving.hand_over(chosen=chosen, by=request.user, to=to.user, tenant_id=request.tenant.pk)


def _tell(request: HttpRequest, told: list[tuple[str, Said]]) -> None:
    """Each answer with its call; those that went well in one sentence where they are many, of the others 8 at most."""
    good = [one for one in told if one[1].tone == "good"]
    if len(good) > 3:
        told = [("", leaving_words.resumed(len(good))), *(one for one in told if one not in good)]
    if len(told) > TOLD:
        told = [*told[:TOLD], ("", leaving_words.and_more(len(told) - TOLD))]
    for name, said in told:
        which = f" · {name}" if name else ""
        messages.add_message(request, LEVELS[said.tone], f"{said.lead}. {said.sentence}{which}")


def _holds(user: User) -> bool:
    """Where that cannot be read nothing is in the way."""
    try:
        return held.any_of(user)
    except DatabaseProblem:
        logger.exception("user %s: what they hold could not be read", user.pk)
        connection.close()
        return False


def _next(request: HttpRequest, asked: str) -> str:
    """An address of ours to go on to; "" where it is none."""
    fits = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if fits else ""

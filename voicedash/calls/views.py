"""The board and its presses: fetch if allowed, call a verb, render."""

from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from voicedash.calls import board as boards
from voicedash.calls import (
    claims,
    conversations,
    fetching,
    ids,
    lease_words,
    leases,
    notes,
    reading,
    recording,
    tracking,
    words,
)
from voicedash.calls.asked import LEVELS, context, number, reason
from voicedash.calls.conversations import Whole
from voicedash.calls.leases import Renewal
from voicedash.calls.models import Call, Conversation
from voicedash.calls.recording import Answer
from voicedash.tenants import access, accounts
from voicedash.tenants.access import TenantRequest, require
from voicedash.tenants.models import BandwidthAccount, Reason

_REASON_GONE = Answer("refused", lease_words.REASON_GONE)


@require_GET
def board(request: TenantRequest, tenant: str) -> HttpResponse:
    """A page of the tenant's calls; a background request gets the part that it asks for (`_background`)."""
    claims.close_expired(request.tenant.pk)
    if request.headers.get("X-Background") == "1":
        return _background(request)
    sought = _sought(request)
    if any(sought):
        drawn = boards.found(request.tenant, *sought)
    else:
        drawn = boards.read(request.tenant, after=request.GET.get("after", ""))
    second, at = request.GET.get("confirm", ""), number(request.GET.get("at"))
    if second and at is not None:
        drawn = boards.asking_again(drawn, _row_id(second), at)
    if note := request.GET.get("note", ""):
        drawn = boards.asking_for_note(drawn, _row_id(note))
    shown = context(request) | {"board": drawn, "sought": any(sought), "teams": boards.teams(request.tenant)}
    shown["reasons"] = Reason.objects.filter(tenant=request.tenant)
    shown["basic_ends"] = accounts.basic_ends_for(request.membership)
    shown["sealed"] = accounts.sealed_for(request.membership)
    return render(request, "calls/board.html", shown)


def _background(request: TenantRequest) -> HttpResponse:
    """To a script: rows newer than `since`, the page `after` a mark, what `_sought` reads, or the first page."""
    asked = request.GET
    sought = _sought(request)
    if "since" in asked:
        since = number(asked["since"])
        news = boards.newer(request.tenant.pk, since or 0)
        # A version that we never gave is not ours: the database is another one, or an older one was restored.
        known = since is not None and news.since <= since <= news.version
        return render(request, "calls/_changes.html", context(request) | {"board": news, "anew": not known})
    if "after" in asked:
        drawn, template = boards.read(request.tenant, after=asked["after"]), "calls/_more.html"
    elif any(sought):
        drawn, template = boards.found(request.tenant, *sought), "calls/_found.html"
    else:
        drawn, template = boards.read(request.tenant), "calls/_look.html"
    return render(request, template, context(request) | {"board": drawn})


@require_GET
def row(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """One call's row as it is now."""
    call = _call(request, pk)
    claims.close_expired(request.tenant.pk)
    try:
        drawn = boards.row(call)
    except Call.DoesNotExist:
        raise Http404 from None
    return render(request, "calls/_row.html", context(request) | {"row": drawn})


@require_GET
def conversation(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """The row of a conversation as it is now, and its legs'."""
    found = _conversation(request, pk)
    claims.close_expired(request.tenant.pk)
    try:
        drawn = boards.conversation(found)
    except Conversation.DoesNotExist:
        raise Http404 from None
    return render(request, "calls/_answer.html", context(request) | {"rows": drawn})


@require_POST
def pause(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Pauses a call's recording. Nothing typed beside it stands between a person and a pause."""
    require(request.membership, access.PRESSES)
    call = _call(request, pk)
    if whole := conversations.seen_as_one(call, _seen(request)):
        return pause_conversation(request, tenant, whole.pk)
    answer = recording.pause(call=call, by=request.user, reason=reason(request), note=_note(request))
    return _answered(request, call, replace(answer, said=_with_note(request, answer.said)))


@require_POST
def resume(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Resumes a call's recording; `anyway=1` is the second press."""
    require(request.membership, access.PRESSES)
    call = _call(request, pk)
    answer = recording.resume(call=call, by=request.user, seen=_seen(request), anyway=_anyway(request))
    return _answered(request, call, answer)


@require_POST
def renew(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Keeps a call's pause: prolongs it, or gives it another reason or a note."""
    require(request.membership, access.PRESSES)
    call = _call(request, pk)
    renewal = _renewal(request, f"call-{pk}")
    return _answered(request, call, leases.renew(call=call, renewal=renewal) if renewal else _REASON_GONE)


@require_POST
def renew_conversation(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Keeps the pause of every leg of a conversation."""
    require(request.membership, access.PRESSES)
    found = _conversation(request, pk)
    renewal = _renewal(request, f"conversation-{pk}")
    if renewal is None:
        return _answered_whole(request, found, Whole("refused", _REASON_GONE.said, boards.conversation(found)))
    return _answered_whole(request, found, conversations.renew(conversation=found, renewal=renewal))


@require_POST
def pause_conversation(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Pauses every live leg of a conversation at once."""
    require(request.membership, access.PRESSES)
    found = _conversation(request, pk)
    whole = conversations.pause(conversation=found, by=request.user, reason=reason(request), note=_note(request))
    return _answered_whole(request, found, replace(whole, said=_with_note(request, whole.said)))


@require_POST
def resume_conversation(request: TenantRequest, tenant: str, pk: int) -> HttpResponse:
    """Resumes every live leg of a conversation; `anyway=1` is the second press."""
    require(request.membership, access.PRESSES)
    found = _conversation(request, pk)
    seen, anyway = _seen(request), _anyway(request)
    return _answered_whole(
        request, found, conversations.resume(conversation=found, by=request.user, seen=seen, anyway=anyway)
    )


@require_http_methods(["GET", "POST"])
def add_calls(request: TenantRequest, tenant: str) -> HttpResponse:
    """Puts typed ids onto the board and tells what became of each; opened anew, it is the board."""
    require(request.membership, access.PRESSES)
    if request.method == "GET":
        return _to_board(request)
    typed = ids.read(request.POST.get("call_ids", ""))
    chosen = request.POST.get("account", "")
    account = BandwidthAccount.objects.filter(tenant=request.tenant, pk=number(chosen) or 0).first()
    if chosen and account is None:
        typed.refuse_all("the chosen Bandwidth account is not one of yours")
    added = tracking.add_typed(request.tenant, typed, account=account, by=request.user)
    shown = context(request) | {"added": added, "typed": " ".join(text for text, _ in added.refused)}
    if request.headers.get("HX-Request"):
        return render(request, "calls/_added.html", shown)
    return render(request, "calls/board.html", shown | {"board": boards.read(request.tenant)})


@require_http_methods(["GET", "POST"])
def fetch(request: TenantRequest, tenant: str) -> HttpResponse:
    """Asks Bandwidth for the live calls (POST), and tells how that goes (GET)."""
    require(request.membership, access.PRESSES)
    if request.method == "POST":
        fetching.start(request.tenant, by=request.user)
    if not request.headers.get("HX-Request"):
        return _to_board(request)
    shown = context(request) | {"board": boards.parts(request.tenant)}
    return render(request, "calls/_accounts.html", shown)


def _call(request: TenantRequest, pk: int) -> Call:
    try:
        return reading.call_of(pk, request.tenant.pk)
    except Call.DoesNotExist:
        raise Http404 from None


def _conversation(request: TenantRequest, pk: int) -> Conversation:
    return get_object_or_404(Conversation, tenant=request.tenant, pk=pk)


def _answered(request: TenantRequest, call: Call, answer: Answer) -> HttpResponse:
    """The row and the sentence; without htmx the board, with the same sentence."""
    answer = conversations.of_leg(call, answer)
    if not request.headers.get("HX-Request"):
        which = call.person or words.parties(call)[0]  # the sentence stands above the board, not in the row
        said = f"{answer.said.lead}. {answer.said.sentence} · {which}"
        messages.add_message(request, LEVELS[answer.said.tone], said)
        if answer.outcome == "note":
            return _to_board(request, note=f"call-{call.pk}")
        if not answer.confirm:
            return _to_board(request)
        call.refresh_from_db(fields=["version"])
        return _to_board(request, confirm=(f"call-{call.pk}", call.version))
    try:
        drawn = answer.row or boards.row(call)
        rows = [drawn]
        if drawn.conversation:  # the row of the whole tells of it, too
            rows = boards.conversation(Conversation(pk=drawn.conversation, tenant=request.tenant))
    except (Call.DoesNotExist, Conversation.DoesNotExist):  # what was asked was asked: a 404 would say that nothing was
        return render(request, "calls/_say.html", {"oob": True, **vars(answer.said)})
    mine = next((row for row in rows if row.id == drawn.id), drawn)
    others = [row for row in rows if row.id != drawn.id]
    rows = [*others, replace(mine, outcome=answer.outcome, confirm=answer.confirm)]
    return render(request, "calls/_answer.html", context(request) | {"rows": rows, "answer": answer.said})


def _answered_whole(request: TenantRequest, found: Conversation, whole: Whole) -> HttpResponse:
    """The rows and the sentence; without htmx the board, with the same sentence."""
    if not request.headers.get("HX-Request"):
        which = whole.rows[0].person or whole.rows[0].party if whole.rows else ""
        messages.add_message(request, LEVELS[whole.said.tone], f"{whole.said.lead}. {whole.said.sentence} · {which}")
        if whole.outcome == "note":
            return _to_board(request, note=f"conversation-{found.pk}")
        second = (whole.rows[0].id, whole.rows[0].version) if whole.confirm and whole.rows else None
        return _to_board(request, confirm=second)
    return render(request, "calls/_answer.html", context(request) | {"rows": whole.rows, "answer": whole.said})


def _to_board(request: TenantRequest, *, confirm: tuple[str, int] | None = None, note: str = "") -> HttpResponse:
    """After a post without htmx: 303, so that the browser asks for the board and never posts twice.

    `confirm`: the row that takes a second press, and its version. `note`: the row that asks for a note.
    """
    query = f"?confirm={confirm[0].removeprefix('call-')}&at={confirm[1]}#{confirm[0]}" if confirm else ""
    query = f"?note={note.removeprefix('call-')}#{note}" if note else query
    return HttpResponseRedirect(reverse("board", args=[request.tenant.slug]) + query, status=303)


def _sought(request: TenantRequest) -> tuple[str, str, str]:
    """What somebody looks for: a text, a kind of rows, a team; each "" for any."""
    asked = request.GET
    return asked.get("q", "").strip()[:100], asked.get("show", ""), asked.get("team", "")[:60]


def _note(request: TenantRequest) -> str:
    """What somebody typed beside a press, but for a card number: that is left out, and nothing else is refused."""
    note = request.POST.get("note", "").strip()[:500]
    return "" if notes.holds_card_number(note) else note


def _with_note(request: TenantRequest, said: words.Said) -> words.Said:
    """The answer to a pause, which says as well that the note beside it was left out, if it was."""
    if not notes.holds_card_number(request.POST.get("note", "").strip()[:500]):
        return said
    return replace(said, sentence=f"{said.sentence} {lease_words.NOTE_LEFT_OUT}")


def _renewal(request: TenantRequest, row: str) -> Renewal | None:
    """What a press on *Keep paused*, a reason or a note means; None where its reason is not there any more."""
    chosen = reason(request)
    if chosen is None and request.POST.get("reason"):
        return None
    note = request.POST.get("note", "").strip() or request.POST.get(f"note-{row}", "").strip()
    # More than is kept, so that a number across that edge is seen.
    only = "only" in (request.POST.get("keep"), request.GET.get("keep"))
    return Renewal(request.user, chosen, note[:2000], note_only=only)


def _row_id(text: str) -> str:
    """Of its element, from an address, in which a call is its number alone."""
    return f"call-{text}" if text.isdigit() else text


def _seen(request: TenantRequest) -> int | None:
    # What is no version has seen nothing: better a second look than a resume from an old row.
    seen = request.POST.get("seen", "")
    return (number(seen) or 0) if seen else None


def _anyway(request: TenantRequest) -> bool:
    return "1" in (request.POST.get("anyway"), request.GET.get("anyway"))

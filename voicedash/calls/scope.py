"""What a press on everyone at once is about: the calls of the floor or of a team, and who paused which. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from voicedash.calls import bulk_words, due, words
from voicedash.calls.models import BulkItem, Call, Command, Recording
from voicedash.calls.selections import Selection
from voicedash.tenants.board import snapshot
from voicedash.tenants.models import Board, Tenant


@dataclass(frozen=True)
class Choice:
    """A paused call in the list of those that can be resumed. `ticked`: a pause of all did it, and nobody since."""

    pk: int
    name: str
    note: str
    ticked: bool


@dataclass(frozen=True)
class Scope:
    """Calls of a `team`, "" for all: their keys, and how many they are where legs of one call count once."""

    version: int
    team: str
    pks: list[int]
    number: int
    already: int = 0  # paused ones that a pause leaves as they are
    choices: tuple[Choice, ...] = ()

    def question(self, wanted: str) -> str:
        return bulk_words.question(wanted, self.number, len(self.pks), self.team)


def to_pause(tenant: Tenant, team: str) -> Scope:
    """What a pause of all is to pause: every live call that does not read Paused."""
    with snapshot() as alias:
        board, calls = _selection(tenant, alias)
        found = list(calls.unpaused(team).order_by("place", "pk").values_list("pk", "conversation_id"))
        live = calls.scope(team).count()
    return Scope(board.version, team, [pk for pk, _ in found], _number(found), live - len(found))


def to_resume(tenant: Tenant, team: str) -> Scope:
    """What can be resumed: the paused calls, and those of which that is not confirmed. `pks` are the ticked ones."""
    with snapshot() as alias:
        board, calls = _selection(tenant, alias)
        of_bulk = Exists(BulkItem.objects.filter(command=OuterRef("last_pause")))
        paused = calls.scope(team).filter(recording__in=(Recording.PAUSED, Recording.UNCONFIRMED))
        known = ("last_pause__by", "last_pause__held_by", "last_pause__reason")
        found = list(paused.select_related(*known).annotate(of_bulk=of_bulk).order_by("place", "pk")[:1000])
    choices = tuple(_choice(call) for call in found)
    ticked = [(call.pk, call.conversation_id) for call, one in zip(found, choices, strict=True) if one.ticked]
    return Scope(board.version, team, [pk for pk, _ in ticked], _number(ticked), choices=choices)


def _choice(call: Call) -> Choice:
    pause = call.last_pause
    by_bulk = bool(getattr(call, "of_bulk", False))
    kept = by_bulk and pause is not None and _is_kept(call, pause)
    note = "Not confirmed: treat as recording" if call.recording == Recording.UNCONFIRMED else ""
    who = words.person(pause.by, pause.source) if pause else "Nobody here"
    how = f"{who}, with everyone" if by_bulk else f"{who}, this one alone"
    reason = call.lease_reason or (pause.reason_name if pause else "")
    parts = [how, reason, words.handed(pause) if pause else "", "kept paused since" if kept else "", note]
    return Choice(call.pk, bulk_words.name(call), " · ".join(part for part in parts if part), by_bulk and not kept)


def _is_kept(call: Call, pause: Command) -> bool:
    """Somebody has prolonged it, or given it another reason: it is that person's pause now."""
    return call.lease_prolonged > 0 or (call.lease_from is not None and call.lease_reason != pause.reason_name)


def _selection(tenant: Tenant, alias: str) -> tuple[Board, Selection]:
    board = Board.objects.using(alias).annotate(now=Now()).get(tenant=tenant)
    now: datetime = board.now
    return board, Selection(tenant.pk, now, alias, due.lapsed(tenant.pk, now, alias))


def _number(found: Iterable[tuple[int, int | None]]) -> int:
    return len({("whole", of) if of else ("call", pk) for pk, of in found})

"""What somebody would leave behind by signing out: the live calls whose pause is theirs. Reads only."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from voicedash.calls import board as boards
from voicedash.calls import due, wholes
from voicedash.calls.models import Call, Command, Recording, Wanted
from voicedash.calls.rows import Row
from voicedash.tenants import access
from voicedash.tenants.board import snapshot
from voicedash.tenants.models import Board, Membership, Tenant, User


@dataclass(frozen=True)
class Held:
    """A call, or those legs of one, whose pause is somebody's; `row` is drawn as on a board, of the worst of them."""

    pks: tuple[int, ...]
    row: Row
    since: datetime | None  # when it was paused first; None: that is still being asked

    @property
    def key(self) -> str:
        return ",".join(map(str, self.pks))

    @property
    def name(self) -> str:
        return self.row.person or self.row.party

    @property
    def can_resume(self) -> bool:
        """Not while somebody is at it: a pause in flight comes first, and a resume is under way already."""
        return bool(self.row.slot2) and not self.row.asking

    @property
    def endless(self) -> bool:
        """Only a person ends it."""
        return self.can_resume and self.row.lease_ends is None


@dataclass(frozen=True)
class Holding:
    """All that somebody holds at one tenant at a moment, and the colleagues whom it can be handed over to."""

    tenant: Tenant
    version: int
    now: datetime  # of the database, when it was read
    calls: list[Held]
    colleagues: list[Membership]

    @property
    def ending(self) -> list[Held]:
        """What can be resumed without a further question."""
        return [held for held in self.calls if held.can_resume and not held.endless]


def any_of(user: User) -> bool:
    """Whether there is anything to show. Raises DatabaseError."""
    tenants = list(_members(user).values_list("tenant", flat=True))
    return bool(tenants) and calls(user.pk, tenants).exists()


def of(user: User) -> list[Holding]:
    """What `user` holds, by tenant; of those alone where the role presses. Raises DatabaseError."""
    found = [_holding(member) for member in _members(user).select_related("tenant").order_by("tenant__name")]
    return [holding for holding in found if holding.calls]


def calls(user_id: int, tenants: Iterable[int], alias: str = "default") -> QuerySet[Call]:
    """The live calls that are paused, not confirmed since a pause, or being paused, where that pause is the user's."""
    asked = Command.objects.using(alias).filter(due.OPEN, is_of(user_id), wanted=Wanted.PAUSED)
    pausing = list(asked.filter(source=Command.Source.PERSON).values_list("call", flat=True))
    shown = Q(is_of(user_id, "acknowledged__"), recording=Recording.PAUSED)
    shown |= Q(is_of(user_id, "last_pause__"), recording=Recording.UNCONFIRMED)
    live = Call.objects.using(alias).filter(tenant__in=tenants, ended_at=None)
    return live.filter(shown | Q(pk__in=pausing)).order_by("place", "pk")


def colleagues(tenant_id: int, user_id: int) -> QuerySet[Membership]:
    """Who may press there besides the user."""
    others = Membership.objects.select_related("user").filter(tenant=tenant_id, role__in=access.PRESSES)
    return others.filter(user__is_active=True).exclude(user=user_id).order_by("user__name", "user__username")


def is_of(user_id: int, pause: str = "") -> Q:
    """The pauses that are the user's now; `pause`: the way to them from what is filtered."""
    return Q(**{f"{pause}held_by": user_id}) | Q(**{f"{pause}held_by": None, f"{pause}by": user_id})


def _members(user: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user, role__in=access.PRESSES)


def _holding(member: Membership) -> Holding:
    tenant, me = member.tenant, member.user_id
    with snapshot() as alias:
        board = Board.objects.using(alias).annotate(now=Now()).get(tenant=tenant)
        known = {call.pk: call for call in calls(me, [tenant.pk], alias).select_related("account")}
        rows = boards.of(list(known.values()), board.now, alias)
    together: dict[int, list[Row]] = defaultdict(list)  # by conversation; a call without one is by itself
    for row in rows:
        together[row.conversation or -row.pk].append(row)
    found = []
    for legs in together.values():
        row = legs[0] if len(legs) == 1 else wholes.of(legs, board.version)
        since = [known[leg.pk].recording_since for leg in legs if leg.slot2]
        pks = tuple(leg.pk for leg in legs)
        found.append(Held(pks, row, min((one for one in since if one), default=None)))
    return Holding(tenant, board.version, board.now, found, list(colleagues(tenant.pk, me)) if found else [])

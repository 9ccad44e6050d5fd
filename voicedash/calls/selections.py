"""Which calls of a tenant a board asks for: a page, those that need a person, those that match; and how many."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from voicedash.calls import counting
from voicedash.calls.counting import Counts
from voicedash.calls.models import Call, Command, Recording, Wanted
from voicedash.calls.naming import fold
from voicedash.tenants import addresses

PAGE = 100  # rows of a page, of what a search finds, and at most of what joins the first page from beyond it
GREY_FOR = timedelta(seconds=60)  # an ended call stays this long, so that nobody wonders where it went

_PAUSED = Q(recording=Recording.PAUSED)
_NEEDS = Q(recording=Recording.UNCONFIRMED)
_SHOWN = ~Q(ended_at=F("added_at"))  # but for those that were over before we knew of them
_BETWEEN_WORDS = re.compile(r"[\s,]+")
_MARK = re.compile(r"(?P<place>[0-9a-f]{1,200})\.(?P<pk>[0-9a-f]{16})\Z")


class Mark(NamedTuple):
    """Where a call stands in the list: by its place, among equals by its key. As text it sorts alike."""

    place: str
    pk: int

    def __str__(self) -> str:
        return f"{self.place}.{self.pk:016x}"

    @classmethod
    def of(cls, call: Call) -> "Mark":
        return cls(call.place, call.pk)

    @classmethod
    def read(cls, text: str) -> "Mark":
        """The mark that `text` is; the one before every call where it is none."""
        found = _MARK.match(text)
        pk = int(found["pk"], 16) if found else 0
        return cls(found["place"], pk) if found and pk < 2**63 else cls("", 0)


@dataclass(frozen=True)
class Legs:
    """The legs of conversations that a board may show at `now`."""

    alias: str
    now: datetime

    def of(self, conversations: Iterable[int]) -> list[Call]:
        legs = Call.objects.using(self.alias).select_related("account").filter(conversation__in=conversations)
        shown = Q(ended_at__isnull=True) | Q(_SHOWN, ended_at__gt=self.now - GREY_FOR)
        return list(legs.filter(shown).order_by("pk"))

    def versions(self, conversations: Iterable[int]) -> dict[int, int]:
        """The newest version of all that ever were legs of each: of one that has left, too, the row told."""
        legs = Call.objects.using(self.alias).filter(conversation__in=conversations).order_by()
        return dict(legs.values_list("conversation").annotate(Max("version")))


@dataclass(frozen=True)
class Selection:
    """The calls that a board of `tenant_id` may show at `now`: the live ones, and those that ended a moment ago.

    `lapsed`: the keys of those of which a row claims nothing any more, though that is not written yet (`due.lapsed`).
    """

    tenant_id: int
    now: datetime
    alias: str
    lapsed: frozenset[int]

    @property
    def live(self) -> QuerySet[Call]:
        return self._all.filter(ended_at__isnull=True)

    @property
    def ended(self) -> QuerySet[Call]:
        return self._all.filter(_SHOWN, ended_at__gt=self.now - GREY_FOR)

    @property
    def _all(self) -> QuerySet[Call]:
        return Call.objects.using(self.alias).select_related("account").filter(tenant=self.tenant_id)

    def page(self, after: Mark) -> tuple[list[Call], Mark | None]:
        """The calls that follow `after`, in order, and the mark after which the next page begins."""
        # Two reads, each along an index of its own: joined by OR they would sort every call of the tenant.
        both = [*_first(self.live.filter(_following(after))), *_first(self.ended.filter(_following(after)))]
        found = sorted(both, key=Mark.of)
        if len(found) <= PAGE:
            return found, None
        return found[:PAGE], Mark.of(found[PAGE - 1])

    def pressing(self, after: Mark) -> list[Call]:
        """Of the calls after a page those that a person must see all the same: paused, unconfirmed, asked, due."""
        # Of every tenant: they are few, while from the tenant's own calls SQLite would look into each one's past.
        asked = Command.objects.using(self.alias).filter(~Q(state=Command.State.CLOSED)).order_by().values("call")
        due = Call.objects.using(self.alias).filter(pause_due_at__isnull=False).order_by().values("pk")
        pressing = self.live.filter(_PAUSED | self._needs | Q(pk__in=asked) | Q(pk__in=due), _following(after))
        return list(pressing.order_by("place", "pk")[:PAGE])

    def newer(self, since: int, most: int) -> tuple[list[Call], int]:
        """Every call that changed after the version `since`, oldest key first; and since which version that is whole.

        That is above `since` where there were more than `most`. Those that ended long ago are among them: who was
        away for long still shows them.
        """
        found = list(self._all.filter(_SHOWN, version__gt=since).order_by("-version", "-pk")[: most + 1])
        if len(found) > most:
            since = found[-1].version
            found = [call for call in found if call.version > since]
        return sorted(found, key=lambda call: call.pk), since

    def found(self, text: str, show: str, team: str) -> tuple[list[Call], int]:
        """At most a page of calls with `text` in a name, number or id, of the kind `show` and of `team`; and how many
        more there are."""
        of_kind = self._all.filter(_SHOWN, Q(ended_at__isnull=True) | Q(ended_at__gt=self.now - GREY_FOR))
        if show in {"live", "paused", "needs"}:
            of_kind = {
                "live": self.live,
                "paused": self.live.filter(self._paused),
                "needs": self.live.filter(self._needs),
            }[show]
        matching = of_kind.filter(_matches(text)) if text else of_kind
        matching = matching.filter(team=team) if team else matching
        calls = list(matching.order_by("place", "pk")[:PAGE])
        return calls, matching.count() - len(calls)

    def scope(self, team: str) -> QuerySet[Call]:
        """The live calls of a team, "" for all, with every live leg of the conversations that they are legs of."""
        if not team:
            return self.live
        legs = self.live.filter(team=team, conversation__isnull=False).order_by().values("conversation")
        return self.live.filter(Q(team=team) | Q(conversation__in=legs))

    def unpaused(self, team: str) -> QuerySet[Call]:
        """Of those, the ones that do not read Paused now."""
        return self.scope(team).filter(~self._paused)

    def counts(self, after: Mark | None = None) -> Counts:
        """How many there are. `after`: where a page ends; None: nobody asks what follows."""
        counts = counting.count(self.tenant_id, self.alias, self.lapsed, *(after or Mark("", 0)))
        if after is None:
            return counts
        return replace(counts, left=counts.left + self.ended.filter(_following(after)).count())

    @property
    def _paused(self) -> Q:
        """Acknowledged as paused, no doubt has undone it, and nobody is resuming it."""
        resumed = Command.objects.filter(call=OuterRef("pk"), state=Command.State.CLAIMED, wanted=Wanted.RECORDING)
        shown = _PAUSED & ~Q(pk__in=self.lapsed) if self.lapsed else _PAUSED
        return shown & Q(~Exists(resumed))

    @property
    def _needs(self) -> Q:
        return _NEEDS | Q(pk__in=self.lapsed) if self.lapsed else _NEEDS


def _first(calls: QuerySet[Call]) -> list[Call]:
    return list(calls.order_by("place", "pk")[: PAGE + 1])


def _following(after: Mark) -> Q:
    # The first part for the index, which neither database sees in the rest.
    return Q(place__gte=after.place) & (Q(place__gt=after.place) | Q(pk__gt=after.pk))


def _matches(text: str) -> Q:
    matching = Q(call_id__icontains=text) | Q(from_address__icontains=text) | Q(to_address__icontains=text)
    if words := _BETWEEN_WORDS.sub(" ", fold(text)).split():
        matching |= Q(*(Q(names__contains=word) for word in words))
    if digits := addresses.digits(text):
        matching |= Q(from_address__contains=digits) | Q(to_address__contains=digits)
    return matching

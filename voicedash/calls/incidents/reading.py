"""What boards and the list are told of incidents. Reads only."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, Window
from django.db.models.functions import Coalesce, RowNumber

from voicedash.calls.incidents import words
from voicedash.calls.incidents.models import LIVE, OPEN, Incident, IncidentCall

MOST = 100  # live incidents that a strip looks at
PAGE = 25
CALLS = 6  # of an incident that are named in the list; the others are counted


@dataclass(frozen=True)
class Attention:
    """What is live, for the strip on top of a board: how many, since when, and who is at it where all are taken."""

    number: int = 0
    oldest: datetime | None = None
    takers: tuple[str, ...] = ()


def live_number() -> Coalesce:
    """The number of live incidents of the tenant of a board, for a query of that: a board asks nothing more for it."""
    live = Incident.objects.filter(LIVE, tenant=OuterRef("tenant_id")).order_by().values("tenant")
    return Coalesce(Subquery(live.annotate(number=Count("pk")).values("number")), Value(0))


def attention(tenant_id: int, number: int, alias: str) -> Attention:
    """What the strip says, of `number` live incidents. Where there are none nothing is asked."""
    if not number:
        return Attention()
    live = Incident.objects.using(alias).filter(LIVE, tenant=tenant_id).select_related("taken_by").order_by("since")
    found = list(live[:MOST])
    takers = tuple(dict.fromkeys(str(one.taken_by) for one in found if one.taken_by))
    all_taken = number <= MOST and all(one.taken_by for one in found)
    return Attention(number, found[0].since, takers if all_taken else ()) if found else Attention()


@dataclass(frozen=True)
class Wish:
    """What somebody looks for in the list; empty: anything."""

    show: str = ""  # open, live, closed
    kind: str = ""
    taken: str = ""  # the key of a user; "0": nobody
    call: str = ""  # a call's id
    since: datetime | None = None
    until: datetime | None = None


@dataclass
class Listed:
    """An incident with those of its calls that are named."""

    incident: Incident
    items: list[IncidentCall] = field(default_factory=list)
    number: int = 0  # of all its calls
    wrong: int = 0  # of those that are not put right

    @property
    def more(self) -> int:
        return self.number - len(self.items)

    @property
    def ended_at(self) -> datetime | None:
        """Until when it lasts; None: it does still."""
        return self.incident.over_at or self.incident.closed_at

    @property
    def sentence(self) -> str:
        return words.sentence(self.incident)

    @property
    def to_do(self) -> str:
        return words.to_do(self.incident)

    @property
    def ending(self) -> str:
        return words.how_it_ended(self.incident)

    @property
    def calls(self) -> list[tuple[IncidentCall, str, str]]:
        """Those that are named, each with its name and what is the matter with it."""
        return [(item, words.name(item), words.state(item)) for item in self.items]


@dataclass(frozen=True)
class Page:
    """`before`: the key from which the next page goes on; `version`: the newest change of any of the tenant's."""

    listed: list[Listed]
    before: int | None
    version: int


def page(tenant_id: int, wish: Wish, *, before: int | None = None) -> Page:
    """The newest incidents that fit, or those before the key `before`, in a number of queries that does not grow."""
    version = newest(tenant_id)
    fitting = _fitting(tenant_id, wish)
    if before is not None:
        fitting = fitting.filter(pk__lt=before)
    found = list(fitting.order_by("-pk")[: PAGE + 1])
    following = found[PAGE - 1].pk if len(found) > PAGE else None
    return Page(listed(found[:PAGE]), following, version)


def newest(tenant_id: int) -> int:
    """The version of the newest change of any incident of the tenant."""
    versions = Incident.objects.filter(tenant=tenant_id).order_by("-version").values_list("version", flat=True)
    return versions.first() or 0


def others_changed(incident: Incident, since: int) -> bool:
    """Whether another of the tenant's incidents changed after the version `since`."""
    newer = Incident.objects.filter(tenant=incident.tenant_id, version__gt=since)
    return newer.exclude(pk=incident.pk).exists()


def listed(incidents: list[Incident]) -> list[Listed]:
    """The incidents with their calls, those first that are not put right."""
    found = {one.pk: Listed(one) for one in incidents}
    counts = IncidentCall.objects.filter(incident__in=found).order_by().values("incident")
    for row in counts.annotate(number=Count("pk"), wrong=Count("pk", filter=Q(right_at=None))):
        found[row["incident"]].number, found[row["incident"]].wrong = row["number"], row["wrong"]
    # Of each the first few: an outage may have thousands of them.
    order = (F("right_at").desc(nulls_first=True), F("pk").asc())
    named = IncidentCall.objects.filter(incident__in=found).select_related("call__account").order_by(*order)
    for item in named.annotate(place=Window(RowNumber(), "incident", order)).filter(place__lte=CALLS):
        found[item.incident_id].items.append(item)
    return list(found.values())


def _fitting(tenant_id: int, wish: Wish) -> QuerySet[Incident]:
    known = Incident.objects.filter(tenant=tenant_id).select_related("taken_by", "closed_by", "account")
    if wish.show == "open":
        known = known.filter(OPEN)
    elif wish.show == "live":
        known = known.filter(LIVE)
    elif wish.show == "closed":
        known = known.exclude(OPEN)
    if wish.kind:
        known = known.filter(kind=wish.kind)
    if wish.taken:
        known = known.filter(taken_by=int(wish.taken) or None)
    if wish.since:
        known = known.filter(opened_at__gte=wish.since)
    if wish.until:
        known = known.filter(opened_at__lt=wish.until)
    if wish.call:
        known = known.filter(Exists(IncidentCall.objects.filter(incident=OuterRef("pk"), known_as=wish.call)))
    return known

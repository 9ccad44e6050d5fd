"""What time makes due of itself: expired claims, doubts that nobody dealt with, states to ask for again. Reads only.

Nothing here is stored as due: it follows from commands, attempts and calls, so there is nothing that could
be forgotten, or be left over, by a process that dies.

Few doubts are young and few claims expired, but a tenant may have thousands of live calls. So every look begins
with the index of a time alone, and asks for what belongs to it only where there is something: joined into one
query SQLite would begin with the live calls.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from django.db import connections
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from voicedash.calls import ends
from voicedash.calls.models import Attempt, Call, Command, Outcome, Recording, Wanted
from voicedash.calls.times import times

OPEN = ~Q(state=Command.State.CLOSED)
# Outcomes of which Bandwidth did nothing: what was wished for before still is.
IN_VAIN = (Outcome.NOT_ASKED, Outcome.REFUSED, Outcome.UNKNOWN_CALL, Outcome.CREDENTIALS, Outcome.UNREACHABLE)
_MOST = 500  # rows asked for at once
OLDEST = timedelta(days=1)  # a doubt that closed longer ago has been dealt with, or its call is long over

# In this order of tables, which SQLite keeps to where they are CROSS JOINed.
_LAPSED = """
SELECT calls_call.id
FROM calls_attempt CROSS JOIN calls_command CROSS JOIN calls_call
WHERE calls_attempt.doubt_until > %s
    AND calls_command.id = calls_attempt.command_id
    AND calls_call.id = calls_command.call_id
    AND calls_call.tenant_id = %s AND calls_call.ended_at IS NULL
    AND calls_call.recording IN (%s, %s) AND calls_command.wanted <> calls_call.recording
    AND (calls_call.asserted_at IS NULL OR calls_attempt.doubt_until > calls_call.asserted_at)
GROUP BY calls_call.id HAVING max(calls_attempt.doubt_until) <= %s
"""

# Questions about a call, to be asked in the statement that reads it: every press asks them, and most often in vain.
# Whether it has a command that is not closed; whether a pause waits for its turn; whether a request may take effect, or
# may have, after %s.
ASKED = "EXISTS (SELECT 1 FROM calls_command WHERE call_id = calls_call.id AND state <> 'closed')"
WAITED_FOR = "EXISTS (SELECT 1 FROM calls_command WHERE call_id = calls_call.id AND state = 'waiting')"
DOUBTED = """EXISTS (
SELECT 1 FROM calls_attempt JOIN calls_command ON calls_command.id = calls_attempt.command_id
WHERE calls_command.call_id = calls_call.id AND calls_attempt.doubt_until > %s)"""


@dataclass(frozen=True)
class Again:
    """A state that voicedash asks for of itself: REASSERT while a doubt hangs over it, SYSTEM where it was contradicted
    or where a leg joined a `conversation` that is paused, TIMER where a pause has ended. `at` is when it became due."""

    call_pk: int
    tenant_id: int
    account_id: int
    wanted: Wanted
    source: Command.Source
    at: datetime
    conversation: int | None = None


def expired(now: datetime | Now) -> dict[int, set[int]]:
    """The calls, by tenant, with a claim or a waiting pause whose time is over at `now`."""
    found: dict[int, set[int]] = defaultdict(set)
    commands = Command.objects.filter(OPEN, expires_at__lte=now).order_by()
    for tenant_id, call_pk in commands.values_list("call__tenant_id", "call_id")[:_MOST]:
        found[tenant_id].add(call_pk)
    return found


def overdue(now: datetime | Now, *, attempt_pk: int | None = None) -> list[Attempt]:
    """Attempts, with command and call, whose doubt closed long enough before `now`: nothing was acknowledged since.

    Where somebody is asking right now, what comes of that decides. `attempt_pk`: only that one.
    """
    asked = Command.objects.filter(OPEN, call=OuterRef("command__call"))
    ran_out = Attempt.objects.filter(doubt_until__range=(now - OLDEST, now - _seconds(times.give_up)))
    if attempt_pk is not None:
        ran_out = ran_out.filter(pk=attempt_pk)
    return [attempt for some in _doubted(ran_out) for attempt in some.exclude(Exists(asked))]


def lapsed(tenant_id: int, now: datetime, alias: str) -> frozenset[int]:
    """The live calls of a tenant of which a row claims nothing any more at `now`, though that is not written yet.

    For many calls at once what `rows.believed` decides for one, read by the alias of a snapshot: a doubt against what
    they show closed longer ago than the grace, and nobody dealt with it.
    """
    connection = connections[alias]
    young, closed = map(connection.ops.adapt_datetimefield_value, (now - OLDEST, now - _seconds(times.grace)))
    with connection.cursor() as cursor:
        cursor.execute(_LAPSED, [young, tenant_id, Recording.PAUSED, Recording.RECORDING, closed])
        return frozenset(pk for (pk,) in cursor.fetchall())


def again(now: datetime, *, call_pk: int | None = None) -> list[Again]:
    """What is to be asked for again at `now`, of all live calls or of one; what became due first comes first."""
    rest = [*_joined(now, call_pk), *_over(now, call_pk)]
    found = [*_in_doubt(now, call_pk), *_contradicted(now, call_pk)]
    if not found:
        return sorted(rest, key=lambda one: one.at)
    tried: dict[int, list[Command]] = defaultdict(list)
    ours = Q(source__in=(Command.Source.REASSERT, Command.Source.SYSTEM), asked_at__gt=now - OLDEST)
    for command in Command.objects.filter(OPEN | ours, call__in={one.call_pk for one, _ in found}).order_by("pk"):
        tried[command.call_id].append(command)
    free = [one for one, since in found if _is_free(one, since, tried[one.call_pk], now)]
    return sorted([*free, *rest], key=lambda one: one.at)


def lost(attempt_at: datetime | None, expires_at: datetime, now: datetime) -> bool:
    """A holder whose attempt is older than any attempt can be, or whose claim has expired, is gone."""
    return now >= expires_at or (attempt_at is not None and now - attempt_at >= _seconds(times.takeover))


def _doubted(young: QuerySet[Attempt]) -> Iterator[QuerySet[Attempt]]:
    """Of `young` attempts those whose late effect would undo what their live call shows, and that nobody dealt with."""
    newer = Q(command__call__asserted_at=None) | Q(doubt_until__gt=F("command__call__asserted_at"))
    undone = (
        Attempt.objects.filter(
            newer,
            command__call__ended_at=None,
            command__call__recording__in=(Recording.PAUSED, Recording.RECORDING),
        )
        .exclude(command__wanted=F("command__call__recording"))
        .select_related("command__call")
        .order_by("pk")
    )
    pks = list(young.order_by("pk").values_list("pk", flat=True))
    for first in range(0, len(pks), _MOST):
        yield undone.filter(pk__in=pks[first : first + _MOST])


def _in_doubt(now: datetime, call_pk: int | None) -> list[tuple[Again, datetime | None]]:
    """Calls in doubt at a moment at which what they show is to be asked for; each with its newest acknowledgement.

    The attempts of one command count as one request, sent when the last of them was.
    """
    young = Attempt.objects.filter(doubt_until__gt=now - _seconds(times.give_up))
    if call_pk is not None:
        young = young.filter(command__call=call_pk)
    calls: dict[int, Call] = {}
    closes: dict[int, dict[int, datetime]] = defaultdict(dict)
    for attempt in chain.from_iterable(_doubted(young)):
        call, until = attempt.command.call, attempt.doubt_until
        if until is not None:
            calls[call.pk] = call
            closes[call.pk][attempt.command_id] = max(until, closes[call.pk].get(attempt.command_id, until))
    found = []
    for pk, call in calls.items():
        moments = [moment for close in closes[pk].values() for moment in _moments(call.recording, close)]
        if call.recording == Recording.PAUSED and ends.ends_soon(call, now):
            continue  # the timer's turn comes, which a re-assert must not delay
        left = [moment for moment in moments if call.asserted_at is None or moment > call.asserted_at]
        if left and min(left) <= now:
            source = Command.Source.REASSERT
            one = Again(pk, call.tenant_id, call.account_id, Wanted(call.recording), source, min(left))
            found.append((one, call.asserted_at))
    return found


def _moments(shown: str, close: datetime) -> list[datetime]:
    """When `shown` is asked for again while a request may undo it until `close`.

    A pause early, too: the sooner it is put right, the less is recorded that should not be.
    """
    if shown != Recording.PAUSED:
        return [close]
    return [close - _seconds(times.doubt - after) for after in times.reassert] + [close]


def _contradicted(now: datetime, call_pk: int | None) -> list[tuple[Again, datetime | None]]:
    """Calls whose pause was contradicted, and is still wished: whoever resumes since has said otherwise."""
    resumes = Command.objects.filter(call=OuterRef("pk"), wanted=Wanted.RECORDING, pk__gt=OuterRef("last_pause"))
    resumed = resumes.exclude(outcome__in=IN_VAIN).exclude(source=Command.Source.REASSERT)
    # A pause that was being asked for as evidence came, and was refused, is nobody's any more.
    shown = (Recording.PAUSED, Recording.UNCONFIRMED)
    contradicted = Call.objects.filter(contradicted_at__gt=now - _seconds(times.give_up), recording__in=shown)
    calls = contradicted.exclude(Exists(resumed)).order_by()
    if call_pk is not None:
        calls = calls.filter(pk=call_pk)
    return [
        (
            Again(call.pk, call.tenant_id, call.account_id, Wanted.PAUSED, Command.Source.SYSTEM, call.contradicted_at),
            call.contradicted_at,
        )
        for call in calls
        if call.contradicted_at is not None and call.ended_at is None and not ends.is_over(call, now)
    ]


def _joined(now: datetime, call_pk: int | None) -> list[Again]:
    """Legs that are not paused yet as their conversation is, and at which nobody is.

    Until that is acknowledged, the call ends or a person wishes otherwise: less often the longer it was in vain, and
    not while a resume of the conversation is being asked.
    """
    due = Q(pause_due_at__lte=now, ended_at=None) & (Q() if call_pk is None else Q(pk=call_pk))
    calls = list(Call.objects.filter(due).order_by("pause_due_at")[:_MOST])
    if not calls:
        return []
    lately = Q(closed_at__gt=now - _seconds(times.retry_slow), source=Command.Source.SYSTEM)
    tries = Command.objects.filter(OPEN | lately, call__in=[call.pk for call in calls]).order_by("pk")
    newest = {command.call_id: command for command in tries}
    resumes = Command.objects.filter(OPEN, wanted=Wanted.RECORDING).exclude(source=Command.Source.REASSERT)
    together = {call.conversation_id for call in calls if call.conversation_id}
    resumed = set(resumes.filter(call__conversation__in=together).values_list("call__conversation_id", flat=True))
    found = []
    for call in calls:
        last, since = newest.get(call.pk), call.pause_due_at
        if since is None or call.conversation_id in resumed:
            continue
        if last and (last.closed_at is None or now < _next_try(since, last.closed_at)):
            continue
        again = Again(call.pk, call.tenant_id, call.account_id, Wanted.PAUSED, Command.Source.SYSTEM, since)
        found.append(replace(again, conversation=call.conversation_id))
    return found


def _over(now: datetime, call_pk: int | None) -> list[Again]:
    """Pauses whose end has come, and at which nobody is: to be resumed until that is acknowledged."""
    over = Q(lease_due_at__lte=now, ended_at=None) & (Q() if call_pk is None else Q(pk=call_pk))
    calls = list(Call.objects.filter(over).order_by("lease_due_at")[:_MOST])
    if not calls:
        return []
    held = set(Command.objects.filter(OPEN, call__in=[call.pk for call in calls]).values_list("call_id", flat=True))
    return [
        Again(
            call.pk, call.tenant_id, call.account_id, Wanted.RECORDING, Command.Source.TIMER, call.lease_due_at or now
        )
        for call in calls
        if call.pk not in held
    ]


def _next_try(since: datetime, tried: datetime) -> datetime:
    wait = (tried - since).total_seconds() / 6
    return tried + _seconds(min(max(times.retry, wait), times.retry_slow)) if tried > since else since


def _is_free(one: Again, since: datetime | None, commands: list[Command], now: datetime) -> bool:
    """Nobody is at this call, and the newest try in vain was long enough ago."""
    tries = [
        command.closed_at
        for command in commands
        if command.source == one.source and command.closed_at and (since is None or command.asked_at > since)
    ]
    pause = min(times.retry * 2 ** (len(tries) - 1), times.retry_most) if tries else 0.0
    if tries and now < max(tries) + _seconds(pause):
        return False
    held = [command for command in commands if command.state != Command.State.CLOSED]
    return all(
        command.source == Command.Source.REASSERT and lost(command.attempt_at, command.expires_at, now)
        for command in held
    )


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)

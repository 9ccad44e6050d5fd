"""Leaving with calls still paused: resuming them, handing them over, or keeping them, which the log tells.

None of it is in the way of whoever leaves: what cannot be done is told, and stays as it is.
"""

import logging
import time
from collections.abc import Iterable, Iterator

from django.db import Error as DatabaseProblem
from django.db import connection, transaction

from voicedash.audit import log
from voicedash.calls import conversations, held, recording, state
from voicedash.calls import leaving_words as words
from voicedash.calls.held import Held
from voicedash.calls.models import Call, Command, Recording, Wanted
from voicedash.calls.recording import Answer
from voicedash.calls.words import Said
from voicedash.tenants import access
from voicedash.tenants.board import Stamp, writing
from voicedash.tenants.models import Membership, User

logger = logging.getLogger(__name__)

AT_ONCE = 25  # calls of one transaction: each has several statements
PATIENCE = 8.0  # seconds after which no further call is asked for: the answer must not take for ever
_ACKNOWLEDGED = "acknowledged"


def resume(*, chosen: list[Held], by: User, seen: int | None = None, anyway: bool = False) -> list[tuple[str, Said]]:
    """Resumes the pauses of `chosen` calls, each as `recording.resume` does; gives the name and the answer of each.

    `seen`: the version that was looked at; None is not checked. `anyway`: also one without an end. Of several legs the
    worst answer counts. Blocks until all have answered; what had no turn within `PATIENCE` was not asked for, and is
    told so.
    """
    until = time.monotonic() + PATIENCE

    def press(call: Call) -> Answer:
        if time.monotonic() > until:
            return Answer("not_asked", words.NO_TIME)
        return recording.resume(call=call, by=by, seen=seen, anyway=anyway)

    pks = [pk for one in chosen for pk in one.pks]
    answers = conversations.press_each(list(Call.objects.filter(pk__in=pks, ended_at=None).order_by("pk")), press)
    told = []
    for one in chosen:
        got = [answers[pk] for pk in one.pks if pk in answers]
        if got:
            worst = next((answer for answer in got if answer.outcome != _ACKNOWLEDGED), got[0])
            told.append((one.name, worst.said))
    return told


def hand_over(*, chosen: list[Held], by: User, to: User, tenant_id: int) -> Said:
    """Makes `to` the one whose the pauses of `chosen` calls are; nothing is asked of Bandwidth.

    Those that are not `by`'s any more stay as they are. Nothing changes where `to` may not press there.
    """
    pks = [pk for one in chosen for pk in one.pks]
    done: set[int] = set()
    try:
        for some in _chunks(pks):
            with writing(tenant_id) as stamp:
                if not Membership.objects.filter(
                    tenant=tenant_id, user=to, user__is_active=True, role__in=access.PRESSES
                ).exists():
                    transaction.set_rollback(True)
                    return words.NOBODY
                for call in held.calls(by.pk, [tenant_id]).filter(pk__in=some):
                    _hand_over(call, by, to, stamp)
                    done.add(call.pk)
    except DatabaseProblem:
        logger.exception("tenant %s: pauses could not be handed over", tenant_id)
        connection.close()
        return words.CANNOT_WRITE
    names = [one.name for one in chosen if done.intersection(one.pks)]
    return words.handed(names, to) if names else words.NO_LONGER_YOURS


def tell_left(user: User) -> None:
    """Notes in the log which calls `user`, who has just signed out, left paused. Raises nothing."""
    try:
        for tenant_id in Membership.objects.filter(user=user, role__in=access.PRESSES).values_list("tenant", flat=True):
            pks = list(held.calls(user.pk, [tenant_id]).values_list("pk", flat=True))
            for some in _chunks(pks):
                with writing(tenant_id) as stamp:
                    left = held.calls(user.pk, [tenant_id]).filter(pk__in=some)
                    said = [_about("recording.left", call, user) for call in left]
                    log.append_all(log.of_tenant(tenant_id), said, at=stamp.now)
    except DatabaseProblem:
        logger.exception("user %s: it could not be noted what they left paused", user.pk)
        connection.close()


def _hand_over(call: Call, by: User, to: User, stamp: Stamp) -> None:
    pauses = Command.objects.filter(call=call, wanted=Wanted.PAUSED)
    newest = pauses.filter(source=Command.Source.PERSON).order_by("-id").values_list("pk", flat=True).first()
    # What voicedash asked for again since, on behalf of whoever paused, goes along: it is what a row shows then.
    since = min(pk for pk in (newest, _pause(call)) if pk)
    pauses.filter(held.is_of(by.pk), pk__gte=since).update(held_by=to)
    state.touch(call, stamp)
    said = [_about("recording.handed", call, by, user=to.pk)]
    log.append_all(log.of_tenant(call.tenant_id), said, at=stamp.now)


def _pause(call: Call) -> int | None:
    """The pause that a row tells of; None while the first one is being asked for."""
    shown = {Recording.PAUSED: call.acknowledged_id, Recording.UNCONFIRMED: call.last_pause_id}
    return shown.get(Recording(call.recording))


def _about(verb: str, call: Call, by: User, **data: int) -> log.Said:
    ends = call.lease_ends_at.isoformat() if call.lease_ends_at else None
    return log.Said(verb, by.pk, call.call_id, {"command": _pause(call), "until": ends} | data)


def _chunks(pks: Iterable[int]) -> Iterator[list[int]]:
    ordered = list(pks)
    for first in range(0, len(ordered), AT_ONCE):
        yield ordered[first : first + AT_ONCE]

"""Keeping a pause: prolonging it, giving it another reason or a note. Nothing is asked of Bandwidth for that.

One short transaction under the tenant's lock, under which the timer claims as well: of a prolongation and a resume at
the same instant exactly one comes first, and the other is judged by what that has written.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import Error as DatabaseProblem
from django.db import connection, transaction

from voicedash.audit import log
from voicedash.calls import due, ends, lease_words, notes, rows, state
from voicedash.calls.ends import Terms
from voicedash.calls.models import Attempt, Call, Command, Recording, Wanted
from voicedash.calls.recording import Answer
from voicedash.calls.rows import Doubt
from voicedash.tenants.board import Stamp, writing
from voicedash.tenants.models import Reason, User

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Renewal:
    """What somebody wants of a running pause.

    Without a `reason` it is prolonged, by the time that its reason gives; with one it is as if it had been paused for
    that from the start, which never shortens it. `note_only`: neither, there is only a `note` for it.
    """

    by: User
    reason: Reason | None = None
    note: str = ""
    note_only: bool = False


def renew(*, call: Call, renewal: Renewal) -> Answer:
    """Keeps the pause of a call. The outcome is `prolonged`, or why it is not.

    `note`: one is wanted first, or the one that came holds what may be a card number; `stale`: it is not paused;
    `busy`: it is being resumed; `endless`: there is nothing to prolong; `not_asked`: nothing could be written.
    """
    return renew_all(call.tenant_id, [call.pk], renewal)


def renew_all(tenant_id: int, pks: Iterable[int], renewal: Renewal) -> Answer:
    """The same for those of these calls that are paused, all or none of them."""
    if notes.holds_card_number(renewal.note):
        return Answer("note", lease_words.CARD_IN_NOTE)
    try:
        with writing(tenant_id) as stamp:
            answer = _renewed(tenant_id, list(pks), renewal, stamp)
            if answer.outcome != "prolonged":
                transaction.set_rollback(True)
            return answer
    except DatabaseProblem:
        logger.exception("tenant %s: a pause could not be prolonged", tenant_id)
        connection.close()
        return Answer("not_asked", lease_words.NO_ROOM)


def _renewed(tenant_id: int, pks: list[int], renewal: Renewal, stamp: Stamp) -> Answer:
    known = Call.objects.filter(tenant=tenant_id, pk__in=pks, ended_at=None).select_related("acknowledged")
    paused = _paused(list(known.order_by("pk")), stamp.now)
    resumes = Command.objects.select_related("by").filter(due.OPEN, call__in=pks, wanted=Wanted.RECORDING)
    resume = resumes.exclude(source=Command.Source.REASSERT).first()
    if resume:
        return Answer("busy", lease_words.resumed_meanwhile(resume))
    if not paused:
        return Answer("stale", lease_words.NOT_KEPT)
    ending = [call for call in paused if call.lease_ends_at is not None]
    prolongs = renewal.reason is None and not renewal.note_only
    if prolongs and not ending and not renewal.note:
        return Answer("endless", lease_words.kept(paused[0], stamp.now))
    if prolongs and not renewal.note and any(call.lease_prolonged >= call.lease_limit for call in ending):
        return Answer("note", lease_words.NOTE_WANTED)
    for call in paused:
        _renew(call, renewal, stamp)
    first = min(ending or paused, key=lambda call: call.lease_ends_at or stamp.now)
    said = lease_words.kept(first, stamp.now) if prolongs else lease_words.changed(first, stamp.now)
    return Answer("prolonged", said)


def _paused(calls: list[Call], now: datetime) -> list[Call]:
    """Those of which a row says Paused at `now`."""
    doubts: dict[int, list[Doubt]] = defaultdict(list)
    attempts = Attempt.objects.filter(doubt_until__gt=now - due.OLDEST, command__call__in=calls)
    for pk, wanted, until in attempts.values_list("command__call__pk", "command__wanted", "doubt_until"):
        if until is not None:
            doubts[pk].append(Doubt(wanted, until))
    return [call for call in calls if rows.believed(call, doubts[call.pk], now)[0] == Recording.PAUSED]


def _renew(call: Call, renewal: Renewal, stamp: Stamp) -> None:
    columns: dict[str, Any] = {}
    if renewal.reason is not None:
        columns = ends.changed(call, Terms.of(renewal.reason), stamp.now)
    elif not renewal.note_only and call.lease_ends_at is not None:
        columns = ends.prolonged(call, stamp.now)
    state.touch(call, stamp, **columns)
    pause = call.acknowledged
    of_pause: dict[str, Any] = {}
    if renewal.reason is not None:
        of_pause["note_wanted"] = renewal.reason.note and not renewal.note
    if pause and renewal.note:
        note = " · ".join(part for part in (pause.note, renewal.note) if part)
        of_pause |= {"note": note[-500:], "note_wanted": False}
    if pause and of_pause:
        Command.objects.filter(pk=pause.pk).update(**of_pause)
    log.append(
        log.of_tenant(call.tenant_id),
        "recording.kept",
        at=stamp.now,
        actor=renewal.by.pk,
        call_id=call.call_id,
        data={
            "command": pause and pause.pk,
            "until": call.lease_ends_at and call.lease_ends_at.isoformat(),
            "prolonged": call.lease_prolonged,
            "reason": renewal.reason and renewal.reason.pk,
            "noted": bool(renewal.note),  # what it says can be erased, this entry not
        },
    )

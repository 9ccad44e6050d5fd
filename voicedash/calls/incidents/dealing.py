"""What people do about incidents: take one, and close it with what was done."""

import logging
from dataclasses import dataclass

from django.db import Error as DatabaseProblem
from django.db import connection, transaction

from voicedash.audit import log
from voicedash.calls import notes
from voicedash.calls.incidents import opening, words
from voicedash.calls.incidents.models import How, Incident
from voicedash.calls.words import Said
from voicedash.tenants.board import Stamp, writing
from voicedash.tenants.models import User

logger = logging.getLogger(__name__)
LONGEST = 1000  # characters of what was done


@dataclass(frozen=True)
class Dealt:
    """What came of it. `error` belongs to the field in which it was said what was done."""

    said: Said | None = None
    error: str = ""


def take(incident: Incident, *, by: User, seen: int | None) -> Dealt:
    """Makes `by` the one who is at it. `seen`: the key of who was, as it was shown; somebody else since keeps it."""
    try:
        with writing(incident.tenant_id) as stamp:
            now = _now(incident)
            taker = now.taken_by
            if now.closed_at:
                transaction.set_rollback(True)
                return Dealt(words.closed_already(now))
            if taker and (taker == by or taker.pk != seen):
                transaction.set_rollback(True)
                return Dealt(words.TAKEN if taker == by else words.taken_meanwhile(taker))
            _write(now, stamp, taken_by=by, taken_at=stamp.now)
            more = {"from": taker.pk} if taker else {}
            _tell(now, "incident.taken", stamp, by, **more)
    except DatabaseProblem:
        return _cannot(incident)
    return Dealt(words.TAKEN)


def close(incident: Incident, *, by: User, done: str) -> Dealt:
    """Closes it with what was done, which is wanted. What could be a card number is not kept."""
    done = done.strip()
    if len(done) < words.LEAST:
        return Dealt(error=words.NOTHING_SAID)
    if len(done) > LONGEST:
        return Dealt(error=f"At most {LONGEST} characters; these are {len(done)}.")
    if notes.holds_card_number(done):
        return Dealt(error=words.CARD)
    try:
        with writing(incident.tenant_id) as stamp:
            now = _now(incident)
            if now.closed_at:
                transaction.set_rollback(True)
                return Dealt(words.closed_already(now))
            _write(now, stamp, closed_at=stamp.now, closed_by=by, how=How.PERSON, done=done)
            _tell(now, "incident.closed", stamp, by, seconds=round((stamp.now - now.since).total_seconds()))
    except DatabaseProblem:
        return _cannot(incident)
    return Dealt(words.CLOSED)


def _now(incident: Incident) -> Incident:
    return Incident.objects.select_related("taken_by", "closed_by").get(pk=incident.pk)


def _write(incident: Incident, stamp: Stamp, **columns: object) -> None:
    Incident.objects.filter(pk=incident.pk).update(version=stamp.version, **columns)


def _tell(incident: Incident, verb: str, stamp: Stamp, by: User, **more: int) -> None:
    said = opening.entry(incident, verb, by=by.pk, **more)  # type: ignore[arg-type]
    log.append_all(log.of_tenant(incident.tenant_id), [said], at=stamp.now)


def _cannot(incident: Incident) -> Dealt:
    logger.exception("incident %s: what a person did about it could not be written", incident.pk)
    connection.close()
    return Dealt(words.CANNOT_WRITE)

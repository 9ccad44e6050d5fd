"""The short transactions of a press: claim, wait, take again, settle, close. The only writer of `Call.recording`.

No transaction here is open while Bandwidth is asked. Every one begins with the tenant's lock, so
what it reads of commands and calls cannot change before it commits.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from voicedash.audit import log
from voicedash.calls import words
from voicedash.calls.models import Attempt, Call, Command, Outcome, Recording, Wanted
from voicedash.calls.times import times
from voicedash.tenants.board import Stamp, writing
from voicedash.tenants.models import BandwidthAccount, Reason, User

OPEN = ~Q(state=Command.State.CLOSED)


@dataclass(frozen=True)
class Press:
    """A wish as it comes in. `seen` is the version of the row it was made from; None is not checked."""

    tenant_id: int
    call_pk: int
    wanted: Wanted
    by: User | None
    source: Command.Source = Command.Source.PERSON
    reason: Reason | None = None
    note: str = ""
    seen: int | None = None
    anyway: bool = False
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Claim:
    """The right to ask for a call now; or, `waiting`, the place of the next one."""

    press: Press
    command_id: int
    call_id: str
    account: BandwidthAccount
    answered: bool  # Bandwidth told that the call is answered
    until: float  # time.monotonic() before its stored expiry
    waiting: bool = False


@dataclass(frozen=True)
class Turned:
    """A press that changes nothing: `busy`, `stale`, or `confirm` with its question."""

    outcome: str
    said: words.Said
    confirm: str = ""


@dataclass(frozen=True)
class Made:
    """An attempt as its sender saw it; times are time.monotonic()."""

    began: float
    ended: float
    result: str
    status: int | None = None
    reference: str = ""

    @property
    def doubtful(self) -> bool:
        return self.result == "unknown"


@dataclass(frozen=True)
class Settled:
    """What was written. `wish`: somebody closed the command first, and this state must be asked for again."""

    outcome: str
    wish: Wanted | None = None


def claim(press: Press) -> Claim | Turned:
    """Takes the claim on a call, or the place of its one waiting pause, or tells why neither.

    Raises DatabaseError where it cannot be written.
    """
    with writing(press.tenant_id) as stamp:
        call = _call(press)
        holder, waiting, changed = _open(call, stamp)
        turned = _turned(press, call, holder, waiting, stamp.now)
        if turned:
            if not changed:
                transaction.set_rollback(True)
            return turned
        state = Command.State.WAITING if holder else Command.State.CLAIMED
        command = Command.objects.create(
            call=call,
            wanted=press.wanted,
            source=press.source,
            by=press.by,
            reason=press.reason,
            note=press.note,
            state=state,
            asked_at=stamp.now,
            claimed_at=None if holder else stamp.now,
            attempt_at=None if holder else stamp.now,
            expires_at=stamp.now + _seconds(times.claim),
            version=stamp.version,
        )
        pause = {"last_pause": command} if press.wanted == Wanted.PAUSED and not holder else {}
        _touch(call, stamp, **pause)
        _tell(call, "recording.asked", stamp, press.by, command, source=press.source, reason=press.reason and press.reason.pk)
    return Claim(
        press=press,
        command_id=command.pk,
        call_id=call.call_id,
        account=call.account,
        answered=call.state == "answered",
        until=press.began + times.claim,
        waiting=holder is not None,
    )


def take_turn(waiting: Claim) -> Claim | None:
    """Turns a waiting pause into the claim when its turn has come; None while another still holds the call.

    Raises LookupError when the waiting pause was closed meanwhile (it expired).
    """
    call_pk = waiting.press.call_pk
    holder = (
        Command.objects.filter(call=call_pk, state=Command.State.CLAIMED)
        .annotate(now=Now())
        .values("attempt_at", "expires_at", "now")
        .first()
    )
    if holder and not _lost(holder["attempt_at"], holder["expires_at"], holder["now"]):
        return None
    began = time.monotonic()
    with writing(waiting.press.tenant_id) as stamp:
        call = _call(waiting.press)
        running, mine, _ = _open(call, stamp)
        if mine is None or mine.pk != waiting.command_id:
            raise LookupError("the waiting pause was closed")
        if running:
            if not _lost(running.attempt_at, running.expires_at, stamp.now):
                transaction.set_rollback(True)
                return None
            _vanish(call, running, stamp)
        Command.objects.filter(pk=mine.pk, state=Command.State.WAITING).update(
            state=Command.State.CLAIMED,
            claimed_at=stamp.now,
            attempt_at=stamp.now,
            expires_at=stamp.now + _seconds(times.claim),
            version=stamp.version,
        )
        _touch(call, stamp, last_pause=mine)
    return Claim(
        press=waiting.press,
        command_id=waiting.command_id,
        call_id=waiting.call_id,
        account=call.account,
        answered=call.state == "answered",
        until=began + times.claim,
    )


def take_again(claim: Claim) -> bool:
    """May the holder make a further attempt? Not once a pause waits, another closed the command, or time is short."""
    with writing(claim.press.tenant_id) as stamp:
        held = Command.objects.filter(
            pk=claim.command_id,
            state=Command.State.CLAIMED,
            expires_at__gt=stamp.now + _seconds(times.attempt),
        )
        if pause_waits(claim) or held.update(attempt_at=stamp.now) != 1:
            transaction.set_rollback(True)
            return False
    return True


def pause_waits(claim: Claim) -> bool:
    return Command.objects.filter(call=claim.press.call_pk, state=Command.State.WAITING).exists()


def settle(claim: Claim, outcome: Outcome, attempts: list[Made]) -> Settled:
    """Writes what came of a claimed command: outcome, attempts, log entry, and the state of the call.

    A command that somebody closed meanwhile gets a late answer instead: the call is not confirmed
    unless it shows what was asked for. Raises DatabaseError where it cannot be written.
    """
    with writing(claim.press.tenant_id) as stamp:
        call = _call(claim.press)
        command = Command.objects.get(pk=claim.command_id)
        changed = _close(command, stamp, outcome, took_ms=_took_ms(claim, attempts), state=Command.State.CLAIMED)
        _keep(command, attempts, stamp)
        told = [{"result": made.result, "status": made.status, "reference": made.reference} for made in attempts]
        verb = "recording.answered" if changed else "recording.answered_late"
        _tell(call, verb, stamp, claim.press.by, command, outcome=outcome, attempts=told)
        if not changed:
            if outcome in {Outcome.ACKNOWLEDGED, Outcome.UNCONFIRMED}:
                _unconfirm(call, claim.press.wanted, stamp)
            newest = Command.objects.filter(call=call).exclude(outcome=Outcome.NOT_ASKED).order_by("-id").first()
            return Settled(Outcome.UNCONFIRMED, wish=Wanted(newest.wanted) if newest else claim.press.wanted)
        if outcome == Outcome.ACKNOWLEDGED:
            _acknowledge(call, command, stamp)
        elif outcome == Outcome.UNCONFIRMED:
            _unconfirm(call, claim.press.wanted, stamp)
        else:
            _touch(call, stamp)
    return Settled(outcome)


def withdraw(claim: Claim, why: str) -> None:
    """Closes a claim or a waiting pause of which nothing was sent. Raises DatabaseError."""
    with writing(claim.press.tenant_id) as stamp:
        command = Command.objects.get(pk=claim.command_id)
        if _close(command, stamp, Outcome.NOT_ASKED):
            call = _call(claim.press)
            _touch(call, stamp)
            _tell(call, "recording.answered", stamp, claim.press.by, command, outcome=Outcome.NOT_ASKED, why=why)


def keep_unasked(press: Press, why: str) -> None:
    """Keeps a press for which nothing was claimed, for the log. Raises DatabaseError."""
    with writing(press.tenant_id) as stamp:
        call = _call(press)
        command = Command.objects.create(
            call=call,
            wanted=press.wanted,
            source=press.source,
            by=press.by,
            reason=press.reason,
            state=Command.State.CLOSED,
            outcome=Outcome.NOT_ASKED,
            asked_at=stamp.now,
            closed_at=stamp.now,
            expires_at=stamp.now,
            version=stamp.version,
        )
        _tell(call, "recording.answered", stamp, press.by, command, outcome=Outcome.NOT_ASKED, why=why)


def close_expired(tenant_id: int) -> None:
    """Closes the claims of a tenant whose senders have vanished. Writes nothing where there are none."""
    expired = Command.objects.filter(OPEN, call__tenant=tenant_id, expires_at__lte=Now())
    for call_pk in list(expired.values_list("call", flat=True).distinct()[:100]):
        with writing(tenant_id) as stamp:
            _open(Call.objects.select_related("account").get(pk=call_pk), stamp)


def _call(press: Press) -> Call:
    related = ("account", "acknowledged__by", "last_pause__by", "last_pause__reason")
    return Call.objects.select_related(*related).get(pk=press.call_pk, tenant=press.tenant_id)


def _open(call: Call, stamp: Stamp) -> tuple[Command | None, Command | None, bool]:
    """The call's claimed and its waiting command, after closing what has expired; True if anything was."""
    claimed = waiting = None
    changed = False
    for command in Command.objects.select_related("by").filter(OPEN, call=call):
        if command.expires_at <= stamp.now:
            changed = True
            if command.state == Command.State.CLAIMED:
                _vanish(call, command, stamp)
            else:
                _close(command, stamp, Outcome.NOT_ASKED)
                _touch(call, stamp)
                _tell(call, "recording.answered", stamp, None, command, outcome=Outcome.NOT_ASKED, why="expired")
        elif command.state == Command.State.CLAIMED:
            claimed = command
        else:
            waiting = command
    return claimed, waiting, changed


def _turned(press: Press, call: Call, holder: Command | None, waiting: Command | None, now: datetime) -> Turned | None:
    """Why a press changes nothing, if so. A pause is never turned away because of a resume or a re-assert."""
    at_it = waiting or holder
    if at_it and (
        press.wanted == Wanted.RECORDING
        or waiting
        or (at_it.wanted == Wanted.PAUSED and at_it.source != Command.Source.REASSERT)
    ):
        return Turned("busy", words.busy(press.wanted, at_it))
    if press.wanted == Wanted.PAUSED or press.source != Command.Source.PERSON:
        return None
    pause = call.last_pause
    if pause and press.seen is not None and press.seen < pause.version:
        return Turned("stale", words.stale(pause))
    if press.anyway or call.recording not in {Recording.PAUSED, Recording.UNCONFIRMED}:
        return None
    if call.recording == Recording.PAUSED:
        pause = call.acknowledged
    elif not pause or Command.objects.filter(call=call, pk__gt=pause.pk, wanted=Wanted.RECORDING).exists():
        return None  # the newest wish was a resume: asking for it again needs no second press
    own = pause is not None and pause.by_id is not None and press.by is not None and pause.by_id == press.by.pk
    endless = pause is not None and pause.reason is not None and pause.reason.lease is None
    if own and not endless:
        return None
    since = call.recording_since if call.recording == Recording.PAUSED else pause and pause.asked_at
    question = words.confirm(pause, since, now, own=own)
    return Turned("confirm", words.Said("Not resumed yet", question, "wait"), question)


def _lost(attempt_at: datetime | None, expires_at: datetime, now: datetime) -> bool:
    """A holder whose attempt is older than any attempt can be, or whose claim has expired, is gone."""
    return now >= expires_at or (attempt_at is not None and now - attempt_at >= _seconds(times.takeover))


def _vanish(call: Call, command: Command, stamp: Stamp) -> None:
    """Closes a claim whose sender is gone: it may have sent, until the claim's end at the latest."""
    _close(command, stamp, Outcome.UNCONFIRMED)
    Attempt.objects.create(
        command=command,
        number=command.attempts.count() + 1,
        began_at=command.attempt_at or stamp.now,
        result="vanished",
        doubt_until=min(stamp.now, command.expires_at) + _seconds(times.doubt),
    )
    _tell(call, "recording.sender_vanished", stamp, None, command, outcome=Outcome.UNCONFIRMED)
    _unconfirm(call, command.wanted, stamp)


def _close(command: Command, stamp: Stamp, outcome: Outcome, *, took_ms: int | None = None, state: str = "") -> bool:
    """Closes a command that is still open (and in `state`, where one is named); False if it is not."""
    still = Command.objects.filter(OPEN, pk=command.pk, **({"state": state} if state else {}))
    return still.update(state=Command.State.CLOSED, outcome=outcome, closed_at=stamp.now, took_ms=took_ms) == 1


def _keep(command: Command, attempts: list[Made], stamp: Stamp) -> None:
    """Stores attempts; their monotonic times become the database's by their distance from now."""
    clock = time.monotonic()
    first = command.attempts.count() + 1 if attempts and command.state == Command.State.CLOSED else 1
    Attempt.objects.bulk_create(
        Attempt(
            command=command,
            number=number,
            began_at=stamp.now - _seconds(clock - made.began),
            took_ms=round((made.ended - made.began) * 1000),
            result=made.result,
            status=made.status,
            reference=made.reference,
            doubt_until=stamp.now - _seconds(clock - made.ended) + _seconds(times.doubt) if made.doubtful else None,
        )
        for number, made in enumerate(attempts, start=first)
    )


def _acknowledge(call: Call, command: Command, stamp: Stamp) -> None:
    """Bandwidth said 200 to this command: the one place in which a call becomes paused."""
    since = call.recording_since if call.recording == command.wanted else stamp.now
    # A call that Bandwidth still obeys has not ended, whatever its listing said (DESIGN §4.4).
    alive: dict[str, Any] = {"ended_at": None, "end_time": None, "state": "answered"} if call.ended_at else {}
    _touch(call, stamp, recording=command.wanted, recording_since=since, acknowledged=command, **alive)


def _unconfirm(call: Call, wanted: str, stamp: Stamp) -> None:
    """Nothing confirms `wanted`: the call claims nothing any more, unless it was acknowledged as just that before."""
    if call.recording == wanted:
        _touch(call, stamp)
    else:
        since = call.recording_since if call.recording == Recording.UNCONFIRMED else stamp.now
        _touch(call, stamp, recording=Recording.UNCONFIRMED, recording_since=since)


def _touch(call: Call, stamp: Stamp, **columns: Any) -> None:
    """Writes the named columns and the version that makes boards draw the row anew."""
    Call.objects.filter(pk=call.pk).update(version=stamp.version, **columns)
    for name, value in columns.items():
        setattr(call, name, value)


def _tell(call: Call, verb: str, stamp: Stamp, by: User | None, command: Command, **data: Any) -> None:
    told = {"command": command.pk, "wanted": str(command.wanted), **{k: _plain(v) for k, v in data.items()}}
    log.append(
        log.of_tenant(call.tenant_id), verb, at=stamp.now, actor=by.pk if by else None, call_id=call.call_id, data=told
    )


def _plain(value: Any) -> Any:
    """Enum members as the text they are stored as."""
    return str(value) if isinstance(value, str) else value


def _took_ms(claim: Claim, attempts: list[Made]) -> int:
    return round(((attempts[-1].ended if attempts else time.monotonic()) - claim.press.began) * 1000)


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)

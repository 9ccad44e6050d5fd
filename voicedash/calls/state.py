"""What a call shows, and how a command ends. The only writer of `Call.recording`.

Called inside a transaction that holds the tenant's lock; every function takes its stamp.
"""

import time
from datetime import timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from voicedash.audit import log
from voicedash.calls.models import Attempt, Call, Command, Outcome, Recording
from voicedash.calls.press import Made
from voicedash.calls.times import times
from voicedash.tenants.board import Stamp
from voicedash.tenants.models import User

OPEN = ~Q(state=Command.State.CLOSED)


def acknowledge(call: Call, command: Command, stamp: Stamp) -> None:
    """Bandwidth said 200 to this command: the one place in which a call becomes paused."""
    since = call.recording_since if call.recording == command.wanted else stamp.now
    # A call that Bandwidth still obeys has not ended, whatever its listing said (docs/truth.md, 4).
    alive: dict[str, Any] = {"ended_at": None, "end_time": None, "state": "answered"} if call.ended_at else {}
    touch(call, stamp, recording=command.wanted, recording_since=since, acknowledged=command, **alive)


def unconfirm(call: Call, wanted: str, stamp: Stamp) -> None:
    """Nothing confirms `wanted`: the call claims nothing any more, unless it was acknowledged as just that before."""
    if call.recording == wanted:
        touch(call, stamp)
    else:
        since = call.recording_since if call.recording == Recording.UNCONFIRMED else stamp.now
        touch(call, stamp, recording=Recording.UNCONFIRMED, recording_since=since)


def touch(call: Call, stamp: Stamp, **columns: Any) -> None:
    """Writes the named columns and the version that makes boards draw the row anew."""
    columns["version"] = stamp.version
    Call.objects.filter(pk=call.pk).update(**columns)
    for name, value in columns.items():
        setattr(call, name, value)


def still_open(call: Call, stamp: Stamp) -> tuple[Command | None, Command | None, bool]:
    """The call's claimed and its waiting command, after closing what has expired; True if anything was."""
    claimed = waiting = None
    changed = False
    for command in Command.objects.filter(OPEN, call=call).order_by():
        if command.expires_at <= stamp.now:
            changed = True
            if command.state == Command.State.CLAIMED:
                vanish(call, command, stamp)
            else:
                close(command, stamp, Outcome.NOT_ASKED)
                touch(call, stamp)
                tell_unasked(call, stamp, None, command, "expired")
        elif command.state == Command.State.CLAIMED:
            claimed = command
        else:
            waiting = command
    return claimed, waiting, changed


def vanish(call: Call, command: Command, stamp: Stamp) -> None:
    """Closes a claim whose sender is gone: it may have sent, until the claim's end at the latest."""
    close(command, stamp, Outcome.UNCONFIRMED)
    Attempt.objects.create(
        command=command,
        number=command.attempts.count() + 1,
        began_at=command.attempt_at or stamp.now,
        result="vanished",
        doubt_until=min(stamp.now, command.expires_at) + seconds(times.doubt),
    )
    tell(call, "recording.sender_vanished", stamp, None, command, outcome=Outcome.UNCONFIRMED)
    unconfirm(call, command.wanted, stamp)


def close(command: Command, stamp: Stamp, outcome: Outcome, *, took_ms: int | None = None, state: str = "") -> bool:
    """Closes a command that is still open (and in `state`, where one is named); False if it is not."""
    still = Command.objects.filter(OPEN, pk=command.pk, **({"state": state} if state else {}))
    columns = {"state": Command.State.CLOSED, "outcome": outcome, "closed_at": stamp.now, "took_ms": took_ms}
    if still.update(**columns) != 1:
        return False
    for name, value in columns.items():
        setattr(command, name, value)
    return True


def keep(command: Command, attempts: list[Made], stamp: Stamp, *, late: bool) -> None:
    """Stores attempts; their monotonic times become the database's by their distance from now.

    `late`: somebody closed the command before, and may have kept an attempt for its sender.
    """
    clock = time.monotonic()
    first = command.attempts.count() + 1 if late else 1
    Attempt.objects.bulk_create(
        Attempt(
            command=command,
            number=number,
            began_at=stamp.now - seconds(clock - made.began),
            took_ms=round((made.ended - made.began) * 1000),
            result=made.result,
            status=made.status,
            reference=made.reference,
            doubt_until=stamp.now - seconds(clock - made.ended) + seconds(times.doubt) if made.doubtful else None,
        )
        for number, made in enumerate(attempts, start=first)
    )


def in_doubt(call: Call, stamp: Stamp) -> bool:
    """Whether a request of this call may still take effect without our knowing."""
    return Attempt.objects.filter(command__call=call, doubt_until__gt=stamp.now).exists()


def overdue(tenant_id: int) -> QuerySet[Attempt]:
    """Attempts whose doubt ran out against what their call shows: nothing was acknowledged after it."""
    shown = Attempt.objects.select_related("command__call").filter(
        command__call__tenant=tenant_id,
        command__call__ended_at=None,
        command__call__recording__in=(Recording.PAUSED, Recording.RECORDING),
    )
    ran_out = shown.filter(
        doubt_until__range=(Now() - timedelta(days=1), Now()),  # older ones have been dealt with
        doubt_until__gt=F("command__call__acknowledged__attempt_at"),
    )
    return ran_out.exclude(command__wanted=F("command__call__recording"))


def tell(call: Call, verb: str, stamp: Stamp, by: User | None, command: Command, **data: Any) -> None:
    told = {"command": command.pk, "wanted": str(command.wanted), **{k: _plain(v) for k, v in data.items()}}
    log.append(
        log.of_tenant(call.tenant_id), verb, at=stamp.now, actor=by.pk if by else None, call_id=call.call_id, data=told
    )


def tell_unasked(call: Call, stamp: Stamp, by: User | None, command: Command, why: str) -> None:
    """Bandwidth was never asked, and why: for whoever looks later for a pause that did not happen."""
    tell(call, "recording.answered", stamp, by, command, outcome=Outcome.NOT_ASKED, why=why)


def _plain(value: Any) -> Any:
    """Enum members as the text they are stored as."""
    return str(value) if isinstance(value, str) else value


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)

"""What a call shows, and how a command ends. The only writer of `Call.recording`.

Called inside a transaction that holds the tenant's lock; every function takes its stamp.
"""

import time
from datetime import datetime, timedelta
from typing import Any

from voicedash.audit import log
from voicedash.calls import due, ends, legs
from voicedash.calls.incidents import opening
from voicedash.calls.models import Attempt, Call, Command, Outcome, Recording, Wanted
from voicedash.calls.press import Made
from voicedash.calls.times import times
from voicedash.tenants import updates
from voicedash.tenants.board import Stamp
from voicedash.tenants.models import BandwidthAccount, User

Columns = dict[str, Any]


def _acknowledged(call: Call, command: Command, stamp: Stamp, account: BandwidthAccount | None) -> Columns:
    """Bandwidth said 200 to this command: the one place in which a call becomes paused.

    A re-assert only confirms what the call shows: whose pause it is, why and since when stays theirs. `account`:
    another than the call's, which answered, and is asked from now on.
    """
    news: Columns = {"asserted_at": command.attempt_at, "not_known": False}
    if account is not None:
        news["account"] = account
    if command.wanted == Wanted.PAUSED:
        news |= {"pause_due_at": None} | _lease(call, command, stamp)
    # What speaks against a pause says nothing against a recording.
    resumed = command.wanted == Wanted.RECORDING
    if call.contradicted_at and (resumed or (command.attempt_at and command.attempt_at >= call.contradicted_at)):
        news["contradicted_at"] = None
    if command.source != Command.Source.REASSERT:
        news |= {"recording": command.wanted, "acknowledged": command} | (ends.NONE if resumed else {})
        news["recording_since"] = call.recording_since if call.recording == command.wanted else stamp.now
    elif call.recording != command.wanted:
        news = {}
    if call.ended_at:  # a call that Bandwidth still obeys has not ended, whatever its listing said (docs/truth.md, 4)
        news |= {"ended_at": None, "end_time": None, "state": "answered", "numbers_erased_at": None}
        news |= {"hidden_why": "", "revived_at": stamp.now}
    return news


def unconfirm(call: Call, wanted: str, stamp: Stamp, command: Command | None = None) -> None:
    """Nothing confirms `wanted`: the call claims nothing any more, unless it was acknowledged as just that before.

    `command`: the one that closes with this. A pause that may have been done ends like one that was.
    """
    touch(call, stamp, **_unconfirmed(call, wanted, stamp, command))


def _unconfirmed(call: Call, wanted: str, stamp: Stamp, command: Command | None) -> Columns:
    news: Columns = {}
    if command is not None:
        news = _lease(call, command, stamp) if wanted == Wanted.PAUSED else ends.put_off(call, command, stamp.now)
    if call.recording == wanted:
        return news
    since = call.recording_since if call.recording == Recording.UNCONFIRMED else stamp.now
    return {"recording": Recording.UNCONFIRMED, "recording_since": since, "not_known": False} | news


def refuse(call: Call, command: Command, outcome: Outcome, stamp: Stamp) -> None:
    """Nothing changes but that a pause is told as one that Bandwidth does not know the call for.

    A leg of a conversation may not have been answered yet: voicedash goes on asking for it by itself.
    """
    touch(call, stamp, **_refused(call, command, outcome, stamp))


def _refused(call: Call, command: Command, outcome: Outcome, stamp: Stamp) -> Columns:
    news: Columns = ends.put_off(call, command, stamp.now)
    if command.source == Command.Source.PERSON and command.wanted == Wanted.PAUSED:
        news["not_known"] = outcome == Outcome.UNKNOWN_CALL
        if news["not_known"] and call.conversation_id and call.recording != Recording.PAUSED:
            news["pause_due_at"] = call.pause_due_at or stamp.now
    elif call.not_known and outcome not in {Outcome.UNKNOWN_CALL, Outcome.NOT_ASKED}:
        news["not_known"] = False  # now it is refused for another reason, or nobody knows
    return news


def end(call: Call, command: Command, outcome: Outcome, stamp: Stamp, account: BandwidthAccount | None) -> None:
    """What the `outcome` of a command that is closed with it makes of its call. `account`: another than the call's,
    which answered, and is asked from now on.

    A pause of a person that failed is an incident.
    """
    touch(call, stamp, **_ended(call, command, outcome, stamp, account))
    opening.after(call, command, stamp)


def end_all(ended: list[tuple[Call, Command, Outcome, BandwidthAccount | None]], stamp: Stamp) -> None:
    """The same for many calls at once."""
    changes = []
    for call, command, outcome, account in ended:
        columns = _ended(call, command, outcome, stamp, account) | {"version": stamp.version}
        _take_over(call, columns)
        changes.append((call.pk, columns))
    updates.each(Call, changes)
    for call, command, _, _ in ended:
        opening.after(call, command, stamp)


def _ended(call: Call, command: Command, outcome: Outcome, stamp: Stamp, account: BandwidthAccount | None) -> Columns:
    if outcome == Outcome.ACKNOWLEDGED:
        return _acknowledged(call, command, stamp, account)
    if outcome == Outcome.UNCONFIRMED:
        return _unconfirmed(call, command.wanted, stamp, command)
    return _refused(call, command, outcome, stamp)


def contradict(call: Call, stamp: Stamp, why: str, at: datetime | None = None, by: str = "") -> bool:
    """Evidence speaks against the pause of a live call: it claims none any more, and the pause is due again.

    A pause that is being asked for counts, too: once it is acknowledged it is due again, unless its request began
    later. `why` names the evidence in the log, `at` is the latest moment it is of, `by` its id. False where there is no
    such pause, or one that was acknowledged after that, or the same has spoken already; nothing is written then.
    """
    if call.ended_at is not None or (by and by == call.contradicted_by):
        return False
    if at is not None and call.asserted_at is not None and at < call.asserted_at:
        return False
    news = {"contradicted_at": stamp.now, "contradicted_by": by}
    if call.recording == Recording.PAUSED:
        touch(call, stamp, recording=Recording.UNCONFIRMED, recording_since=stamp.now, **news)
    elif Command.objects.filter(due.OPEN, call=call, wanted=Wanted.PAUSED).exists():
        touch(call, stamp, **news)
    else:
        return False
    log.append(
        log.of_tenant(call.tenant_id),
        "recording.contradicted",
        at=stamp.now,
        call_id=call.call_id,
        data={"why": why} | ({"by": by} if by else {}),
    )
    return True


def touch(call: Call, stamp: Stamp, **columns: Any) -> None:
    """Writes the named columns and the version that makes boards draw the row anew."""
    columns["version"] = stamp.version
    updates.each(Call, [(call.pk, columns)])
    _take_over(call, columns)


def _take_over(of: Call | Command, columns: Columns) -> None:
    for name, value in columns.items():
        setattr(of, name, value)


def still_open(call: Call, stamp: Stamp) -> tuple[Command | None, Command | None, bool]:
    """The call's claimed and its waiting command, after closing what has expired; True if anything was."""
    claimed = waiting = None
    changed = False
    for command in Command.objects.filter(due.OPEN, call=call).order_by():
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
    legs.release(call, command, stamp)
    unconfirm(call, command.wanted, stamp, command)
    opening.after(call, command, stamp)


def lapse(attempt: Attempt, stamp: Stamp) -> None:
    """A doubt closed long ago, and nothing was acknowledged since: its call is not confirmed. That is an incident."""
    command, call = attempt.command, attempt.command.call
    tell(call, "recording.doubted", stamp, None, command, why="nothing acknowledged again in time")
    unconfirm(call, command.wanted, stamp)
    opening.lapsed(call, (attempt.doubt_until or stamp.now) + seconds(times.grace), stamp)


def close(command: Command, stamp: Stamp, outcome: Outcome) -> bool:
    """Closes a command that is still open; False if it is not."""
    columns: Columns = {"state": Command.State.CLOSED, "outcome": outcome, "closed_at": stamp.now}
    if not Command.objects.filter(due.OPEN, pk=command.pk).update(**columns):
        return False
    _take_over(command, columns)
    return True


def close_all(closing: list[tuple[Command, Outcome, int]], stamp: Stamp) -> None:
    """Closes commands that the caller has found claimed under this lock, each with its outcome and its milliseconds."""
    changes = []
    for command, outcome, took_ms in closing:
        columns = {"state": Command.State.CLOSED, "outcome": outcome, "closed_at": stamp.now, "took_ms": took_ms}
        changes.append((command.pk, columns))
        _take_over(command, columns)
    updates.each(Command, changes)


def keep_late(command: Command, attempts: list[Made], stamp: Stamp) -> None:
    """Stores attempts of a command that somebody closed before, and may have kept an attempt of for its sender."""
    updates.add_unread(kept(command, attempts, stamp, command.attempts.count() + 1))


def keep_all(made: list[tuple[Command, list[Made]]], stamp: Stamp) -> None:
    """Stores the attempts of commands that were claimed until now."""
    updates.add_unread([one for command, attempts in made for one in kept(command, attempts, stamp)])


def kept(command: Command, attempts: list[Made], stamp: Stamp, first: int = 1) -> list[Attempt]:
    """Attempts as they are stored; their monotonic times become the database's by their distance from now."""
    clock = time.monotonic()
    return [
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
    ]


def _lease(call: Call, command: Command, stamp: Stamp) -> dict[str, Any]:
    """The lease's columns as a pause begins to hold; read from the other legs only where a leg takes theirs."""
    takes = command.source == Command.Source.SYSTEM and call.lease_from is None and call.conversation_id
    legs = Call.objects.filter(conversation=call.conversation_id, ended_at=None) if takes else ()
    return ends.given(call, command, stamp.now, legs)


def tell(
    call: Call,
    verb: str,
    stamp: Stamp,
    by: User | None,
    command: Command,
    head: log.Place | None = None,
    **data: Any,
) -> None:
    """Adds an entry about a command, at the `head` of the log where that was read under this lock."""
    said = about(call, verb, by, command, **data)
    chain = log.of_tenant(call.tenant_id)
    log.append(chain, said.verb, at=stamp.now, actor=said.actor, call_id=said.call_id, data=said.data, head=head)


def about(call: Call, verb: str, by: User | None, command: Command, **data: Any) -> log.Said:
    """An entry about a command. It says of which kind it is, too: the log is found and read without the calls."""
    told = {"command": command.pk, "wanted": str(command.wanted), "source": str(command.source)}
    if command.reason_id:
        told["reason"] = command.reason_id
    told |= {k: _plain(v) for k, v in data.items()}
    return log.Said(verb, by.pk if by else None, call.call_id, told)


def tell_unasked(call: Call, stamp: Stamp, by: User | None, command: Command, why: str) -> None:
    """Bandwidth was never asked, and why: for whoever looks later for a pause that did not happen."""
    tell(call, "recording.answered", stamp, by, command, outcome=Outcome.NOT_ASKED, why=why)
    opening.after(call, command, stamp)


def _plain(value: Any) -> Any:
    """Enum members as the text they are stored as."""
    return str(value) if isinstance(value, str) else value


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)

"""What a press reads under the tenant's lock: its call, and beside it what decides, in one statement."""

from dataclasses import dataclass

from django.db import connection

from voicedash.audit import log
from voicedash.calls import due
from voicedash.calls.models import Call, Command, Wanted
from voicedash.calls.press import Claim, Press
from voicedash.tenants import reads, updates

_CALL = "WHERE calls_call.id = %s AND calls_call.tenant_id = %s"
_HEAD = "LEFT JOIN audit_head ON audit_head.chain = %s"
_COMMAND = "LEFT JOIN calls_command ON calls_command.id = %s"


@dataclass(frozen=True)
class ToClaim:
    """A call that is pressed on."""

    call: Call
    asked: bool  # it has a command that is not closed
    key: int | None  # of the command that is to be claimed, where the database tells it before
    head: log.Place | None  # of the tenant's chain, where the next entry follows


@dataclass(frozen=True)
class ToSettle:
    """A call for which an answer came."""

    call: Call
    claimed: bool  # still by this command
    waited_for: bool  # a pause waits for its turn
    doubted: bool  # an earlier request may take effect after this one
    head: log.Place | None


def call_of(pk: int, tenant_id: int) -> Call:
    """A tenant's call as it is now, with its account. Raises Call.DoesNotExist."""
    call = reads.first(Call, _CALL, pk, tenant_id, along=("account",))
    if call is None:
        raise Call.DoesNotExist
    return call


def pressed(press: Press) -> Call:
    """The call of a press. Raises Call.DoesNotExist."""
    return call_of(press.call_pk, press.tenant_id)


def to_claim(press: Press) -> ToClaim:
    """Before a claim. Raises Call.DoesNotExist."""
    chain = log.of_tenant(press.tenant_id)
    more = (due.ASKED, updates.next_key(Command), *log.PLACE)
    found = reads.first_and(more, Call, f"{_HEAD} {_CALL}", chain, press.call_pk, press.tenant_id, along=("account",))
    if found is None:
        raise Call.DoesNotExist
    (asked, key, *head), call = found
    if press.wanted == Wanted.RECORDING:
        _read_pauses(call)
    return ToClaim(call, bool(asked), key, log.place(*head))


def _read_pauses(call: Call) -> None:
    """The commands by which a resume is judged."""
    keys = (call.last_pause_id, call.acknowledged_id)
    known = {one.pk: one for one in reads.every(Command, "WHERE calls_command.id IN (%s, %s)", *keys)}
    call.last_pause, call.acknowledged = (known.get(key or 0) for key in keys)


def to_settle(claim: Claim) -> ToSettle | None:
    """Before what came of a claim is written; None where the call is gone."""
    press, command = claim.press, claim.command
    since = connection.ops.adapt_datetimefield_value(command.attempt_at)
    found = reads.first_and(
        ("calls_command.state", due.WAITED_FOR, due.DOUBTED, *log.PLACE),
        Call,
        f"{_COMMAND} {_HEAD} {_CALL}",
        *(since, command.pk, log.of_tenant(press.tenant_id), press.call_pk, press.tenant_id),
        along=("account",),
    )
    if found is None:
        return None
    (state, waited_for, doubted, *head), call = found
    return ToSettle(call, state == Command.State.CLAIMED, bool(waited_for), bool(doubted), log.place(*head))

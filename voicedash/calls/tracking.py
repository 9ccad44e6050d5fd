"""How we learn of calls: ids typed in and Bandwidth's listing enter the model here, and only here.

Idempotent, and tolerant of disorder: older news changes nothing, no news writes nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from django.utils import timezone

from voicedash.bandwidth.listing import CallState
from voicedash.calls.ids import Typed
from voicedash.calls.models import Call
from voicedash.tenants.board import writing
from voicedash.tenants.models import BandwidthAccount, Tenant, User

T = TypeVar("T")
AT_ONCE = 100  # rows a transaction: a press must never wait long for the tenant's lock


@dataclass
class Added:
    """What came of typed ids, for the person who typed them."""

    added: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    hints: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Learned:
    """How many calls a listing put onto the board, and how many it ended."""

    added: int = 0
    ended: int = 0


def add_typed(tenant: Tenant, typed: Typed, *, account: BandwidthAccount | None, by: User) -> Added:
    """Puts typed ids onto the board, without asking Bandwidth.

    Each belongs to the account of its URL, else to `account`, else to the one the tenant added first.
    """
    result = Added(refused=list(typed.refused))
    accounts = {one.account_id: one for one in BandwidthAccount.objects.filter(tenant=tenant).order_by("pk")}
    usual = account or next(iter(accounts.values()), None)
    places: dict[str, BandwidthAccount] = {}
    for call_id, account_id in typed.ids.items():
        if account_id and account_id not in accounts:
            # With its account, as it was pasted: typed again alone it would go to another one.
            place = f"/accounts/{account_id}/calls/{call_id}"
            result.refused.append((place, f"{account_id} is not one of your Bandwidth accounts"))
        elif usual is None:
            result.refused.append((call_id, "there is no Bandwidth account yet: ask an admin to add one"))
        else:
            places[call_id] = accounts[account_id] if account_id else usual
    for chunk in _chunks(places):
        with writing(tenant.pk) as stamp:
            known = {call.call_id: call for call in Call.objects.filter(tenant=tenant, call_id__in=chunk)}
            new = [call_id for call_id in chunk if call_id not in known]
            Call.objects.bulk_create(
                Call(
                    tenant=tenant,
                    account=places[call_id],
                    call_id=call_id,
                    added_at=stamp.now,
                    added_by=by,
                    version=stamp.version,
                )
                for call_id in new
            )
        result.added += new
        for call_id, call in known.items():
            if call.ended_at is None:
                result.already.append(call_id)
            else:
                at = timezone.localtime(call.ended_at).strftime("%H:%M")
                result.refused.append((call_id, f"Bandwidth said at {at} that this call has ended"))
    result.hints = [(call_id, hint) for call_id, hint in typed.hints if call_id in result.added]
    return result


def learn(account: BandwidthAccount, told: Iterable[CallState]) -> Learned:
    """Takes in what Bandwidth told of an account's calls: new live ones join, ended ones grey.

    Ended calls that we never showed are no news.
    """
    added = ended = 0
    for chunk in _chunks(told):
        if not any(_news(account, chunk)):
            continue
        with writing(account.tenant_id) as stamp:
            new: list[Call] = []
            for state, call in _news(account, chunk):
                columns = _columns(state)
                if call is None:
                    new.append(
                        Call(
                            tenant_id=account.tenant_id,
                            account=account,
                            call_id=state.call_id,
                            added_at=stamp.now,
                            version=stamp.version,
                            **columns,
                        )
                    )
                    continue
                if state.ended and call.ended_at is None:
                    columns["ended_at"] = stamp.now
                    ended += 1
                Call.objects.filter(pk=call.pk).update(account=account, version=stamp.version, **columns)
            Call.objects.bulk_create(new)
            added += len(new)
    return Learned(added, ended)


def _news(account: BandwidthAccount, told: list[CallState]) -> Iterator[tuple[CallState, Call | None]]:
    """What changes something: the state as told, and the call it changes (None: a new one)."""
    states: dict[str, CallState] = {}
    for state in told:  # told twice at once, the newer counts
        states[state.call_id] = max(state, states.get(state.call_id, state), key=_told_at)
    known = {call.call_id: call for call in Call.objects.filter(tenant=account.tenant_id, call_id__in=states)}
    for call_id, state in states.items():
        call = known.get(call_id)
        if call is None:
            if not state.ended:
                yield state, None
        elif not _older(state, call) and (
            call.account_id != account.pk
            or any(getattr(call, name) != value for name, value in _columns(state).items())
        ):
            yield state, call


def _told_at(state: CallState) -> datetime:
    return state.last_update or datetime.min.replace(tzinfo=UTC)


def _older(state: CallState, call: Call) -> bool:
    """Whether this is known already, or was overtaken: an end told before a 200 brought the call back stays told."""
    if call.last_update is None:
        return False
    if state.last_update is None:
        return call.ended_at is not None and not state.ended
    if state.ended and call.ended_at is None and call.end_time is None and state.last_update == call.last_update:
        return True
    return state.last_update < call.last_update


def _columns(state: CallState) -> dict[str, Any]:
    """What a listing tells, by column; what it leaves out takes nothing away."""
    told = {
        "parent_call_id": state.parent_call_id,
        "state": state.state or "unknown",
        "direction": state.direction,
        "from_address": state.from_address,
        "to_address": state.to_address,
        "start_time": state.start_time,
        "answer_time": state.answer_time,
        "end_time": state.end_time,
        "last_update": state.last_update,
    }
    return {name: value for name, value in told.items() if value}


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, AT_ONCE)):
        yield chunk

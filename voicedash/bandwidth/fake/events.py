"""The callbacks' contents as Bandwidth's pages show them, each kind with its own fields and gaps."""

from datetime import datetime
from typing import Any

from voicedash.bandwidth.fake.api import VOICE_PATH, duration_text, time_text
from voicedash.bandwidth.fake.world import FakeCall, Recorded, now

CAME, ANSWERED, ENDED, RECORDED = "came", "answered", "ended", "recorded"
# These go where the customer's flow says. All others go to the customer's own BXML application, which may forward them.
STRAIGHT = frozenset({"disconnect", "recordingAvailable", "transferDisconnect"})


def of(call: FakeCall, happening: str, parent: FakeCall | None, base: str) -> list[dict[str, Any]]:
    """The events of what has just happened to a call; `parent` is the call that was transferred to it.

    An inbound call that is answered has none: Bandwidth knows `answer` for outbound calls only.
    """
    with call.lock:
        if call.parent_call_id is not None:
            if happening == ANSWERED:
                return [_transfer_answer(call, parent, base)]
            if happening == ENDED:
                over = [_transfer_complete(call, parent, base)] if parent and parent.ended is None else []
                return [_transfer_disconnect(call, parent, base), *over]
            return []
        if happening == CAME and call.direction == "inbound":
            return [_told("initiate", call, base)]
        if happening == ANSWERED and call.direction == "outbound":
            return [_told("answer", call, base, answerTime=call.answered)]
        if happening == ENDED:
            times = {"answerTime": call.answered, "endTime": call.ended}
            return [_told("disconnect", call, base, **times, cause=call.cause)]
        return []


def recording_available(call: FakeCall, recorded: Recorded, base: str) -> dict[str, Any]:
    """Of a recording that has ended; start and end are the recording's."""
    fields = _told("recordingAvailable", call, base)
    path = f"{fields['callUrl']}/recordings/{recorded.recording_id}"
    fields |= {
        "recordingId": recorded.recording_id,
        "mediaUrl": f"{path}/media",
        "startTime": time_text(recorded.start),
        "endTime": time_text(recorded.end),
        "duration": duration_text(recorded.seconds),
        "fileFormat": "wav",
        "channels": 1,
        "status": "complete",
    }
    return fields | ({"parentCallId": call.parent_call_id} if call.parent_call_id else {})


def _told(kind: str, call: FakeCall, base: str, **more: datetime | str | None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "eventType": kind,
        "eventTime": time_text(now()),
        "accountId": call.account_id,
        "applicationId": call.application_id,
        "from": call.from_,
        "to": call.to,
        "direction": call.direction,
        "callId": call.call_id,
        "callUrl": f"{base}{VOICE_PATH}/accounts/{call.account_id}/calls/{call.call_id}",
        "startTime": time_text(call.created),
    }
    if call.direction == "outbound" and not call.parent_call_id:
        fields["enqueuedTime"] = time_text(call.created)
    for name, value in more.items():
        if value is not None:
            fields[name] = time_text(value) if isinstance(value, datetime) else value
    return fields


def _transferred(call: FakeCall, parent: FakeCall | None) -> dict[str, Any]:
    """from and to are those of the call before the transfer."""
    before = parent or call
    return {"from": before.from_, "to": before.to, "transferCallerId": call.from_, "transferTo": call.to}


def _transfer_answer(call: FakeCall, parent: FakeCall | None, base: str) -> dict[str, Any]:
    fields = _told("transferAnswer", call, base, answerTime=call.answered, parentCallId=call.parent_call_id)
    return fields | _transferred(call, parent)


def _transfer_disconnect(call: FakeCall, parent: FakeCall | None, base: str) -> dict[str, Any]:
    times = {"answerTime": call.answered, "endTime": call.ended}
    fields = _told("transferDisconnect", call, base, **times, cause=call.cause, parentCallId=call.parent_call_id)
    del fields["accountId"], fields["applicationId"]  # Bandwidth's page names neither
    return fields | _transferred(call, parent)


def _transfer_complete(call: FakeCall, parent: FakeCall, base: str) -> dict[str, Any]:
    """About the call that was transferred, which goes on; `cause` is why the other one ended."""
    fields = _told("transferComplete", parent, base, answerTime=parent.answered, cause=call.cause)
    return fields | {"transferCallerId": call.from_, "transferTo": call.to}

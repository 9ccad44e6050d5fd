"""Bandwidth's callbacks, read defensively: JSON, or the parameters of a GET, become an event (docs/bandwidth.md §6).

Nothing but what is named here is taken out of them: other fields hold what a caller typed or said.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from voicedash.bandwidth.listing import ENDED, CallState, RecordingMetadata, calls_in, recordings_in

INITIATE, ANSWER, DISCONNECT = "initiate", "answer", "disconnect"
TRANSFER_ANSWER, TRANSFER_DISCONNECT = "transferAnswer", "transferDisconnect"
# Bandwidth's pages say recordComplete, its description recordingComplete.
RECORDINGS = frozenset({"recordingAvailable", "recordComplete", "recordingComplete"})
_STATES = {
    INITIATE: "initiated",
    ANSWER: "answered",
    DISCONNECT: ENDED,
    TRANSFER_ANSWER: "answered",
    TRANSFER_DISCONNECT: ENDED,
}
# Sent while a call goes on. Of these only when it was answered is taken: they tell nothing else of its state.
_DURING = frozenset(
    {
        "bridgeComplete",
        "bridgeTargetComplete",
        "dtmf",
        "gather",
        "machineDetectionComplete",
        "recordComplete",
        "recordingComplete",
        "redirect",
        "transferComplete",
    }
)
_OTHERS = frozenset(
    {
        "conferenceCompleted",
        "conferenceCreated",
        "conferenceMemberExit",
        "conferenceMemberJoin",
        "conferenceRecordingAvailable",
        "conferenceRedirect",
        "transcriptionAvailable",
    }
)
KINDS = frozenset(_STATES) | RECORDINGS | _DURING | _OTHERS
_ABOUT_THE_RECORDING = RECORDINGS | {"transcriptionAvailable"}  # their startTime and endTime are the recording's
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_ACCOUNT = re.compile(r"[0-9]{4,10}")
_CALL_URL = re.compile(r"/accounts/([0-9]{4,10})/calls/")
MOST_FIELDS = 200  # of a GET
OTHER_ACCOUNT = "?"  # named, and no account id can be that


class Unreadable(Exception):
    """Not an event; says why, without a word of what it held."""


@dataclass(frozen=True)
class Event:
    """One callback. `kind` is Bandwidth's eventType, also one that we do not know; `at` its eventTime, in UTC.

    `account_id` is "" where it names none: those about members of a conference do not, nor does transferDisconnect.
    """

    kind: str
    account_id: str
    at: datetime | None
    about: CallState | None  # the call as the fields tell it, its state apart
    recording: RecordingMetadata | None

    @property
    def call(self) -> CallState | None:
        """What it says of a call, for `calls.tracking.learn`; None where it says nothing of whether one goes on.

        recordingAvailable is none of these: it comes during a call as well as minutes after its end.
        """
        if self.about is None:
            return None
        about = replace(self.about, event=True)
        if self.kind in _STATES:
            state = _STATES[self.kind]
            # A time that is missing is that of what it tells, which is a little older than the telling.
            at = self.at or (about.end_time if state == ENDED else about.answer_time or about.start_time)
            return replace(about, state=state, end_time=about.end_time if state == ENDED else None, last_update=at)
        if self.kind in _DURING and about.answer_time is not None:
            # As of then, and so no newer than anything else that is known: it brings a call that nobody has heard
            # of onto the board, and changes none.
            return replace(about, state="answered", end_time=None, last_update=about.answer_time)
        return None


def fields_in(body: bytes) -> dict[str, Any]:
    """The fields in a POST's body. Raises Unreadable."""
    try:
        fields = json.loads(body)
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error.msg} at {error.pos}") from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {type(error).__name__}") from None
    if not isinstance(fields, dict):
        raise Unreadable("JSON, but no object")
    return fields


def fields_of(query: bytes) -> dict[str, Any]:
    """The fields in a GET's parameters, or in a form. Raises Unreadable."""
    try:
        return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Unreadable(f"more than {MOST_FIELDS} fields") from None


def event_in(fields: dict[str, Any]) -> Event:
    """The event in a callback's fields. Raises Unreadable where they have no eventType."""
    kind = fields.get("eventType")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise Unreadable("no eventType")
    told = {name: value for name, value in fields.items() if name != "state"} | {"lastUpdate": fields.get("eventTime")}
    if kind in _ABOUT_THE_RECORDING:
        told |= {"startTime": None, "endTime": None}
    if kind in {TRANSFER_ANSWER, TRANSFER_DISCONNECT} or fields.get("parentCallId"):
        # About the leg that a transfer made: from and to are those of the call before it.
        told |= {"from": fields.get("transferCallerId"), "to": fields.get("transferTo")}
    # The time stands in every item, so that a callback without a call still has one.
    (timed,) = calls_in([told | {"callId": "none"}])
    about = next(iter(calls_in([told])), None)
    recording = next(iter(recordings_in([fields])), None) if kind in RECORDINGS else None
    return Event(kind, _account_in(fields), timed.last_update, about, recording)


def _account_in(fields: dict[str, Any]) -> str:
    """The account that a callback names, or that stands in the call's address; "" where there is neither."""
    named = fields.get("accountId")
    if named not in (None, ""):
        return str(named) if isinstance(named, str | int) and _ACCOUNT.fullmatch(str(named)) else OTHER_ACCOUNT
    url = fields.get("callUrl")
    found = _CALL_URL.search(url) if isinstance(url, str) else None
    return found[1] if found else ""

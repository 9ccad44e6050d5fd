"""What the service does with a request when nothing goes wrong: paths, credentials, PUT, reads, token."""

import base64
import binascii
import json
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from voicedash.bandwidth.fake.accounts import VOICE_ROLE
from voicedash.bandwidth.fake.messages import Reply, Request, error_reply, json_reply
from voicedash.bandwidth.fake.world import FakeCall, Told, World

VOICE_PATH = "/api/v2"
TOKEN_PATH = "/api/v1/oauth2/token"
_PATHS: list[tuple[str, str, re.Pattern[str]]] = [
    ("put", "PUT", re.compile(r"/accounts/(?P<account>[^/]+)/calls/(?P<call>[^/]+)/recording")),
    ("recordings", "GET", re.compile(r"/accounts/(?P<account>[^/]+)/calls/(?P<call>[^/]+)/recordings")),
    ("get", "GET", re.compile(r"/accounts/(?P<account>[^/]+)/calls/(?P<call>[^/]+)")),
    ("list", "GET", re.compile(r"/accounts/(?P<account>[^/]+)/calls")),
]
_ANY_ACCOUNT = re.compile(r"/accounts/(?P<account>[^/]+)")
_METHODS = {"token": "POST"} | {kind: method for kind, method, _ in _PATHS}


def understand(request: Request, world: World) -> None:
    """Fills in what the request is about: kind, account, call, wanted state, kind of credential."""
    scheme = request.authorization.partition(" ")[0].lower()
    request.authorization_kind = scheme if scheme in ("basic", "bearer") else ""
    path = urlsplit(request.path).path
    if path == TOKEN_PATH:
        request.kind = "token"
        client_id = (_basic(request.authorization) or ("", ""))[0]
        request.account_id = next((key for key, one in world.accounts.items() if one.client_id == client_id), "")
        return
    for kind, _, pattern in _PATHS:
        if path.startswith(VOICE_PATH) and (match := pattern.fullmatch(path, len(VOICE_PATH))):
            request.kind = kind
            request.account_id = unquote(match["account"])
            request.call_id = unquote(match.groupdict().get("call") or "")
            break
    else:
        if match := _ANY_ACCOUNT.match(path, len(VOICE_PATH)):
            request.account_id = unquote(match["account"])
    if request.kind == "put":
        request.state = _wanted(request.body)[0]


def perform(request: Request, world: World, base: str) -> Reply:
    """Does what the request asks, if it may, and answers; `base` is scheme and host of this server."""
    if request.kind == "token":
        return _token(request, world)
    if refusal := _refused(request, world):
        return refusal
    if not request.kind:
        return error_reply(404, request, "Not Found")
    if request.method != _METHODS[request.kind]:
        return error_reply(405, request)
    if request.kind == "put":
        return _put(request, world)
    if request.kind == "list":
        return _list(request, world, base)
    call = world.find_call(request.account_id, request.call_id)
    told = world.shown(call) if call is not None else None
    if request.kind == "recordings":
        return json_reply(_recordings(call, base) if call and told else [])  # an unknown call has [] too, not 404
    return json_reply(_call_state(call, told)) if call and told else error_reply(404, request)


def _basic(authorization: str) -> tuple[str, str] | None:
    """Name and secret of a Basic header, None where it is not one."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, secret) if scheme.lower() == "basic" and colon else None


def _refused(request: Request, world: World) -> Reply | None:
    """401 without a good credential, 403 where it does not reach this account or the Voice API."""
    allowed: frozenset[str] | None = None
    if request.authorization_kind == "bearer":
        allowed = world.accounts_of_token(request.authorization.partition(" ")[2].strip())
    elif pair := _basic(request.authorization):
        allowed = world.accounts_of_user(*pair)
    if allowed is None:
        return error_reply(401, request)
    if request.account_id not in allowed or VOICE_ROLE not in world.accounts[request.account_id].roles:
        return error_reply(403, request)
    return None


def _token(request: Request, world: World) -> Reply:
    if request.method != "POST":
        return error_reply(405, request)
    if "client_credentials" not in parse_qs(request.body.decode("latin-1")).get("grant_type", []):
        return json_reply({"error": "unsupported_grant_type"}, status=400)
    issued = world.issue_token(*(_basic(request.authorization) or ("", "")))
    if issued is None:
        return error_reply(401, request)
    token, seconds = issued
    return json_reply({"access_token": token, "token_type": "Bearer", "expires_in": int(seconds)})


def _wanted(body: bytes) -> tuple[str, str]:
    """The wanted state ("" where there is none) and what is wrong with the body ("" where nothing is)."""
    try:
        value = json.loads(body)
    except ValueError:
        return "", "Bad Request"
    state = value.get("state") if isinstance(value, dict) else None
    if not isinstance(state, str):
        return "", "state is required"
    return state, "" if state in ("paused", "recording") else "Invalid state: must be paused or recording"


def _put(request: Request, world: World) -> Reply:
    if request.header("Content-Type").partition(";")[0].strip().lower() != "application/json":
        return error_reply(415, request)
    state, wrong = _wanted(request.body)
    if wrong:
        return error_reply(400, request, wrong)
    with world.lock:  # one lock from the judgement to the effect: a call cannot end in between
        call = world.find_call(request.account_id, request.call_id)
        refusal = 404 if call is None else call.refusal()
        if call is None or refusal is not None:
            return error_reply(refusal or 404, request)
        request.effect_at = call.command(state)
    return Reply(200)


def _list(request: Request, world: World, base: str) -> Reply:
    url = urlsplit(request.path)
    query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
    after: tuple[datetime, int] | None = None
    try:
        size = int(query.get("pageSize", "1000"))
        if not 1 <= size <= 10000:
            raise ValueError("out of range")
        floor = _moment(query["minStartTime"]) if "minStartTime" in query else None
        ceiling = _moment(query["maxStartTime"]) if "maxStartTime" in query else None
        after = (floor, -1) if floor else None
        if "pageToken" in query:
            told = json.loads(base64.urlsafe_b64decode(query["pageToken"]))
            after = (datetime.fromisoformat(told[0]), int(told[1]))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        return error_reply(400, request, f"Invalid query: {error}")
    calls = world.listed(request.account_id, after)
    if floor or ceiling:
        calls = [(call, told) for call, told in calls if told.state != "queued"]
    if ceiling:
        calls = [(call, told) for call, told in calls if call.created <= ceiling]
    calls = [(call, told) for call, told in calls if query.get("to", call.to) == call.to]
    calls = [(call, told) for call, told in calls if query.get("from", call.from_) == call.from_]
    calls = [(call, told) for call, told in calls if query.get("disconnectCause", told.cause) == told.cause]
    headers: tuple[tuple[str, str], ...] = ()
    page = calls[:size]
    if len(calls) > size:
        mark = json.dumps([page[-1][0].created.isoformat(), page[-1][0].number]).encode()
        following = urlencode(query | {"pageToken": base64.urlsafe_b64encode(mark).decode()})
        headers = (("Link", f'<{base}{url.path}?{following}>; rel="next"'),)
    return json_reply([_call_state(call, told) for call, told in page], headers=headers)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def time_text(moment: datetime | None) -> str | None:
    """A time as Bandwidth writes it; None for none."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def _call_state(call: FakeCall, told: Told) -> dict[str, object]:
    """A call as both reads tell it. No field tells the recorder: Bandwidth has none."""
    return {
        "applicationId": call.application_id,
        "accountId": call.account_id,
        "callId": call.call_id,
        "parentCallId": call.parent_call_id,
        "to": call.to,
        "from": call.from_,
        "direction": call.direction,
        "state": told.state,
        "stirShaken": None,
        "identity": None,
        "enqueuedTime": time_text(call.created) if call.direction == "outbound" else None,
        "startTime": time_text(call.created) if told.state != "queued" else None,
        "answerTime": time_text(told.answered),
        "endTime": time_text(told.ended),
        "disconnectCause": told.cause,
        "errorMessage": None,
        "errorId": None,
        "lastUpdate": time_text(told.updated),
    }


def _recordings(call: FakeCall, base: str) -> list[dict[str, object]]:
    """The recordings of an ended call, whose duration lacks what was paused."""
    with call.lock:
        if call.ended is None or call.answered is None or not call.recorded:
            return []
        path = f"{base}{VOICE_PATH}/accounts/{call.account_id}/calls/{call.call_id}/recordings/{call.recording_id}"
        # Of these, the official description lets only mediaUrl and transcription be null; the others are left out.
        parent = {"parentCallId": call.parent_call_id} if call.parent_call_id else {}
        return [
            {
                "applicationId": call.application_id,
                "accountId": call.account_id,
                "callId": call.call_id,
                "recordingId": call.recording_id,
                "to": call.to,
                "from": call.from_,
                "duration": duration_text(call.recorded_seconds()),
                "direction": call.direction,
                "channels": 1,
                "startTime": time_text(call.answered),
                "endTime": time_text(call.ended),
                "fileFormat": "wav",
                "status": "complete",
                "mediaUrl": f"{path}/media",
                "transcription": None,
                **parent,
            }
        ]


def duration_text(seconds: float) -> str:
    """ISO 8601, as Java writes it: PT13.67S, PT2M3S, PT1H."""
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    second = f"{rest:.3f}".rstrip("0").rstrip(".")
    text = "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    return text if text != "PT" and second == "0" else f"{text}{second}S"

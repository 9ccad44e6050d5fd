"""What goes over the wire: the request as it is remembered, the answer, and Bandwidth's own error texts."""

import json
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

JSON = "application/json;charset=UTF-8"

# type and description per status, from Bandwidth's error page; `{id}` stands for the call id.
_ERRORS: dict[int, tuple[str, str]] = {
    400: ("validation", "There is something wrong with the request"),
    401: ("authentication-error", "The credentials provided were invalid"),
    403: ("authorization-error", "Access is denied"),
    404: ("validation", "Call [{id}] not found"),
    405: ("validation", "Method Not Allowed"),
    409: ("validation", "Call [{id}] cannot be modified in its current state"),
    415: ("validation", "Content type '{content_type}' not supported"),
    429: ("error", "Account call creation rate limit exceeded"),
    500: ("internal-error", "An unknown internal error occurred"),
    503: ("system-overloaded", "Managing too many concurrent calls"),
}


@dataclass(eq=False)
class Request:
    """One request that arrived. `status` and `effect_at` are filled in when they become true, perhaps much later.

    `at` and `effect_at` are monotonic seconds; `kind` is put, list, get, recordings, token or "" (no such path);
    `connection` counts the connections, so that two requests with one number shared a socket.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    connection: int = 0
    kind: str = ""
    account_id: str = ""
    call_id: str = ""
    state: str = ""
    authorization_kind: str = ""
    status: int | None = None
    effect_at: float | None = None
    fault: str = ""
    authorization: str = field(default="", repr=False)  # as it came: compared, never shown

    def header(self, name: str) -> str:
        """The value of the header `name` (any case), or ""."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


@dataclass(frozen=True)
class Reply:
    """One answer, before it is bytes."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def to_bytes(self, *, keep_alive: bool, claim_more: int = 0) -> bytes:
        """The answer for the wire; `claim_more` makes Content-Length lie by that many bytes."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [
            f"HTTP/1.1 {self.status} {phrase}",
            f"Date: {formatdate(usegmt=True)}",
            f"Content-Length: {len(self.body) + claim_more}",
        ]
        if self.content_type:
            lines.append(f"Content-Type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not keep_alive:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


def json_reply(value: object, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """An answer with `value` as JSON."""
    return Reply(status, json.dumps(value).encode(), JSON, headers)


def error_reply(status: int, request: Request, description: str = "") -> Reply:
    """Bandwidth's answer for an error `status`; the token endpoint has a shape of its own."""
    if request.kind == "token":
        if status in (400, 401, 403):
            return json_reply({"error": "invalid_client", "error_description": "Client not accepted"}, status=status)
        return Reply(status)  # seen from Bandwidth: a degraded token answer has neither body nor content type
    kind, text = _ERRORS.get(status, ("error", "Unexpected"))
    if status == 404 and not request.call_id:
        text = "Not Found"
    text = description or text.format(id=request.call_id, content_type=request.header("Content-Type"))
    return json_reply({"type": kind, "description": text, "id": "" if status in (409, 429) else None}, status=status)

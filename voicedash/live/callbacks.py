"""Takes in Bandwidth's callbacks, on the event loop: behind no page, and on no thread of a press.

Bandwidth signs in by challenge: its first request is bare, and a 401 that names Basic brings the second. So who asks
is judged before anything else of a request is, and every refusal is the same answer.
"""

import asyncio
import base64
import binascii
import logging
import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import Error as DatabaseProblem
from django.db import connections

from voicedash.bandwidth.callbacks import KINDS, Event, Unreadable, event_in, fields_in, fields_of
from voicedash.calls import callbacks as effects
from voicedash.calls.callbacks import Arrived
from voicedash.live import heard, odd
from voicedash.live.bodies import Bodies, Gone, Receive, Refusal, Scope, Send
from voicedash.live.doors import Doorkeeper
from voicedash.live.odd import Odd
from voicedash.live.store import Full, Limits, Store, TooLate
from voicedash.tenants.board import database_time

logger = logging.getLogger(__name__)

PREFIX = "/callbacks/"
_PATH = re.compile(r"/callbacks/([A-Za-z0-9_-]{1,64})/?")
_FORM = b"application/x-www-form-urlencoded"
TELL_EVERY = 2.0  # seconds between two writings of what was heard
LONGEST = 64 * 1024  # bytes of a callback; Bandwidth's have one or two thousand
LINGER = 1.0  # seconds
_MORE = {
    401: [(b"www-authenticate", b'Basic realm="voicedash"')],
    405: [(b"allow", b"GET, POST")],
    503: [(b"retry-after", b"5")],
}
_SENTENCES = {
    401: b"Sign in with the user and password that the administration shows once.",
    405: b"Callbacks come by POST, or by GET.",
    500: b"voicedash could not take this in.",
    503: b"voicedash cannot keep this now: it was not taken in. Send it again.",
}


@dataclass(frozen=True)
class Letter:
    """A callback as it came: its event, why it will change nothing ("" where it may), its fields, when (monotonic)."""

    event: Event | None
    why: str
    fields: dict[str, Any] | None
    came: float = field(default_factory=time.monotonic)

    @property
    def kind(self) -> str:
        """The word under which an admin finds when it came."""
        if self.event is None:
            return heard.UNREADABLE
        return self.event.kind if self.event.kind in KINDS else heard.UNKNOWN


class Callbacks:
    """The lane of callbacks of this process."""

    def __init__(self, limits: Limits | None = None, bodies: Bodies | None = None) -> None:
        self.bodies = bodies or Bodies(size=LONGEST, together=32 * 2**20, seconds=10)
        self.doorkeeper = Doorkeeper()
        self.store: Store[Letter] = Store(write, limits or Limits())
        self.ears = heard.Ears()
        self._telling: asyncio.Task[None] | None = None
        self._warned = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = b""
        try:
            status = await self._status(scope, receive)
        except Gone:
            return
        except Refusal as refusal:
            status, text = refusal.status, refusal.text
        if status in {401, 405, 503}:
            await _pass_over(scope, receive)
        await _answer(scope, send, status, text)

    @property
    def running(self) -> int:
        """How many callbacks wait to be written."""
        return self.store.held

    async def close(self) -> None:
        if self._telling:
            self._telling.cancel()
        try:
            await asyncio.to_thread(_tell, self.ears.take())
        except DatabaseProblem:
            logger.info("when callbacks came last could not be written at the end")
        self.store.close()
        self.doorkeeper.close()

    async def _admitted(self, scope: Scope, username: str, password: bytes) -> int | None:
        """Whose callback it is; None where these are not the tenant's credentials. Raises DatabaseError."""
        match = _PATH.fullmatch(scope["path"])
        key = match[1] if match else ""
        doors = await self.doorkeeper.doors()
        opened = doors.opens(key, username, password)
        tenant_id = doors.tenants.get(key)
        if not opened and tenant_id is not None:
            self._note(tenant_id, heard.REFUSED)
        return tenant_id if opened else None

    async def _status(self, scope: Scope, receive: Receive) -> int:
        """Raises Gone, Refusal."""
        given = _credentials(scope)
        if given is None:  # the first request of a challenge: nobody has tried anything
            return 401
        try:
            tenant_id = await self._admitted(scope, *given)
        except DatabaseProblem:
            return 503
        return 401 if tenant_id is None else await self._take(scope, receive, tenant_id)

    async def _take(self, scope: Scope, receive: Receive, tenant_id: int) -> int:
        """The status of a callback whose sender is known. Raises Gone, Refusal."""
        if scope["method"] not in {"GET", "POST"}:
            return 405
        if self.store.full:  # before the body: whoever is sent away need not send it
            return self._sent_away()
        text = scope["query_string"] if scope["method"] == "GET" else await self.bodies.read(scope, receive)
        letter = _read(scope, text)
        self._note(tenant_id, letter.kind)
        try:
            await self.store.keep(tenant_id, letter, len(text))
        except (Full, TooLate):
            return self._sent_away()
        except Exception:  # the store has told of it
            return 500
        return 204

    def _sent_away(self) -> int:
        if time.monotonic() - self._warned > 1:
            self._warned = time.monotonic()
            logger.warning("The lane of callbacks is full, or cannot write: callbacks were sent away")
        return 503

    def _note(self, tenant_id: int, kind: str) -> None:
        self.ears.note(tenant_id, kind)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell_on())

    async def _tell_on(self) -> None:
        """Writes what was heard, a little later, as long as there is something."""
        await asyncio.sleep(TELL_EVERY)
        while seen := self.ears.take():
            try:
                await asyncio.to_thread(_tell, seen)
            except DatabaseProblem:
                self.ears.give_back(seen)
            await asyncio.sleep(TELL_EVERY)


def is_callback(scope: Scope) -> bool:
    return str(scope["path"]).startswith(PREFIX)


def write(tenant_id: int, letters: list[Letter]) -> None:
    """Lets letters of a tenant take effect, and keeps those that have none. Raises DatabaseError.

    The odd ones come last: whoever has to write the same letters again does so without a trace of the first time.
    """
    now, clock = database_time(), time.monotonic()
    times = [now - timedelta(seconds=clock - letter.came) for letter in letters]
    whys = [letter.why for letter in letters]
    arrived = {
        place: Arrived(letter.event, times[place]) for place, letter in enumerate(letters) if letter.event is not None
    }
    for place, why in effects.take_in(tenant_id, arrived).items():
        whys[place] = why
    strange = [Odd(at, why, one.fields) for at, why, one in zip(times, whys, letters, strict=True) if why]
    odd.keep(tenant_id, strange)


def _tell(seen: heard.Seen) -> None:
    try:
        heard.write(seen)
    finally:
        connections.close_all()  # this thread is anybody's


def _read(scope: Scope, text: bytes) -> Letter:
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    form = scope["method"] == "GET" or kind.partition(b";")[0].strip().lower() == _FORM
    fields = None
    try:
        fields = fields_of(text) if form else fields_in(text)
        event = event_in(fields)
    except Unreadable as error:
        return Letter(None, f"{error} ({len(text)} bytes)", fields)
    return Letter(event, "" if event.kind in KINDS else "an event type that voicedash does not know", fields)


def _credentials(scope: Scope) -> tuple[str, bytes] | None:
    """Username and password of a request; None where it has none at all, and what opens nothing where it has others."""
    given = next((value for name, value in scope["headers"] if name == b"authorization"), None)
    if given is None:
        return None
    scheme, _, encoded = given.partition(b" ")
    try:
        username, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error:
        return "", b""
    if scheme.lower() != b"basic" or not colon:
        return "", b""
    return username.decode("utf-8", "replace"), password


async def _pass_over(scope: Scope, receive: Receive) -> None:
    """Reads a short body that nobody wants, for a moment, where the connection closes with the answer.

    Unread, it would cost its sender the answer, and with a challenge the event.
    """
    closes = any(name == b"connection" and b"close" in value.lower() for name, value in scope["headers"])
    if not closes and scope.get("http_version") != "1.0":
        return
    size = 0
    try:
        async with asyncio.timeout(LINGER):
            while size < LONGEST:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        pass


async def _answer(scope: Scope, send: Send, status: int, text: bytes = b"") -> None:
    """Answers. Most refusals come before the body was read: the server passes over what is left of it.

    To close the connection instead would lose the answer to who is still sending, and with a challenge the event.
    """
    text = text or _SENTENCES.get(status, b"")
    headers = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    if status != 204:
        headers += [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
    headers += _MORE.get(status, [])
    # Whoever waits for leave to send its body may not send it at all now.
    if status != 204 and any(name == b"expect" for name, _ in scope["headers"]):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})

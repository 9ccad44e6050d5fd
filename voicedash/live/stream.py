"""The stream of changes to an open board, as an ASGI application: it stays on the loop and holds no thread."""

import asyncio
import logging
import random
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from django.conf import settings
from django.db import Error as DatabaseProblem
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host

from voicedash.live import events, protocol
from voicedash.live.bodies import Receive, Scope, Send
from voicedash.live.channels import Stream
from voicedash.live.hub import Hub, Pace
from voicedash.live.listeners import Listeners
from voicedash.tenants.access import Refusal, Seat, Sight

logger = logging.getLogger(__name__)

PATH = re.compile(r"/t/([-\w]+)/live/", re.ASCII)
RETRY = 2000  # milliseconds
PIECE = 32 * 1024  # bytes given to the server at once: what it holds for a slow reader stays small
HEAD = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_REFUSED = {Refusal.SIGNED_OUT: 401, Refusal.NOT_YOURS: 404, Refusal.ROLE: 403}
_SENTENCES = {
    400: b"This is no address of voicedash.",
    401: b"Sign in to see this board.",
    403: b"Your role does not show the calls of others yet.",
    404: b"There is no such board for you.",
    405: b"A stream can only be read.",
    503: b"Too many open boards. This one asks every few seconds instead.",
}
_AWAY = b"The database does not answer: nobody knows who may see this board."


@dataclass(eq=False)
class _Listener:
    """A stream and who reads it."""

    seat: Seat
    sight: Sight
    stream: Stream


class Streams:
    """Every open stream of this process."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self.hub = Hub(self.pace)
        self.listeners = Listeners()
        self.open: set[_Listener] = set()
        self._again: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, seat = _read(scope)
        sight = None
        if seat is not None:
            try:
                sight = await self.listeners.sight(seat)
            except DatabaseProblem:
                await _refuse(send, 503, _AWAY)
                return
            status = _REFUSED[sight.refusal] if sight.refusal else 200
        if seat is None or sight is None or status != 200:
            await _refuse(send, status)
        elif not self.listeners.enter(sight.user):
            await _refuse(send, 503)
        else:
            try:
                await self._serve(scope, receive, send, seat, sight)
            finally:
                self.listeners.leave(sight.user)

    @property
    def running(self) -> int:
        """Whether a look is under way, for which the end of the process would wait."""
        return int(self.hub.looking)

    async def close(self) -> None:
        for listener in list(self.open):
            listener.stream.end()
        if self._again:
            self._again.cancel()
        await self.hub.close()
        self.listeners.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send, seat: Seat, sight: Sight) -> None:
        stream = self.hub.join(sight.tenant, sight.presses, _since(scope))
        listener = _Listener(seat, sight, stream)
        self.open.add(listener)
        if self._again is None:
            self._again = asyncio.get_running_loop().create_task(self._ask_again())
        scope[protocol.STOP] = lambda: stream.end(events.retry(random.randint(500, 2 * RETRY)))
        gone = asyncio.ensure_future(_gone(receive, stream))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEAD})
            await send({"type": "http.response.body", "body": events.retry(RETRY), "more_body": True})
            while True:
                waiting = await stream.next()
                if not waiting:
                    break
                await self._send(send, b"".join(waiting))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            if abort := scope.get(protocol.ABORT):
                abort()
                await gone
        except OSError:
            pass
        finally:
            gone.cancel()
            self.open.discard(listener)
            self.hub.leave(sight.tenant, sight.presses, stream)

    async def _send(self, send: Send, data: bytes) -> None:
        """Raises TimeoutError where nothing is taken for long."""
        for first in range(0, len(data), PIECE):
            async with asyncio.timeout(self.pace.drop):
                await send({"type": "http.response.body", "body": data[first : first + PIECE], "more_body": True})

    async def _ask_again(self) -> None:
        """Every minute: may they still listen? Where that could not be asked, sooner again; it never ends."""
        wait = self.pace.again
        while True:
            await asyncio.sleep(wait)
            try:
                await self._ask_for_all()
                wait = self.pace.again
            except DatabaseProblem as error:  # nothing is told meanwhile either
                logger.warning("whether those who listen still may could not be asked: %s", str(error).strip())
                wait = self.pace.again / 10
            except Exception:
                logger.exception("whether those who listen still may could not be asked")
                wait = self.pace.again / 10

    async def _ask_for_all(self) -> None:
        """Asks for all in one batch, and ends the streams of those who may no longer. Raises DatabaseError."""
        listeners = list(self.open)
        if not listeners:
            return
        seen = await self.listeners.sights({listener.seat for listener in listeners})
        for listener in listeners:
            now = seen[listener.seat]
            if now != listener.sight:
                self._dismiss(listener, now)

    def _dismiss(self, listener: _Listener, now: Sight) -> None:
        version = self.hub.version(listener.sight.tenant, listener.sight.presses)
        if now.refusal is None:  # another role: its rows are others
            listener.stream.end(events.anew(version))
        else:
            why = "signed-out" if now.refusal is Refusal.SIGNED_OUT else "not-yours"
            listener.stream.end(events.bye(version, why))


def is_stream(scope: Scope) -> bool:
    return PATH.fullmatch(scope["path"]) is not None


def _read(scope: Scope) -> tuple[int, Seat | None]:
    """Whose session asks for which tenant's stream; or the status for who cannot ask so."""
    match = PATH.fullmatch(scope["path"])
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    domain, _ = split_domain_port(headers.get(b"host", ""))
    if match is None or not validate_host(domain, settings.ALLOWED_HOSTS):
        return 400, None
    if scope["method"] != "GET":
        return 405, None
    cookies = parse_cookie("; ".join(value.decode("latin1") for name, value in scope["headers"] if name == b"cookie"))
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    return (401, None) if not key else (200, Seat(key[:64], match[1]))


def _since(scope: Scope) -> int | None:
    """The version that a browser has: from where its stream broke off, else as its page says."""
    told = next((value.decode("latin1") for name, value in scope["headers"] if name == b"last-event-id"), None)
    if told is None:
        told = parse_qs(scope["query_string"].decode("latin1")).get("since", [""])[0]
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else None


async def _gone(receive: Receive, stream: Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.waiting.clear()
    stream.end()


async def _refuse(send: Send, status: int, text: bytes = b"") -> None:
    text = text or _SENTENCES[status]
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(text)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    headers += [(b"retry-after", b"10")] if status == 503 else [(b"allow", b"GET")] if status == 405 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})

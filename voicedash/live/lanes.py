"""Carries requests from the event loop into Django's threads, so that nobody slow holds a thread: a2wsgi, guarded.

a2wsgi alone would read bodies in the thread, queue without end, let `X_Forwarded_Proto` pass for
`X-Forwarded-Proto`, and lose a thread for good to a `send` that raises or never returns.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any, ParamSpec, TypeVar, cast

from a2wsgi.wsgi import WSGIResponder

from voicedash.live.bodies import BUSY, Bodies, Gone, Message, Receive, Refusal, Scope, Send

logger = logging.getLogger(__name__)

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

P = ParamSpec("P")
T = TypeVar("T")

# Django hands files over in pieces of 4 KB: with so many of them queued, a thread leaves an answer
# of up to 1 MB before its client has read it.
SEND_QUEUE = 256
BODY = "voicedash.body"  # in the scope: the request's whole body
BEGIN_BY = "voicedash.begin_by"  # in the scope: the monotonic time after which a request is not begun


@dataclass(frozen=True)
class Limits:
    """What one lane gives to those it does not know: threads, places, bytes, seconds."""

    threads: int
    backlog: int = 64  # requests that may wait for a thread
    queue_seconds: float = 5  # a press begun later than this would surprise the one who pressed
    body: int = 2 * 2**20  # bytes of one request
    bodies: int = 64 * 2**20  # bytes of all requests whose body is still arriving
    body_seconds: float = 20
    send_seconds: float = 20  # without the client taking anything


class Lane:
    """An ASGI application that runs a WSGI one in threads of its own."""

    def __init__(self, app: WSGI, name: str, limits: Limits) -> None:
        self.app = app
        self.name = name
        self.limits = limits
        self.threads = _Threads(name, limits.threads)
        self.bodies = Bodies(size=limits.body, together=limits.bodies, seconds=limits.body_seconds)

    @property
    def full(self) -> bool:
        return self.threads.held >= self.limits.threads + self.limits.backlog

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outgoing = _Outgoing(send, self.limits.send_seconds)
        try:
            if self.full:  # before the body: whoever is sent away need not send it
                raise Refusal(503, BUSY)
            body = await self.bodies.read(scope, receive)
            if self.full:  # again: while the body came, others took the places
                raise Refusal(503, BUSY)
            begin_by = time.monotonic() + self.limits.queue_seconds
            clean = scope | {"headers": _headers(scope, len(body)), BODY: body, BEGIN_BY: begin_by}
            bridge = _Bridge(cast(Any, self._begin), self.threads, SEND_QUEUE)
            await bridge(cast(Any, clean), cast(Any, _no_more), cast(Any, outgoing))
        except Gone:
            return
        except Refusal as refusal:
            if refusal.status == 503:
                logger.warning("The lane of %s is full: a request was sent away", self.name)
            await _answer(outgoing, refusal.status, refusal.text)
        except asyncio.CancelledError:  # the server stops and has waited long enough
            if not outgoing.started:
                await _answer(outgoing, 503, b"voicedash is stopping: what became of this request is not known here.")
        if outgoing.fault is not None:
            logger.warning("An answer to %s was given up: %r", self.name, outgoing.fault)

    def close(self) -> None:
        """Begins nothing more; what runs is left alone."""
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """In the thread. Who waited too long for it is told so, and nothing is done."""
        if time.monotonic() > environ["asgi.scope"][BEGIN_BY]:
            logger.warning("A request waited more than %s s in the lane of %s", self.limits.queue_seconds, self.name)
            start_response(
                "503 Service Unavailable", [(k.decode(), v.decode()) for k, v in _refusal_headers(503, BUSY)]
            )
            return [BUSY]
        environ["wsgi.input"] = BytesIO(environ["asgi.scope"][BODY])  # a2wsgi's own would ask the event loop for it
        return self.app(environ, start_response)


class _Bridge(WSGIResponder):
    """One request on its way through a thread and back."""

    def send(self, message: Any) -> None:
        """In the thread. The answer's head is not waited for: its body comes right behind it, in the same queue."""
        if message["type"] == "http.response.start":
            self.loop.call_soon_threadsafe(self.send_queue.put_nowait, message)
        else:
            super().send(message)


class _Threads(ThreadPoolExecutor):
    """A pool that knows how many requests it holds, running and waiting."""

    def __init__(self, name: str, threads: int) -> None:
        super().__init__(threads, name)
        self.held = 0
        self._counting = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with self._counting:
            self.held += 1
        try:
            future = super().submit(fn, *args, **kwargs)
        except RuntimeError:  # shut down
            self._left()
            raise
        future.add_done_callback(self._left)
        return future

    def _left(self, _: object = None) -> None:
        with self._counting:
            self.held -= 1


class _Outgoing:
    """`send` that neither raises nor waits for ever: either would hold a2wsgi's thread for good.

    After the first fault the rest of the answer is thrown away, so that its thread comes to
    an end; the server then closes the connection, as the answer was not completed.
    """

    def __init__(self, send: Send, seconds: float) -> None:
        self.send = send
        self.seconds = seconds
        self.started = False
        self.fault: Exception | None = None

    async def __call__(self, message: Message) -> None:
        if self.fault is not None:
            return
        self.started = True
        try:
            async with asyncio.timeout(self.seconds):
                await self.send(message)
        except Exception as error:
            self.fault = error


def _headers(scope: Scope, size: int) -> list[tuple[bytes, bytes]]:
    """The request's headers as WSGI may see them.

    A name with an underscore would become the variable of another header; the length is
    that of the body we read, chunked or not; cookies in several headers are one list.
    """
    headers: list[tuple[bytes, bytes]] = []
    cookies: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"cookie":
            cookies.append(value)
        elif b"_" not in name and name not in {b"content-length", b"transfer-encoding", b"proxy"}:
            headers.append((name, value))
    if cookies:
        headers.append((b"cookie", b"; ".join(cookies)))
    return [*headers, (b"content-length", b"%d" % size)]


async def _no_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _refusal_headers(status: int, text: bytes) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(text)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status == 503:
        headers.append((b"retry-after", b"2"))
    return headers


async def _answer(send: _Outgoing, status: int, text: bytes) -> None:
    # The rest of a body we did not read would be taken for the next request.
    headers = [*_refusal_headers(status, text), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})

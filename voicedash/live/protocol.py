"""Bounds the head of a request, which httptools does not: neither its size nor its time.

So it does the time of what is left of a request that was answered before it was complete.
"""

import asyncio
import socket
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 20.0
UNHEARD_MS = 30_000  # for so long what was sent may be unacknowledged
# In a request's scope: ends its connection at once, whatever waits to be sent; what the server calls when it stops.
ABORT = "voicedash.abort"
STOP = "voicedash.stop"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, closing on a head that is too large or does not come to its end."""

    _open = False  # a head has begun and is not complete
    _whole = True  # no request has begun that is not complete
    _size = 0  # bytes that came while it was
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # A browser that went without a word keeps its stream, and its place among the user's, no longer than this.
        if hasattr(socket, "TCP_USER_TIMEOUT") and (connection := transport.get_extra_info("socket")):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD_MS)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Looked at afterwards: data that brings a whole head may bring a long body as well.
        if self._open and not self.transport.is_closing():
            self._size += len(data)
            if self._size > HEAD_BYTES:
                self.send_400_response("The head of the request is too large.")
            elif self._timer is None:
                self._start_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._open = True
        self._whole = False
        self._size = 0
        cast(dict[str, Any], self.scope)[ABORT] = self.transport.abort

    def shutdown(self) -> None:
        """The server stops: a stream, which would last until it gives up waiting, is told to end."""
        super().shutdown()
        if self.cycle is not None:
            cast(dict[str, Any], self.cycle.scope).get(STOP, _nothing)()

    def on_headers_complete(self) -> None:
        self._open = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._whole = True
        if self._timer is not None:  # it was answered long ago: the next head's time begins now
            self._stop_timer()
            self._start_timer()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # Of several on one connection `cycle` is the newest: another one's body is its own reader's to wait for.
        if not (self._whole or self._open or self.transport.is_closing()) and self.cycle.response_complete:
            self._start_timer()

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _nothing() -> None:
    pass

"""Bounds the head of a request, which httptools does not: neither its size nor its time."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 20.0


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, closing on a head that is too large or does not come to its end."""

    _open = False  # a head has begun and is not complete
    _size = 0  # bytes that came while it was
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
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
        self._size = 0

    def on_headers_complete(self) -> None:
        self._open = False
        self._stop_timer()
        super().on_headers_complete()

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

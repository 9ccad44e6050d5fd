"""Reads the bodies of requests on the event loop, within limits of size and time: a slow sender costs no thread."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BUSY = b"voicedash is busy: nothing was done. Try again."


class Gone(Exception):
    """The client left before its request was complete."""


class Refusal(Exception):
    """What is answered to a request whose body is not taken."""

    def __init__(self, status: int, text: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.text = text


class Bodies:
    """The bodies that are arriving in one lane: each at most `size` bytes, all `together`, each within `seconds`."""

    def __init__(self, *, size: int, together: int, seconds: float) -> None:
        self.size = size
        self.together = together
        self.seconds = seconds
        self.arriving = 0  # bytes of bodies that are not complete

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. Raises Gone or Refusal."""
        limit = self.size
        declared = next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
        if declared > 4 * limit:
            raise Refusal(413, b"The request is too large.")
        chunks: list[bytes] = []
        size = held = 0
        try:
            async with asyncio.timeout(self.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    chunk = message.get("body", b"")
                    more = message.get("more_body", False)
                    size += len(chunk)
                    if size <= limit:
                        chunks.append(chunk)
                        if more:
                            held += len(chunk)
                            self.arriving += len(chunk)
                            if self.arriving > self.together:
                                raise Refusal(503, BUSY)
                    # What is a little too large is read to its end and thrown away: a client that
                    # is still sending when the connection closes never sees the answer.
                    elif not more or size > 4 * limit:
                        raise Refusal(413, b"The request is too large.")
                    if not more:
                        return b"".join(chunks)
        except TimeoutError:
            raise Refusal(408, b"The request took too long to arrive.") from None
        finally:
            self.arriving -= held

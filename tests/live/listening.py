"""A browser's end of a stream: raw sockets, so that nothing buffers, and the events as they come."""

import json
import re
import socket
import time
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings

PATIENCE = 10.0


@dataclass(frozen=True)
class Event:
    """One event: its id (-1: it has none), name and data."""

    id: int
    name: str
    data: str

    @property
    def rows(self) -> list[int]:
        return [int(pk) for pk in re.findall(r'<li id="call-(\d+)"', self.data)]

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Ear:
    """An open stream. `head` is its status line and headers, `raw` every byte of its body so far.

    `room`: the bytes that its side of the connection takes before it is read; 0: as many as usual.
    """

    def __init__(
        self, url: str, session: str, tenant: str = "acme", *, since: object = 0, headers: str = "", room: int = 0
    ) -> None:
        parts = urlsplit(url)
        self.socket = socket.socket()
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(PATIENCE)
        self.socket.connect((parts.hostname, parts.port))
        self.socket.sendall(
            f"GET /t/{tenant}/live/?since={since} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Cookie: {settings.SESSION_COOKIE_NAME}={session}\r\n{headers}\r\n".encode()
        )
        self._data = b""
        self.raw = bytearray()
        self.ended = False
        self.events: list[Event] = []
        self._taken = 0
        while b"\r\n\r\n" not in self._data:
            self._receive()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        self.head = head.decode()
        self.status = int(self.head.split()[1])
        self._parse()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def next(self, *names: str, within: float = PATIENCE) -> Event:
        """The next event of one of these names, others passed over; any event where none is named."""
        until = time.monotonic() + within
        while True:
            while self._taken < len(self.events):
                event = self.events[self._taken]
                self._taken += 1
                if not names or event.name in names:
                    return event
            assert not self.ended, f"the stream ended; it said {self.events[-3:]}"
            self.socket.settimeout(max(0.01, until - time.monotonic()))
            self._receive()

    def finish(self, within: float = PATIENCE) -> list[Event]:
        """Waits for the end of the stream; every event of it."""
        until = time.monotonic() + within
        while not self.ended:
            self.socket.settimeout(max(0.01, until - time.monotonic()))
            self._receive()
        return self.events

    def listen(self, seconds: float) -> list[Event]:
        """Whatever comes in so many seconds."""
        until = time.monotonic() + seconds
        before = len(self.events)
        while not self.ended and (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                self._receive()
            except TimeoutError:
                break
        self._taken = len(self.events)
        return self.events[before:]

    def _receive(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self._data += data
        if not data:
            self.ended = True
        if hasattr(self, "head"):
            self._parse()

    def _parse(self) -> None:
        while b"\r\n" in self._data:
            size, _, rest = self._data.partition(b"\r\n")
            length = int(size or b"0", 16)
            if len(rest) < length + 2:
                return
            self.raw += rest[:length]
            self._data = rest[length + 2 :]
            if length == 0:
                self.ended = True
        while (end := self.raw.find(b"\n\n", self._read)) >= 0:
            block = bytes(self.raw[self._read : end])
            self._read = end + 2
            fields: dict[str, list[str]] = {}
            for line in block.decode().split("\n"):
                name, _, value = line.partition(": ")
                fields.setdefault(name, []).append(value)
            if "event" in fields:
                self.events.append(
                    Event(int(fields.get("id", ["-1"])[0]), fields["event"][0], "\n".join(fields["data"]))
                )

    _read = 0

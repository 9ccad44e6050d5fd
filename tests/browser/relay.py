"""The way between a browser and a web process, to be cut, to fall silent, and to lead to another process."""

import re
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.serving import Node

_ASKED = re.compile(rb"GET /t/[-\w]+/live/")
_GIVEN = re.compile(rb"HTTP/1.1 200 [^\0]*?content-type: text/event-stream", re.I)


class Relay:
    """Passes bytes on between its own port and that of `node`."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.dialled = 0  # streams that were asked for
        self._flows = threading.Event()
        self._flows.set()
        self._broken = False
        self._streams: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.close()
        self.cut()
        self._flows.set()

    @property
    def streams(self) -> int:
        """How many are open now."""
        with self._lock:
            return len(self._streams)

    def cut(self) -> None:
        """Every connection ends, and new ones end at once."""
        self._broken = True
        with self._lock:
            opened = list(self._open)
        for end in opened:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def fall_silent(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._flows.clear()

    def mend(self, node: Node | None = None) -> None:
        """As at first; to `node`, where one is given."""
        self.node = node or self.node
        self._broken = False
        self._flows.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                theirs, _ = self._door.accept()
                threading.Thread(target=self._pass, args=(theirs,), daemon=True).start()

    def _pass(self, theirs: socket.socket) -> None:
        parts = urlsplit(self.node.url)
        with theirs:
            if self._broken:
                return
            try:
                ours = socket.create_connection((parts.hostname, parts.port))
            except OSError:
                return
            with ours:
                with self._lock:
                    self._open |= {theirs, ours}
                back = threading.Thread(target=self._pump, args=(ours, theirs), daemon=True)
                back.start()
                self._pump(theirs, ours)
                back.join()
                with self._lock:
                    self._open -= {theirs, ours}
                    self._streams.discard(theirs)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    self.dialled += bool(_ASKED.match(data))
                    if _GIVEN.match(data):
                        self._streams.add(target)
                self._flows.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

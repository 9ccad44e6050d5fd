"""The sockets of the stand-in: HTTP/1.1 with keep-alive, one thread a connection, closed in an instant.

Not http.server, because the faults need the bare socket: half answers, resets, one byte at a time, no answer at all.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable

from voicedash.bandwidth.fake.messages import Request

_MOST_BODY = 1_000_000  # bytes
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on with zero seconds: closing sends RST


class Stopped(Exception):
    """The server stops; whoever waits or reads lets go."""


class Connection:
    """One client's connection."""

    def __init__(self, sock: socket.socket, number: int, stopping: threading.Event) -> None:
        self.number = number
        self.keep_alive = True
        self._socket = sock
        self._stream = sock.makefile("rb")
        self._stopping = stopping

    def read(self) -> Request | None:
        """The next request, None at the end of the connection. Raises ValueError for what is not HTTP."""
        first = self._stream.readline(65536)
        at = time.monotonic()
        if not first.strip():
            return None
        method, path, version = first.decode("latin-1").split()
        headers: dict[str, str] = {}
        while (line := self._stream.readline(65536)).strip():
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise ValueError("a header without a colon")
            headers[name] = value.strip()
        if not line:
            return None
        low = {name.lower(): value for name, value in headers.items()}
        wish = low.get("connection", "").lower()
        self.keep_alive = wish == "keep-alive" if version == "HTTP/1.0" else wish != "close"
        size = int(low.get("content-length", "0"))
        if "transfer-encoding" in low or not 0 <= size <= _MOST_BODY:
            raise ValueError("a body without a plain length")
        if low.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._stream.read(size) if size else b""
        if len(body) < size:
            return None
        secret = low.get("authorization", "")
        headers = {name: "REDACTED" if name.lower() == "authorization" else value for name, value in headers.items()}
        return Request(method, path, headers, body, at, connection=self.number, authorization=secret)

    def send(self, data: bytes) -> None:
        """Writes bytes; raises OSError when nobody is there any more."""
        self._socket.sendall(data)

    def wait(self, seconds: float) -> None:
        """Lets time pass; raises Stopped at once when the server stops."""
        if self._stopping.wait(seconds):
            raise Stopped

    def close(self, *, reset: bool = False) -> None:
        """Closes from within the connection's own thread, with FIN, or with RST."""
        self.keep_alive = False
        with contextlib.suppress(OSError):
            if reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            else:
                self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._stream.close()
        self._socket.close()

    def interrupt(self) -> None:
        """Ends the connection from another thread: reads and writes of its own thread return."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class Server:
    """Listens on 127.0.0.1 and hands each request to `serve`, in the thread of its connection."""

    def __init__(self, port: int, serve: Callable[[Request, Connection], None]) -> None:
        self.stopping = threading.Event()
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: dict[Connection, threading.Thread] = {}
        self._acceptor = threading.Thread(target=self._accept, name="stand-in", daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Closes the port and every connection; what waits is let go and takes no effect."""
        self.stopping.set()
        with contextlib.suppress(OSError):  # wakes the acceptor on every system; closing its socket does not
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._acceptor.join(1)
        self._listener.close()
        with self._lock:
            still = dict(self._open)
        for connection in still:
            connection.interrupt()
        until = time.monotonic() + 1
        for thread in still.values():
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))

    def _accept(self) -> None:
        number = 0
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self.stopping.is_set():
                sock.close()
                return
            number += 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, number, self.stopping)
            thread = threading.Thread(target=self._talk, args=(connection,), name=f"stand-in-{number}", daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _talk(self, connection: Connection) -> None:
        try:
            while connection.keep_alive and not self.stopping.is_set():
                request = connection.read()
                if request is None:
                    break
                self._serve(request, connection)
        except ValueError:
            with contextlib.suppress(OSError):
                connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        except (OSError, Stopped):
            pass  # the client went away, or we do
        finally:
            connection.close()
            with self._lock:
                self._open.pop(connection, None)

"""A tiny WSGI application behind real lanes and a real uvicorn, and raw sockets to talk to it."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from voicedash.live import ports
from voicedash.live.application import Application
from voicedash.live.lanes import Limits
from voicedash.live.protocol import BoundedProtocol
from voicedash.live.tracing import Traced
from voicedash.logs import context

PATIENCE = 10.0  # seconds after which a test gives up; nothing waits for it to pass
PRESS = "/t/acme/calls/7/pause/"


class Tiny:
    """Does what the path says; `begun` is what it was asked, in order of beginning."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.environs: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.fields: list[dict[str, str]] = []  # what a line of the log written in it would carry
        self.gate = threading.Event()  # /hold and every press wait for it
        self.over = False  # the test is: whoever still waited has nobody to answer

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.begun.append(path)
        self.environs.append(environ)
        self.fields.append(context.fields())
        self.bodies.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        if path == "/hold" or path.startswith("/t/"):
            self.gate.wait(PATIENCE)
            if self.over:
                raise RuntimeError("the test is over")
        if path == "/broken":
            raise RuntimeError("broken on purpose")
        if path == "/big":
            start_response("200 OK", [("Content-Length", str(16 * 2**20))])
            return (b"x" * 4096 for _ in range(4096))
        if path == "/liar":
            start_response("200 OK", [("Content-Length", "1")])
            return [b"more than one"] * 600
        start_response(
            "200 OK",
            [("Content-Type", "text/plain"), ("Content-Length", "2"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")],
        )
        return [b"ok"]


class Site:
    """The running server of one test."""

    def __init__(self, tiny: Tiny, application: Application, server: uvicorn.Server, port: int) -> None:
        self.tiny = tiny
        self.application = application
        self.server = server
        self.port = port

    @property
    def listens(self) -> bool:
        try:
            self.connect().close()
        except ConnectionError:
            return False
        return True

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def send(self, data: bytes) -> socket.socket:
        connection = self.connect()
        connection.sendall(data)
        return connection

    def ask(self, data: bytes) -> tuple[int, bytes]:
        """Status and everything after the status line."""
        with self.send(data) as connection:
            return answer(connection)

    def hold(self, path: str, count: int, method: str = "GET") -> list[socket.socket]:
        """So many requests that run in threads until the gate opens; returns when all of them run."""
        before = len(self.tiny.begun)
        held = [self.send(request(method, path)) for _ in range(count)]
        until(lambda: len(self.tiny.begun) == before + count)
        return held


@contextmanager
def serving(
    *, pages: Limits | None = None, presses: Limits | None = None, trusted: str = "127.0.0.1"
) -> Iterator[Site]:
    """A uvicorn in a thread, with the protocol and flags that matter here as `serve` sets them."""
    tiny = Tiny()
    application = Application(tiny, pages=pages or Limits(threads=2), presses=presses or Limits(threads=2))
    listener = ports.listen("127.0.0.1", 0)
    config = uvicorn.Config(
        Traced(application, trusted),
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started)
        yield Site(tiny, application, server, listener.getsockname()[1])
    finally:
        tiny.over = True
        tiny.gate.set()
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()


def until(true: Callable[[], bool]) -> None:
    """Waits until a condition holds; fails the test when it does not come to."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A request that closes its connection, so that an answer ends with it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(connection: socket.socket) -> tuple[int, bytes]:
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    status, _, rest = data.partition(b"\r\n")
    return int(status.split()[1]), rest

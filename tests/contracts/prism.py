"""Prism, which nobody here wrote, serving Bandwidth's official description; and a relay that sees what passes."""

import http.client
import os
import re
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from voicedash.bandwidth.fake.messages import Reply, Request
from voicedash.bandwidth.fake.server import Connection, Server

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "prism"
BASE = "/api/v2"  # Prism serves the description's paths without the path of its server
START_SECONDS = 60
_OWN = {"connection", "keep-alive", "content-length", "content-type", "date", "transfer-encoding"}


class Missing(Exception):
    """What the contract tests against the description need is not here; the text says how to get it.

    `meant`: somebody wanted them to run, so that leaving them out would go unseen.
    """

    def __init__(self, text: str, *, meant: bool) -> None:
        super().__init__(text)
        self.meant = meant


def find() -> tuple[str, Path]:
    """The program and the description. Installs nothing. Raises Missing."""
    named = os.environ.get("BANDWIDTH_OPENAPI", "")
    if not named:
        text = "set BANDWIDTH_OPENAPI to Bandwidth's description of its API: bandwidth.yml of github.com/Bandwidth/python-sdk"
        raise Missing(text, meant=False)
    description = Path(named).absolute()
    if not description.is_file():
        raise Missing(f"BANDWIDTH_OPENAPI={named} is no file", meant=True)
    found = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        no_node = found.returncode == 2
        raise Missing(found.stderr.strip(), meant=os.environ.get("CI") == "true" and not no_node)
    return found.stdout.strip(), description


class Prism:
    """One Prism process: `Prism(program, "mock", description)`, or "proxy" with the address behind it as well."""

    def __init__(self, program: str, *arguments: str | Path) -> None:
        mode, *rest = map(str, arguments)
        self._command = [program, mode, "--host", "127.0.0.1", "--port", "0", "--errors", *rest]
        self.url = ""
        self.log: list[str] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
        )
        ready = threading.Event()

        def read() -> None:
            for line in self._process.stdout or []:
                self.log.append(line.rstrip())
                if found := re.search(r"listening on (http://\S+)", line):
                    self.url = found[1]
                    ready.set()
            ready.set()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        if not ready.wait(START_SECONDS) or not self.url:
            self.__exit__(None, None, None)
            raise RuntimeError("Prism did not start:\n" + "\n".join(self.log[-20:]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(10)
        self._reader.join(10)


@dataclass(frozen=True)
class Exchange:
    """One request that passed the relay, and how Prism answered. `violations`: what it found wrong, in its words."""

    request: Request
    status: int
    violations: str


class Relay:
    """Stands before Prism at `voice_url`; a client that is told nothing of Prism asks it.

    `code`: the status that Prism is asked to answer with (its header `Prefer`). `behind`: the address of the service
    that a proxying Prism asks, which in what comes back is replaced by the relay's own.
    """

    def __init__(self, prism: Prism, behind: str = "") -> None:
        self.code: int | None = None
        self.exchanges: list[Exchange] = []
        self._prism, self._behind = prism, behind

    def __enter__(self) -> Self:
        self._server = Server(0, self._serve)
        self.base_url = f"http://127.0.0.1:{self._server.port}"
        self.voice_url = self.base_url + BASE
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def _serve(self, request: Request, connection: Connection) -> None:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        headers["Authorization"] = request.authorization
        if self.code is not None:
            headers["Prefer"] = f"code={self.code}"
        there = http.client.HTTPConnection(urlsplit(self._prism.url).netloc, timeout=30)
        try:
            there.request(request.method, request.path.removeprefix(BASE), request.body or None, headers)
            answer = there.getresponse()
            body = answer.read()
        finally:
            there.close()
        told = {name.lower(): value for name, value in answer.getheaders()}
        if self._behind:
            told = {name: value.replace(self._behind, self.base_url) for name, value in told.items()}
        self.exchanges.append(Exchange(request, answer.status, told.pop("sl-violations", "")))
        passed = tuple((name, value) for name, value in told.items() if name not in _OWN)
        reply = Reply(answer.status, body, told.get("content-type", ""), passed)
        connection.send(reply.to_bytes(keep_alive=connection.keep_alive))

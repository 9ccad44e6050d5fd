"""Real processes of voicedash on the tests' database, web and worker: to be killed, suspended, driven by a browser."""

import itertools
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import requests
from django.conf import settings
from django.db import connection
from django.test import Client

from tests import statics
from tests.forked import Forked
from voicedash.tenants.models import User

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "c" * 32  # any 32 letters, the same in cookie and header, are a CSRF token
_turn = itertools.count(1)


def database_url(**options: object) -> str:
    """The tests' own database, as a process of its own must be told it; `options` only where it is PostgreSQL."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    parts = urlsplit(os.environ["DATABASE_URL"])
    given = {option: value for option, value in options.items() if value is not None}
    query = "&".join(part for part in (parts.query, urlencode(given)) if part)
    return parts._replace(path=f"/{name}", query=query).geturl()


def start(arguments: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> "subprocess.Popen[str] | Forked":
    """`python ARGUMENTS` as a machine's own start of it."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Child:
    """A process of voicedash's own, with its times scaled by `scale`, that says in a line when it is ready.

    On PostgreSQL its sessions bear the child's `name`, and `pool` is the most it may have at once.
    """

    start = staticmethod(start)  # tests fork instead; benchmarks measure what a machine would start
    kind = "child"
    ready = ""  # what the line that it waits for looks like

    def __init__(self, *, scale: float = 1.0, pool: int | None = None, voice_url: str, token_url: str) -> None:
        self.name = f"{self.kind}-{os.getpid()}-{next(_turn)}"
        self.scale = scale
        self.environment = os.environ | {
            "DATABASE_URL": database_url(application_name=self.name, max_size=pool),
            "VOICEDASH_VOICE_URL": voice_url,
            "VOICEDASH_TOKEN_URL": token_url,
            "VOICEDASH_STATIC": str(statics.collected()),
            "PYTHONPATH": str(ROOT),
        }
        self.log: list[str] = []

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def is_ready(self, found: re.Match[str]) -> None:
        """Takes in the line that said so."""

    def __enter__(self) -> Self:
        self.process = self.start(["-m", *self.arguments()], cwd=str(ROOT), env=self.environment)
        ready, ended = threading.Event(), threading.Event()

        def read() -> None:
            for line in self.process.stdout or []:
                self.log.append(line.rstrip())
                if found := re.search(self.ready, line):
                    self.is_ready(found)
                    ready.set()
            ended.set()
            ready.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        if not ready.wait(60) or ended.is_set():
            self.kill()  # or it goes on working on the database of the tests after this one
            raise AssertionError("\n".join(self.log))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self.reader.join(5)

    def kill(self) -> None:
        """As a power cut ends it."""
        self.process.kill()
        self.process.wait()

    def suspend(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class Node(Child):
    """`manage.py serve --no-worker` in a process of its own."""

    kind = "node"
    ready = r"voicedash: (http://\S+)"
    url = ""

    def arguments(self) -> list[str]:
        return ["tests.child", str(self.scale)]

    def is_ready(self, found: re.Match[str]) -> None:
        self.url = found[1].rstrip("/")

    def __enter__(self) -> Self:
        self.url = ""
        return super().__enter__()

    def browser_of(self, user: User) -> "Visitor":
        return Visitor(self.url, user)


class WorkerNode(Child):
    """`manage.py worker` in a process of its own; its machine's clock is `ahead` by so many seconds.

    `variables`: more of its environment, without the `VOICEDASH_` before each name. It follows no account unless
    SYNC_SECONDS is among them: a test's calls are in the stand-in a moment before it has them in the database.
    """

    kind = "worker"
    ready = r"voicedash worker: \S+ is at work"

    def __init__(
        self, *, scale: float = 1.0, voice_url: str, token_url: str, ahead: float = 0.0, **variables: Any
    ) -> None:
        super().__init__(scale=scale, voice_url=voice_url, token_url=token_url)
        self.ahead = ahead
        if ahead:  # its clock is set before anything is imported
            self.start = start
        given = {"SYNC_SECONDS": 0} | variables
        self.environment |= {f"VOICEDASH_{name}": str(value) for name, value in given.items()}

    def arguments(self) -> list[str]:
        return ["tests.worker_child", str(self.scale), str(self.ahead)]

    def suspend_at_rest(self) -> None:
        """Suspends it, on SQLite at a moment at which it does not hold the lock of the whole database."""
        while True:
            self.suspend()
            while not _is_stopped(self.process.pid):
                time.sleep(0.005)
            if connection.vendor != "sqlite" or _can_be_written():
                return
            self.wake()
            time.sleep(0.01)

    def stop(self, seconds: float = 20.0) -> int:
        """Tells it to end, as an init system does; gives its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def _is_stopped(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return state.stdout.startswith("T")


def _can_be_written() -> bool:
    with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=0.1, isolation_level=None)) as another:
        try:
            another.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        another.execute("ROLLBACK")
    return True


class Visitor:
    """A person's HTTP session with a node, signed in, as htmx speaks."""

    def __init__(self, url: str, user: User) -> None:
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["HX-Request"] = "true"
        self.session.headers["X-CSRFToken"] = TOKEN
        self.session.cookies.set(settings.CSRF_COOKIE_NAME, TOKEN)
        self.session.cookies.set(settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value)

    def get(self, path: str, **how: Any) -> requests.Response:
        return self.session.get(self.url + path, timeout=30, allow_redirects=False, **how)

    def post(self, path: str, **how: Any) -> requests.Response:
        return self.session.post(self.url + path, timeout=30, allow_redirects=False, **how)

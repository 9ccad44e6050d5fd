"""A real web process of voicedash on the tests' database: to be killed, suspended, and driven by a browser."""

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import requests
from django.conf import settings
from django.db import connection
from django.test import Client

from tests.environment import DATA
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


class Node:
    """`manage.py serve` in a process of its own, with every time of a press scaled by `scale`.

    On PostgreSQL its sessions bear the node's `name`, and `pool` is the most it may have at once.
    """

    def __init__(self, *, scale: float = 1.0, pool: int | None = None, voice_url: str, token_url: str) -> None:
        self.name = f"node-{os.getpid()}-{next(_turn)}"
        self.scale = scale
        self.environment = os.environ | {
            "DATABASE_URL": database_url(application_name=self.name, max_size=pool),
            "VOICEDASH_VOICE_URL": voice_url,
            "VOICEDASH_TOKEN_URL": token_url,
            "VOICEDASH_STATIC": str(DATA / "static"),
            "PYTHONPATH": str(ROOT),
        }
        self.url = ""
        self.log: list[str] = []

    def __enter__(self) -> Self:
        self.url = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.child", str(self.scale)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        ready = threading.Event()

        def read() -> None:
            for line in self.process.stdout or []:
                self.log.append(line.rstrip())
                if found := re.search(r"voicedash: (http://\S+)", line):
                    self.url = found[1].rstrip("/")
                    ready.set()
            ready.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        assert ready.wait(60) and self.url, "\n".join(self.log)
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

    def browser_of(self, user: User) -> "Visitor":
        return Visitor(self.url, user)


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

"""Empty places for a database, on the engine that the tests run on, and voicedash's commands run against them."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.serving import ROOT

POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "")


@dataclass(frozen=True)
class Place:
    """A data folder, and a database that is as empty."""

    data: Path
    url: str

    @property
    def file(self) -> Path:
        """The SQLite file, where it is one."""
        return Path(self.url.removeprefix("sqlite:///"))

    def environment(self, **variables: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"}
        return kept | {"VOICEDASH_DATA": str(self.data), "DATABASE_URL": self.url, "PORT": "0"} | variables

    def manage(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """`manage.py` as an operator runs it."""
        return self.python("manage.py", *arguments, **variables)

    def python(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """The same, left running; its output and its errors in one."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@contextmanager
def empty(data: Path) -> Iterator[Place]:
    """A place of its own; what is made on a server for it goes afterwards."""
    data.mkdir(mode=0o700, exist_ok=True)
    if not POSTGRESQL:
        yield Place(data, f"sqlite:///{data / 'db.sqlite3'}")
        return
    name = f"voicedash_place_{secrets.token_hex(4)}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield Place(data, urlsplit(POSTGRESQL)._replace(path=f"/{name}").geturl())
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

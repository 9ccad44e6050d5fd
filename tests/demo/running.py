"""Starts the real demo in a process of its own, and talks to it as a browser without JavaScript does."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from tests import migrated, statics

SERVER, WEB, WORKER = "live.child serve --no-migrate", "live.child serve --no-worker", "live.child worker"
HOUSE = Path(__file__).resolve().parents[2]
PASSWORD = "pause-the-recording"


# What must not reach the demo: each would break it, or show it real data.
POISON = {
    "DATABASE_URL": "mysql://nowhere",
    "SECRET_KEY_FILE": "/does/not/exist",
    "ALLOWED_HOSTS": "example.com",
    "DEBUG": "perhaps",
    "EMAIL_URL": "nonsense",
    "VOICEDASH_URL": "not an address",
    "VOICEDASH_VOICE_URL": "ftp://elsewhere",
    "VOICEDASH_KEYS": "not-a-key",
    "VOICEDASH_ENV_FILE": "/does/not/exist",
}


@dataclass
class Demo:
    """A demo that said its welcome. `took`: seconds from the start to that."""

    process: subprocess.Popen[str]
    address: str
    welcome: str
    took: float

    @property
    def children(self) -> dict[int, str]:
        """Its processes and theirs, by id, with their command lines."""
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        )
        fields = [line.split(None, 2) for line in listed.stdout.splitlines()]
        found: dict[int, str] = {}
        parents = {self.process.pid}
        while more := {
            int(pid): args for pid, parent, args in fields if int(parent) in parents and int(pid) not in found
        }:
            found |= more
            parents |= more.keys()
        return found

    def child(self, command: str) -> int:
        """The id of the one whose command line holds `command`. Raises LookupError while there is none."""
        for pid, line in self.children.items():
            if command in line:
                return pid
        raise LookupError(command)

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """Sends the signal; the seconds until the demo was gone."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - began


def launch(data: Path, **variables: str) -> subprocess.Popen[str]:
    """A demo on a free port in the folder `data`."""
    return subprocess.Popen(
        [sys.executable, "-m", "voicedash.demo", "--data", str(data)],
        cwd=HOUSE,
        env=os.environ | {"PORT": "0"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(data: Path, **variables: str) -> Iterator[Demo]:
    """A demo that answers; ended at the latest when the block is left."""
    began = time.monotonic()
    process = launch(data, **variables)
    try:
        yield Demo(process, *hear_welcome(process), time.monotonic() - began)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def hear_welcome(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C stops everything" in line:
            found = re.search(r"http://\S+?(?=/\s)", said)
            assert found, said
            return found[0], said
    raise AssertionError(f"the demo ended: {said}{process.stderr.read() if process.stderr else ''}")


def folder(parent: Path, *, with_tables: bool = False) -> Path:
    """A demo's folder in which static files have been collected, which alone takes longer than the rest of a start.

    `with_tables`: its database is made, too, and empty.
    """
    data = parent / "demo"
    data.mkdir()
    (data / "static").symlink_to(statics.collected())
    if with_tables:
        migrated.copy_to(data / "db.sqlite3")
    return data


def alive(pid: int) -> bool:
    """Whether it runs; one that has ended and was not asked for yet does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(found.strip()) and not found.strip().startswith("Z")


def wait_until(true: Callable[[], bool], seconds: float = 30.0, *, every: float = 0.1) -> None:
    """Waits until a condition holds, a LookupError or a refused connection counting as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(LookupError, requests.ConnectionError):
            if true():
                return
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(every)


class Visitor:
    """Somebody who signed in."""

    def __init__(self, address: str, username: str) -> None:
        self.address = address
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.get(f"{address}/accounts/login/", timeout=10).raise_for_status()
        self.landed = self.post("/accounts/login/", login=username, password=PASSWORD)

    def get(self, path: str) -> str:
        """The page at `path`."""
        answer = self.session.get(f"{self.address}{path}", timeout=10)
        answer.raise_for_status()
        return answer.text

    def post(self, path: str, **fields: str) -> requests.Response:
        """The page a form leads to, redirects followed."""
        token = next(cookie.value for cookie in self.session.cookies if cookie.name.endswith("_csrf")) or ""
        answer = self.session.post(f"{self.address}{path}", data={"csrfmiddlewaretoken": token, **fields}, timeout=30)
        answer.raise_for_status()
        return answer

    def rows(self, tenant: str) -> dict[str, dict[str, str]]:
        """The board's rows: what each says of itself, by its Bandwidth call id."""
        return rows_in(self.get(f"/t/{tenant}/"))


def rows_in(page: str) -> dict[str, dict[str, str]]:
    """The rows of a page or an answer, with `pk` and everything in `data-…`."""
    found = {}
    for pk, attributes in re.findall(r'id="call-(\d+)"([^>]*)>', page):
        told = dict(re.findall(r'data-([\w-]+)="([^"]*)"', attributes))
        if "call" in told:
            found[told["call"]] = {"pk": pk, **told}
    return found

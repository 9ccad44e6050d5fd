"""Empty places for a database, on the engine that the tests run on, and voicedash's commands run against them."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests import forked, migrated, statics
from tests.forked import Forked
from tests.serving import ROOT
from voicedash.bandwidth.fake import Fake

POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "")

# What is in a restored database, by its own process: its calls' states, its secrets, its log, its newest entry.
LOOK = """
import os, json
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voicedash.settings")
import django
django.setup()
from voicedash.audit import proof
from voicedash.calls.models import Call
from voicedash.tenants import sealing
from voicedash.tenants.models import BandwidthAccount
print(json.dumps({
    "calls": {call.call_id: call.recording for call in Call.objects.all()},
    "secrets": [sealing.open_secret(account) for account in BandwidthAccount.objects.order_by("account_id")],
    "faults": [proof.fault_in(chain) for chain in proof.chains()],
}))
"""


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
        ours = {"VOICEDASH_DATA": str(self.data), "DATABASE_URL": self.url, "PORT": "0"}
        return kept | ours | {"VOICEDASH_STATIC": str(statics.collected())} | variables

    def manage(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """`manage.py` in a process of its own."""
        return self.python("manage.py", *arguments, **variables)

    def manage_afresh(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The same as an operator's machine starts it."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def python(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """`python ARGUMENTS`, as tests.forked has it."""
        return forked.run(arguments, cwd=ROOT, env=self.environment(**variables))

    def start(self, *arguments: str, **variables: str) -> Forked:
        """The same, left running; its output and its errors in one."""
        return Forked(arguments, cwd=ROOT, env=self.environment(**variables))


@contextmanager
def empty(data: Path, *, like: Place | None = None, with_tables: bool = False) -> Iterator[Place]:
    """A place of its own, or a copy of `like`, which nobody uses; what is made on a server for it goes afterwards.

    `with_tables`: as `migrate` would leave it.
    """
    if like is None:
        data.mkdir(mode=0o700, exist_ok=True)
    else:
        shutil.copytree(like.data, data)
    if not POSTGRESQL:
        place = Place(data, f"sqlite:///{data / 'db.sqlite3'}")
        if with_tables:
            migrated.copy_to(place.file)
        yield place
        return
    name = f"voicedash_place_{secrets.token_hex(4)}"
    # As scripts/postgres has it: the database of the address itself need not exist.
    with psycopg.connect(urlsplit(POSTGRESQL)._replace(path="/postgres").geturl(), autocommit=True) as server:
        copied = urlsplit(like.url).path[1:] if like else migrated.template() if with_tables else ""
        template = f'TEMPLATE "{copied}"' if copied else ""
        server.execute(f'CREATE DATABASE "{name}" {template}')
        try:
            yield Place(data, urlsplit(POSTGRESQL)._replace(path=f"/{name}").geturl())
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def put_keys(safe: Path, place: Place) -> None:
    for path in safe.iterdir():
        shutil.copy(path, place.data)


class Serving:
    """`manage.py serve` on a restored place, as a person starts it."""

    def __init__(self, place: Place, fake: Fake) -> None:
        self.process = place.start(
            "manage.py", "serve", "--no-worker", VOICEDASH_VOICE_URL=fake.voice_url, VOICEDASH_TOKEN_URL=fake.token_url
        )

    def __enter__(self) -> str:
        said = []
        for line in self.process.stdout:
            said.append(line)
            if found := re.search(r"voicedash: (http://\S+)", line):
                return found[1]
        raise AssertionError("".join(said))

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()

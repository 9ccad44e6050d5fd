"""The first admin's link as `manage.py serve` prints it: on its standard output, and nowhere else."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests import migrated
from tests.forked import Forked
from tests.live.test_serve import BASE, Process, environment
from tests.live.wire import PATIENCE

NEW = "quite-a-long-password"
FORM = {"username": "rosa", "name": "Rosa", "password1": NEW, "password2": NEW}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a database that is up to date: what is looked at comes after that."""
    folder = tmp_path_factory.mktemp("data")
    migrated.copy_to(folder / "db.sqlite3")
    return folder


@contextmanager
def serving(data: Path, **more: str) -> Iterator[tuple[Process, Path]]:
    """The server, and the file that its standard error goes to."""
    errors = data / "stderr.txt"
    with errors.open("a") as file:
        command = ["manage.py", "serve", "--no-worker"]
        process = Forked(command, cwd=BASE, env=environment(data, **more), errors=file)
        try:
            yield Process(process), errors
        finally:
            process.kill()
            process.wait(PATIENCE)
            process.stdout.close()


def links(process: Process) -> list[str]:
    """Where it listens, and the links that it printed."""
    process.read_until("(Ctrl-C)")
    return re.findall(r"https?://\S+/setup/[\w-]{43,}/", "\n".join(process.lines))


def status(link: str, method: str = "GET") -> int:
    return requests.request(method, link, data=FORM, timeout=PATIENCE, allow_redirects=False).status_code


def test_it_prints_a_link_until_there_is_an_admin_and_only_the_newest_works(data: Path) -> None:
    with serving(data) as (process, _):
        [first] = links(process)
        assert "Open this link once, within an hour" in "\n".join(process.lines)
        assert status(first) == 200
    with serving(data) as (process, errors):
        [second] = links(process)
        older = second.rsplit("/setup/")[0] + "/setup/" + first.rsplit("/setup/")[1]
        assert (status(older), status(second)) == (404, 200)
        # What goes wrong is logged; the link is not.
        requests.post(second, data=b"x" * 30_000_000, timeout=PATIENCE)
        assert status(second, "PUT") == 405
        assert status(second, "POST") == 302
        assert status(second) == 404
        logged = errors.read_text()
        for link in (first, second):
            assert link.split("/")[-2] not in logged
    with serving(data) as (process, _):
        assert links(process) == []
        assert "/setup/" not in "\n".join(process.lines)
    for file in data.rglob("*"):
        if file.is_file():
            kept = file.read_bytes()
            assert first.split("/")[-2].encode() not in kept and second.split("/")[-2].encode() not in kept, file


def test_the_link_leads_to_the_address_that_people_use(tmp_path: Path) -> None:
    migrated.copy_to(tmp_path / "db.sqlite3")
    with serving(tmp_path, VOICEDASH_URL="https://calls.example.com") as (process, _):
        [link] = links(process)
    assert link.startswith("https://calls.example.com/setup/")

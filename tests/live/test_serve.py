"""`manage.py serve --no-worker` as whoever starts it sees it: what it prints, what it answers, how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests import forked, serving, statics
from tests.forked import Forked
from tests.live.wire import PATIENCE, PRESS, answer, request
from voicedash.live import ports

BASE = Path(__file__).resolve().parents[2]
STARTS = 90.0  # seconds: a first start migrates and collects on a busy machine

# The command with Django's application in place of a hanging one: a press that outlives the server.
HANGING = """
import os, time
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voicedash.settings")
import django
django.setup()
from django.core.management import call_command
from voicedash.live.management.commands import serve
def hang(environ, start_response):
    print("begun", flush=True)
    time.sleep(60)
serve.get_wsgi_application = lambda: hang
call_command("serve", "--no-worker")
"""


class Process:
    """A started server and what it printed until it served."""

    def __init__(self, process: "subprocess.Popen[str] | Forked") -> None:
        self.process = process
        self.lines: list[str] = []

    def read_until(self, pattern: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if found := re.search(pattern, line):
                return str(found[found.re.groups])
        raise AssertionError("it ended: " + "\n".join(self.lines))

    def stop(self, number: signal.Signals) -> tuple[int, float]:
        """The exit code and the seconds until the process was gone."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        return code, time.monotonic() - began


def environment(data: Path, **more: str) -> dict[str, str]:
    ours = {"DATABASE_URL", "TEST_DATABASE_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {"VOICEDASH_DATA": str(data), "PORT": "0", "VOICEDASH_STATIC": str(statics.collected())} | more


@contextmanager
def started(data: Path, *command: str, afresh: bool = False, **more: str) -> Iterator[Process]:
    """`afresh`: as a machine starts it."""
    start = serving.start if afresh else Forked
    arguments = command or ("manage.py", "serve", "--no-worker")
    process = start(arguments, cwd=str(BASE), env=environment(data, **more))
    try:
        yield Process(process)
    finally:
        process.kill()
        process.wait(PATIENCE)
        if process.stdout is not None:
            process.stdout.close()


def refused(data: Path, *options: str, **more: str) -> str:
    """What the command says when it does not start."""
    done = forked.run(["manage.py", "serve", *options], cwd=BASE, env=environment(data, **more), timeout=STARTS)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def site(data: Path) -> Iterator[tuple[str, Process]]:
    """The first start in a fresh data folder, where nobody has collected static files for it."""
    with started(data, afresh=True, VOICEDASH_STATIC=str(data / "static")) as process:
        address = process.read_until(r"voicedash: (http://127\.0\.0\.1:\d+)$")
        process.read_until("(Ctrl-C)")
        yield address, process


def test_a_first_start_makes_the_database_and_says_how_to_make_the_first_admin(site: tuple[str, Process]) -> None:
    said = "\n".join(site[1].lines)
    assert "Bringing the database up to date" in said
    assert "Collecting static files" in said
    assert "manage.py provision FILE" in said


def test_the_process_says_that_it_lives(site: tuple[str, Process]) -> None:
    page = requests.get(f"{site[0]}/healthz", timeout=PATIENCE)
    assert (page.status_code, page.text) == (200, "ok")
    assert "server" not in page.headers
    assert "set-cookie" not in page.headers


def test_only_reading_asks_whether_it_lives(site: tuple[str, Process]) -> None:
    assert requests.head(f"{site[0]}/healthz", timeout=PATIENCE).status_code == 200
    assert requests.post(f"{site[0]}/healthz", timeout=PATIENCE).status_code == 405


def test_the_sign_in_page_is_served(site: tuple[str, Process]) -> None:
    page = requests.get(f"{site[0]}/", timeout=PATIENCE)
    assert page.status_code == 200
    assert page.url.startswith(f"{site[0]}/accounts/login/")
    assert 'name="login"' in page.text


def test_static_files_are_served_by_hash_compressed_and_for_ever(data: Path, site: tuple[str, Process]) -> None:
    names = json.loads((data / "static" / "staticfiles.json").read_text("utf-8"))["paths"]
    for plain in ("admin/css/base.css", "django_htmx/htmx-2.min.js"):
        hashed = names[plain]
        assert hashed != plain
        for kind in ("gzip", "br"):
            page = requests.get(f"{site[0]}/static/{hashed}", timeout=PATIENCE, headers={"Accept-Encoding": kind})
            assert page.status_code == 200
            assert page.headers["Content-Encoding"] == kind
            assert "immutable" in page.headers["Cache-Control"]
            assert "X-Content-Type-Options" in page.headers


def test_a_second_start_has_nothing_to_do(data: Path, site: tuple[str, Process]) -> None:
    with started(data, VOICEDASH_STATIC=str(data / "static")) as process:
        process.read_until(r"voicedash: http")
        said = "\n".join(process.lines)
    assert "Bringing" not in said
    assert "Collecting" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_and_without_an_error_when_told_to(
    number: signal.Signals, data: Path, site: tuple[str, Process]
) -> None:
    with started(data) as process:
        address = process.read_until(r"voicedash: (http\S+)")
        assert requests.get(f"{address}/healthz", timeout=PATIENCE).status_code == 200
        code, seconds = process.stop(number)
    assert code == 0
    assert seconds < 5  # so long it would have given a request


def test_a_press_that_hangs_does_not_keep_it_from_ending(data: Path, site: tuple[str, Process]) -> None:
    with started(data, "-c", HANGING) as process:
        address = process.read_until(r"voicedash: (http\S+)")
        where = ("127.0.0.1", int(address.rpartition(":")[2]))
        with socket.create_connection(where, PATIENCE) as press:
            press.sendall(request("POST", PRESS))
            process.read_until(r"^begun")
            code, seconds = process.stop(signal.SIGTERM)
            assert answer(press)[0] == 503
    assert code == 0
    assert 4 < seconds < 9  # it was given its five seconds, and no more


def test_a_taken_port_stops_it_and_is_told(data: Path) -> None:
    with ports.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert f"Port {port} is taken" in refused(data, PORT=str(port))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"PORT": "eighty"}, "PORT: 'eighty' is not a port"),
        ({"FORWARDED_ALLOW_IPS": "proxy.local"}, "FORWARDED_ALLOW_IPS: 'proxy.local'"),
        ({"HOST": "0.0.0.0"}, "VOICEDASH_URL is not set"),
        ({"DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3"}, "The database cannot be used"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(data: Path, more: dict[str, str], told: str) -> None:
    assert told in refused(data, **more)


def test_without_leave_to_migrate_it_does_not_serve_an_old_database(tmp_path: Path) -> None:
    assert "migrations behind" in refused(tmp_path, "--no-migrate")


def test_with_a_public_address_that_one_is_printed(data: Path, site: tuple[str, Process]) -> None:
    with started(data, VOICEDASH_URL="https://calls.example.com", HOST="0.0.0.0") as process:
        assert process.read_until(r"voicedash: (\S+)") == "https://calls.example.com"

"""`manage.py serve`: web server and worker, each back when it dies, neither there when the command is gone."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.demo.running import Visitor
from tests.live.listening import Ear
from tests.live.test_serve import BASE, Process, environment, started
from tests.live.wire import PATIENCE, answer, request

WEB, WORKER = "voicedash.live.child serve", "voicedash.live.child worker"
TENANTS = """
[[tenant]]
slug = "acme"
name = "Acme"
[[tenant.member]]
username = "ana"
role = "supervisor"
password = "pause-the-recording"
"""
# The supervisor alone, with times of its own, over commands that end at once or never get to serve.
ALONE = """
import os, socket
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voicedash.settings")
import django
django.setup()
from voicedash.live import supervisor
from voicedash.live.supervisor import Part, Supervisor
{times}
listener = socket.create_server(("127.0.0.1", 0))
held = listener.fileno()
print("begins", flush=True)
Supervisor([{part}], on_ready=lambda: print("ready", flush=True)).run(listener)
print("over", flush=True)
"""
SERVES = (
    'Part("web server", ["serve", "--no-worker", "--listener", str(held)], ready_option="--ready", inherits=[held])'
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a tenant and somebody who works there."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "tenants.toml").write_text(TENANTS, "utf-8")
    for command in (["migrate", "--verbosity=0"], ["provision", str(folder / "tenants.toml")]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=BASE, env=environment(folder), check=True)
    return folder


@pytest.fixture
def site(data: Path) -> Iterator[tuple[str, Process]]:
    with started(data, "manage.py", "serve") as process:
        address = process.read_until(r"voicedash: (http\S+)")
        process.read_until("(Ctrl-C)")
        yield address, process


def children(process: Process) -> dict[str, int]:
    """The processes that it started: WEB and WORKER by id."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    fields = [line.split(None, 2) for line in listed.stdout.splitlines()]
    mine = [(int(pid), args) for pid, parent, args in fields if int(parent) == process.process.pid]
    return {kind: pid for pid, args in mine for kind in (WEB, WORKER) if kind in args}


def alive(pid: int) -> bool:
    """Whether it runs; one that has ended and was not asked for yet does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(found.strip()) and not found.strip().startswith("Z")


def eventually(true, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def ready(address: str) -> bool:
    return requests.get(f"{address}/readyz", timeout=PATIENCE).status_code == 200


def test_one_command_serves_and_works_and_each_part_is_back_when_it_dies(site: tuple[str, Process]) -> None:
    address, process = site
    eventually(lambda: ready(address))
    first = children(process)
    assert set(first) == {WEB, WORKER}

    os.kill(first[WEB], signal.SIGKILL)
    # Nobody is turned away meanwhile: the socket is held by the one that did not die.
    assert requests.get(f"{address}/healthz", timeout=30).status_code == 200
    told = json.loads(process.read_until(r"^(\{.*started again.*\})$"))
    assert told["message"] == "The web server ended by SIGKILL: it is started again in 0.5 s"
    assert told["level"] == "ERROR"

    os.kill(first[WORKER], signal.SIGKILL)
    told = json.loads(process.read_until(r"^(\{.*started again.*\})$"))
    assert told["message"] == "The worker ended by SIGKILL: it is started again in 0.5 s"
    eventually(lambda: set(children(process)) == {WEB, WORKER})
    assert not set(children(process).values()) & set(first.values())
    assert sum("started again" in line for line in process.lines) == 2
    assert sum("voicedash: http" in line for line in process.lines) == 1  # said once, whoever dies


def test_killed_itself_it_leaves_nobody_behind_and_the_port_free(site: tuple[str, Process]) -> None:
    address, process = site
    eventually(lambda: set(children(process)) == {WEB, WORKER})
    left = children(process)
    process.process.kill()
    process.process.wait(PATIENCE)
    eventually(lambda: not any(alive(pid) for pid in left.values()), 10)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{address}/healthz", timeout=PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_ends_within_seconds_with_boards_open_and_a_request_that_does_not_come_to_its_end(
    number: signal.Signals, site: tuple[str, Process]
) -> None:
    address, process = site
    where = ("127.0.0.1", int(address.rpartition(":")[2]))
    eventually(lambda: set(children(process)) == {WEB, WORKER})
    left = children(process)
    ana = Visitor(address, "ana")
    session = next(cookie.value for cookie in ana.session.cookies if cookie.name.endswith("_session")) or ""
    boards = [Ear(address, session) for _ in range(3)]
    assert [board.status for board in boards] == [200, 200, 200]
    with socket.create_connection(where, PATIENCE) as slow:
        slow.sendall(request("POST", "/accounts/login/", "Content-Length: 10", "Expect: 100-continue"))
        assert b"100 Continue" in slow.recv(1024)  # it has the request, and waits for the body
        slow.sendall(b"12345")
        code, _ = process.stop(number)
        assert answer(slow)[0] == 503
    for board in boards:
        board.close()
    assert code == 0
    assert not any(alive(pid) for pid in left.values())
    said = process.process.stdout.read() if process.process.stdout else ""
    assert "Stopped." in said
    assert "was killed" not in said  # which comes after nine seconds


def test_with_nothing_under_way_it_ends_at_once(site: tuple[str, Process]) -> None:
    _, process = site
    eventually(lambda: set(children(process)) == {WEB, WORKER})
    code, seconds = process.stop(signal.SIGTERM)
    assert code == 0
    assert seconds < 5  # so long it would have given a request


def test_what_dies_again_and_again_is_started_less_and_less_often_and_the_end_is_not_waited_for(data: Path) -> None:
    times = "supervisor.FIRST, supervisor.LONGEST = 0.05, 0.2"
    code = ALONE.format(times=times, part='Part("worker", ["no-such-command"], wait=0.05)')
    with started(data, "-c", code) as process:
        waits = [process.read_until(r"ended with status 1: it is started again in ([\d.]+) s") for _ in range(4)]
        assert waits == ["0.1", "0.1", "0.2", "0.2"]
        exit_status, seconds = process.stop(signal.SIGTERM)
    assert (exit_status, seconds < 5) == (0, True)


def test_what_lived_for_long_is_started_as_at_first(data: Path) -> None:
    code = ALONE.format(times="supervisor.LASTING = 0", part='Part("worker", ["no-such-command"])')
    with started(data, "-c", code) as process:
        assert {process.read_until(r"started again in ([\d.]+) s") for _ in range(2)} == {"0.5"}


def test_a_web_server_that_hangs_at_its_start_is_ended_and_started_again(data: Path) -> None:
    code = ALONE.format(times="supervisor.STARTS = 0.05", part=SERVES)
    with started(data, "-c", code) as process:
        process.read_until(r"(The web server did not serve within 0 s, and was ended: it is started again in 0.5 s)")
        process.read_until(r"(is started again in 1.0 s)")
        assert "ready" not in process.lines


def test_one_that_does_not_end_when_told_is_killed(data: Path) -> None:
    code = ALONE.format(times="supervisor.PATIENCE = 0.5", part=SERVES)
    with started(data, "-c", code) as process:
        process.read_until("(ready)")
        web = children(process)[WEB]
        os.kill(web, signal.SIGSTOP)
        exit_status, seconds = process.stop(signal.SIGTERM)
        process.read_until(r"(The web server did not end within 0 s, and was killed)")
    assert (exit_status, seconds < 5) == (0, True)
    assert not alive(web)

"""How the demo starts again and how it ends: nothing is left behind, and what went wrong is a sentence."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.demo.running import SERVER, WEB, WORKER, Visitor, alive, folder, launch, running, wait_until


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """A folder in which the demo has run before, and the calls that it had then."""
    data = folder(tmp_path_factory.mktemp("ran"), with_tables=True)
    with running(data) as demo:
        former = set(Visitor(demo.address, "ana").rows("acme"))
        demo.stop()
    return data, former


@pytest.fixture
def data(ran: tuple[Path, set[str]]) -> Path:
    return ran[0]


def test_the_second_start_makes_nothing_anew_and_forgets_the_former_calls(ran: tuple[Path, set[str]]) -> None:
    data, former = ran
    with running(data) as demo:
        assert "Making" not in demo.welcome
        assert "a bit longer" not in demo.welcome
        assert demo.took < 20  # five on a machine that has nothing else to do
        rows = Visitor(demo.address, "ana").rows("acme")
    assert former
    assert not former & set(rows)
    assert sum(row["state"] != "disconnected" for row in rows.values()) >= 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_process_within_ten_seconds(data: Path, number: signal.Signals) -> None:
    with running(data) as demo:
        children = demo.children
        for command in (SERVER, WEB, WORKER):
            assert any(command in line for line in children.values())
        assert demo.stop(number) < 10
        assert demo.process.returncode == 0
        assert not [pid for pid in children if alive(pid)]


def test_a_port_that_is_taken_stops_the_demo_and_is_told(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = launch(data, PORT=str(port))
        out, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"Port {port} is taken" in errors
    assert "http://" not in out


def test_a_server_that_dies_ends_the_demo_with_a_sentence(data: Path) -> None:
    with running(data) as demo:
        children = demo.children
        os.kill(demo.child(SERVER), signal.SIGKILL)
        demo.process.wait(15)
        assert demo.process.returncode == 1
        assert demo.process.stderr is not None
        assert "The server ended by SIGKILL" in demo.process.stderr.read()
        wait_until(lambda: not [pid for pid in children if alive(pid)])


def test_killed_itself_it_leaves_nobody_behind(data: Path) -> None:
    with running(data) as demo:
        children = demo.children
        demo.process.kill()
        demo.process.wait(15)
        wait_until(lambda: not [pid for pid in children if alive(pid)])

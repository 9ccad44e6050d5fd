"""`make demo`: it serves a full board, a press is acknowledged, Ctrl-C leaves nothing behind."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.running import Demo, Visitor, launch, running

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


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo has run before."""
    folder = tmp_path_factory.mktemp("demo")
    with running(folder, **POISON) as demo:
        Visitor(demo.address, "ana")
        demo.stop()
    return folder


@pytest.fixture
def demo(data: Path) -> Iterator[Demo]:
    with running(data, **POISON) as started:
        yield started


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_newcomer_finds_a_full_board_and_a_press_is_acknowledged(demo: Demo) -> None:
    ana = Visitor(demo.address, "ana")
    assert ana.landed.url == f"{demo.address}/t/acme/"
    rows = ana.rows("acme")
    live = [row for row in rows.values() if row["state"] in {"answered", "initiated"}]
    assert 12 <= len(live) <= 19  # 18 at most at once, and one may have come while another's end is not fetched yet
    chosen = next(row for row in live if row["state"] == "answered" and row["recording"] == "assumed")

    page = ana.post(f"/t/acme/calls/{chosen['pk']}/pause/", seen=chosen["version"]).text

    assert "Paused: go ahead" in page
    after = ana.rows("acme")[chosen["call"]]
    assert after["recording"] == "paused"
    assert after["asking"] == ""


def test_each_tenant_has_its_own_calls_and_a_viewer_no_buttons(demo: Demo) -> None:
    omar, vic = Visitor(demo.address, "omar"), Visitor(demo.address, "vic")
    globex = omar.rows("globex")
    assert len([row for row in globex.values() if row["state"] == "answered"]) >= 3
    assert not set(globex) & set(vic.rows("acme"))
    assert "/pause/" not in vic.get("/t/acme/")
    assert omar.session.get(f"{demo.address}/t/acme/", timeout=10).status_code == 404


def test_managers_are_told_that_a_sign_in_ends_and_supervisors_are_not(demo: Demo) -> None:
    assert "2 December 2026" in Visitor(demo.address, "mia").get("/t/acme/")
    assert "2 December 2026" not in Visitor(demo.address, "ana").get("/t/acme/")


def test_root_administers_and_no_password_is_wrong(demo: Demo) -> None:
    assert "Acme Support" in Visitor(demo.address, "root").get("/admin/tenants/tenant/")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_process_within_ten_seconds(data: Path, number: signal.Signals) -> None:
    with running(data) as demo:
        children = demo.children
        assert any("serve" in command for command in children.values())
        assert demo.stop(number) < 10
        assert demo.process.returncode == 0
        assert not [pid for pid in children if alive(pid)]


def test_the_second_start_takes_five_seconds_at_most_and_forgets_the_former_calls(data: Path) -> None:
    with running(data) as demo:
        former = Visitor(demo.address, "ana").rows("acme")
        demo.stop()
    with running(data) as demo:
        assert demo.took <= 5
        rows = Visitor(demo.address, "ana").rows("acme")
    assert not set(former) & set(rows)
    assert sum(row["state"] != "disconnected" for row in rows.values()) >= 12


def test_the_calls_come_without_a_press(demo: Demo) -> None:
    ana = Visitor(demo.address, "ana")
    before = set(ana.rows("acme"))
    deadline = time.monotonic() + 90
    while set(ana.rows("acme")) <= before:
        assert time.monotonic() < deadline
        time.sleep(1)


def test_a_port_that_is_taken_stops_the_demo_and_is_told(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = launch(data, PORT=str(port))
        out, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"Port {port} is taken" in errors
    assert "http://" not in out


def test_a_second_demo_in_the_same_folder_is_refused(data: Path, demo: Demo) -> None:
    process = launch(data)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "already" in errors
    Visitor(demo.address, "ana")  # and the first goes on


def test_a_web_server_that_dies_ends_the_demo_with_a_sentence(data: Path) -> None:
    with running(data) as demo:
        children = demo.children
        web = next(pid for pid, command in children.items() if "serve" in command)
        os.kill(web, signal.SIGKILL)
        demo.process.wait(15)
        assert demo.process.returncode == 1
        assert demo.process.stderr is not None
        assert "The web server ended by SIGKILL" in demo.process.stderr.read()
        assert not [pid for pid in children if alive(pid)]

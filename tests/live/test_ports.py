"""The port is ours from the moment it was picked, and a taken one is told with who has it."""

import os
import socket
from collections.abc import Iterator

import pytest

from tests.ports import reserved
from voicedash.live import ports


@pytest.fixture
def free() -> Iterator[int]:
    """A port that only these tests open."""
    with reserved() as port:
        yield port


@pytest.fixture
def usual(free: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port in the place of 8000, which other programs of this machine may have."""
    monkeypatch.setattr(ports, "USUAL", free)
    return free


def test_without_a_wish_the_usual_port_is_taken(usual: int) -> None:
    with ports.listen("127.0.0.1", None) as listener:
        assert listener.getsockname() == ("127.0.0.1", usual)


def test_without_a_wish_a_taken_port_is_passed_over(usual: int) -> None:
    with ports.listen("127.0.0.1", usual), ports.listen("127.0.0.1", None) as listener:
        assert usual < listener.getsockname()[1] < usual + ports.TRIES


def test_a_wished_port_is_taken(free: int) -> None:
    with ports.listen("127.0.0.1", free) as listener:
        assert listener.getsockname()[1] == free


def test_a_wished_port_that_is_taken_stops_and_tells_by_whom() -> None:
    with ports.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ports.CannotListen) as stopped:
            ports.listen("127.0.0.1", port)
    assert f"Port {port} is taken" in str(stopped.value)
    if os.path.exists("/proc/net/tcp"):
        assert f"(process {os.getpid()})" in str(stopped.value)


def test_a_picked_port_cannot_be_taken_before_the_server_runs() -> None:
    with ports.listen("127.0.0.1", 0) as listener, socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            thief.bind(listener.getsockname())


def test_nobody_is_named_for_a_port_that_nobody_has(usual: int) -> None:
    assert ports.holder(usual) == ""


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid"])
def test_an_address_that_is_not_this_machines_is_told(host: str) -> None:
    with pytest.raises(ports.CannotListen, match=f"HOST={host}"):
        ports.listen(host, 0)


@pytest.mark.parametrize(("text", "port"), [("", None), ("8000", 8000), ("0", 0), ("65535", 65535)])
def test_port_is_a_number_or_nothing(text: str, port: int | None) -> None:
    assert ports.parse(text) == port


@pytest.mark.parametrize("text", ["65536", "-1", "http", "80 80", "٣", "8000/tcp"])
def test_anything_else_is_not_a_port(text: str) -> None:
    with pytest.raises(ValueError, match="is not a port"):
        ports.parse(text)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert ports.is_loopback(host) is loopback


def test_the_printed_address_can_be_opened_in_a_browser() -> None:
    with ports.listen("0.0.0.0", 0) as everywhere, ports.listen("127.0.0.1", 0) as here:
        assert ports.address(everywhere) == f"http://localhost:{everywhere.getsockname()[1]}"
        assert ports.address(here) == f"http://127.0.0.1:{here.getsockname()[1]}"

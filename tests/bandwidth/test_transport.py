"""One deadline over a whole request: what has not left by then never leaves, and what has left is never called lost."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.bandwidth.asking import ACCOUNT, put, silent_port
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import Basic, OAuth2
from voicedash.bandwidth.errors import NeverReached, OutcomeUnknown, Refused, UnknownCall
from voicedash.bandwidth.fake import Fake, FakeCall, Fault
from voicedash.bandwidth.transport import Gate, GateClosed, within


class LookUp:
    """Name look-ups that do not return before they are let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        real = socket.getaddrinfo

        def slow(*args: Any, **kwargs: Any) -> Any:
            self.begun.set()
            self.go.wait(30)
            return real(*args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", slow)


@pytest.fixture
def look_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[LookUp]:
    slow = LookUp(monkeypatch)
    yield slow
    slow.go.set()


def ended(seconds: float = 5.0) -> bool:
    """Whether every thread that made a request has come to its end."""
    until = time.monotonic() + seconds
    for thread in threading.enumerate():
        if thread.name == "bandwidth-request":
            thread.join(max(0.0, until - time.monotonic()))
    return not any(thread.name == "bandwidth-request" for thread in threading.enumerate())


def took(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_a_request_given_up_in_a_slow_look_up_is_never_sent(
    fake: Fake, call: FakeCall, client: Client, look_up: LookUp
) -> None:
    def pressed() -> None:
        with pytest.raises(NeverReached):
            put(client, call, 0.3)

    assert 0.29 < took(pressed) < 2.0
    assert look_up.begun.is_set()
    look_up.go.set()
    assert ended()
    assert (fake.requests, call.recorder) == ([], "recording")


def test_a_look_up_that_ends_in_time_is_no_hindrance(
    fake: Fake, call: FakeCall, client: Client, look_up: LookUp
) -> None:
    threading.Timer(0.2, look_up.go.set).start()
    put(client, call)
    assert (len(fake.puts), call.recorder) == (1, "paused")


def test_a_token_fetched_in_a_slow_look_up_sends_neither_itself_nor_the_pause(
    fake: Fake, call: FakeCall, look_up: LookUp
) -> None:
    client = Client(fake.voice_url, ACCOUNT, OAuth2(fake.token_url, "CLI-1", "s"))
    with pytest.raises(NeverReached):
        put(client, call, 0.3)
    look_up.go.set()
    assert ended()
    assert fake.requests == []


@pytest.mark.parametrize("late", [0.0, 20.0])
def test_a_deadline_that_has_passed_sends_nothing(fake: Fake, call: FakeCall, client: Client, late: float) -> None:
    """As after a process was suspended between the press and its request."""
    put(client, call)
    with pytest.raises(NeverReached):
        put(client, call, -late)
    assert ended()
    assert len(fake.puts) == 1


def test_the_gate_keeps_the_deadline_even_if_nobody_closes_it() -> None:
    gate = Gate(time.monotonic() - 0.001)
    with pytest.raises(GateClosed):
        gate.pass_through(None)
    assert gate.close() is False


def test_a_closed_gate_lets_nothing_through_and_an_open_one_remembers_what_left() -> None:
    closed, passed = Gate(time.monotonic() + 5), Gate(time.monotonic() + 5)
    assert closed.close() is False
    with pytest.raises(GateClosed):
        closed.pass_through(None)
    passed.pass_through(None)
    assert passed.close() is True


@pytest.mark.parametrize("applied", [False, True])
def test_a_hang_is_unknown_at_the_deadline_and_leaves_no_thread(
    fake: Fake, call: FakeCall, client: Client, applied: bool
) -> None:
    fake.hang_next(apply=applied, seconds=30)

    def pressed() -> None:
        with pytest.raises(OutcomeUnknown):
            put(client, call, 0.4)

    assert 0.39 < took(pressed) < 2.0
    assert ended(2)
    assert call.recorder == ("paused" if applied else "recording")


def test_an_answer_byte_by_byte_is_unknown_at_the_deadline_and_not_later(
    fake: Fake, call: FakeCall, client: Client
) -> None:
    fake.trickle_next(20)

    def pressed() -> None:
        with pytest.raises(OutcomeUnknown):
            put(client, call, 0.5)

    assert 0.49 < took(pressed) < 2.0
    assert ended(2)


def test_a_token_byte_by_byte_is_never_reached_at_the_deadline(fake: Fake, call: FakeCall) -> None:
    fake.trickle_next(20, on="token")
    client = Client(fake.voice_url, ACCOUNT, OAuth2(fake.token_url, "CLI-1", "s"))

    def pressed() -> None:
        with pytest.raises(NeverReached):
            put(client, call, 0.5)

    assert took(pressed) < 2.0
    assert fake.puts == []


def test_a_slow_look_up_and_a_slow_answer_share_the_one_deadline(
    fake: Fake, call: FakeCall, client: Client, look_up: LookUp
) -> None:
    fake.delay_next(1.0)
    threading.Timer(0.5, look_up.go.set).start()

    def pressed() -> None:
        with pytest.raises(OutcomeUnknown):
            put(client, call, 1.0)

    assert took(pressed) < 1.5


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nobody_at_the_port_is_never_reached(call: FakeCall, closed_port: int, scheme: str) -> None:
    with pytest.raises(NeverReached, match="refused"):
        put(Client(f"{scheme}://127.0.0.1:{closed_port}/api/v2", ACCOUNT, Basic("u", "p")), call)


def test_a_name_that_nobody_knows_is_never_reached(call: FakeCall, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NeverReached, match="NameResolution"):
        put(Client("http://voice.invalid/api/v2", ACCOUNT, Basic("u", "p")), call)
    monkeypatch.undo()


def test_tls_to_a_port_that_speaks_none_is_never_reached(fake: Fake, call: FakeCall) -> None:
    with pytest.raises(NeverReached):
        put(Client(fake.voice_url.replace("http:", "https:"), ACCOUNT, Basic("u", "p")), call)
    assert fake.puts == []


def test_tls_that_never_answers_is_never_reached_at_the_deadline(call: FakeCall) -> None:
    with silent_port() as silent:
        client = Client(f"https://127.0.0.1:{silent.getsockname()[1]}/api/v2", ACCOUNT, Basic("u", "p"))
        with pytest.raises(NeverReached):
            put(client, call, 0.3)


def test_an_address_that_is_none_is_never_reached(call: FakeCall) -> None:
    with pytest.raises(NeverReached):
        put(Client("http://[half/api/v2", ACCOUNT, Basic("u", "p")), call)


def test_a_machine_without_threads_sends_nothing(
    fake: Fake, call: FakeCall, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(NeverReached, match="thread"):
        put(client, call)
    monkeypatch.undo()
    assert fake.requests == []


LOST: list[tuple[str, Callable[[Fake], None]]] = [
    ("closed before", lambda fake: fake.drop_next(apply=False)),
    ("closed after", lambda fake: fake.drop_next(apply=True)),
    ("reset before", lambda fake: fake.drop_next(apply=False, reset=True)),
    ("reset after", lambda fake: fake.drop_next(apply=True, reset=True)),
    ("done later", lambda fake: fake.late_next(0.1)),
    ("half an empty answer", lambda fake: fake.script(Fault("half", status=200, body=b"", ending="truncate"))),
    ("JSON that lacks its end", lambda fake: fake.script(Fault("half", status=200, body=b"{}", ending="truncate"))),
    ("half a server error", lambda fake: fake.script(Fault("half", status=500, body=b"<h", ending="truncate"))),
    ("more than it may be", lambda fake: fake.script(Fault("huge", status=200, body=b" " * 70_000))),
]


@pytest.mark.parametrize("fault", [row[1] for row in LOST], ids=[row[0] for row in LOST])
def test_what_left_without_a_whole_answer_is_unknown_and_the_next_is_as_if_nothing_was(
    fake: Fake, call: FakeCall, client: Client, fault: Callable[[Fake], None]
) -> None:
    fault(fake)
    with pytest.raises(OutcomeUnknown):
        put(client, call)
    put(client, call)
    assert [put.status for put in fake.puts][-1] == 200
    assert len(fake.puts) == 2


@pytest.mark.parametrize("status", [400, 404, 418])
def test_a_refusal_stays_one_when_its_body_breaks_off_or_never_ends(
    fake: Fake, call: FakeCall, client: Client, status: int
) -> None:
    fake.script(Fault("half", status=status, body=b'{"type"', ending="truncate"))
    fake.script(Fault("huge", status=status, body=b"<p>" * 50_000))
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            put(client, call)
        assert caught.value.status == status
        assert isinstance(caught.value, UnknownCall) == (status == 404)
    put(client, call)


def test_a_fault_of_our_own_is_unknown_once_the_first_byte_has_left() -> None:
    def broken(gate: Gate, *, sent: bool) -> None:
        if sent:
            gate.pass_through(None)
        raise KeyError("ours")

    with pytest.raises(NeverReached):
        within(time.monotonic() + 5, lambda gate: broken(gate, sent=False))
    with pytest.raises(OutcomeUnknown):
        within(time.monotonic() + 5, lambda gate: broken(gate, sent=True))

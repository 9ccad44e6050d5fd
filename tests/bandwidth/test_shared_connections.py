"""Connections serve many presses: no answer may be read by another one, and none be cut by another's deadline."""

import socket
import ssl
import threading
import time

import pytest
import requests

from tests.bandwidth.asking import ACCOUNT, put
from voicedash.bandwidth import transport
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import Basic
from voicedash.bandwidth.errors import OutcomeUnknown
from voicedash.bandwidth.fake import Fake, FakeCall
from voicedash.bandwidth.transport import Gate, within


def read_request(connection: socket.socket) -> bytes:
    """The head of one request, with its body read."""
    data = b""
    while b"\r\n\r\n" not in data:
        got = connection.recv(65536)
        if not got:
            return data
        data += got
    head, body = data.split(b"\r\n\r\n", 1)
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return head


def test_an_interim_answer_leaves_nothing_behind_for_the_next_press() -> None:
    """A proxy says 103 at once and sends the real 200 later: that one belongs to nobody else."""
    server = socket.create_server(("127.0.0.1", 0))
    second = threading.Event()

    def serve() -> None:
        first, _ = server.accept()
        read_request(first)
        first.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n")
        first.settimeout(5)
        try:
            if read_request(first):  # the next press came on the same connection: give it the old answer
                first.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                return
        except OSError:
            pass
        second.set()
        other, _ = server.accept()
        read_request(other)
        other.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    client = Client(f"http://127.0.0.1:{server.getsockname()[1]}/api/v2", ACCOUNT, Basic("u", "p"))
    with pytest.raises(OutcomeUnknown, match="103"):
        client.put_recording("c-first", "recording", deadline=time.monotonic() + 4)
    with pytest.raises(Exception) as caught:
        client.put_recording("c-second", "paused", deadline=time.monotonic() + 4)
    assert caught.value.status == 404  # type: ignore[attr-defined]
    assert second.is_set()
    server.close()


def test_a_deadline_cuts_no_connection_that_serves_another_press_by_then(
    fake: Fake, call: FakeCall, client: Client
) -> None:
    put(client, call)
    url = f"{fake.voice_url}/accounts/{ACCOUNT}/calls/{call.call_id}/recording"
    read = threading.Event()

    def slow_to_tell(gate: Gate) -> transport.Response:
        headers = {"Authorization": client.credentials.header(0)}
        request = requests.Request("PUT", url, json={"state": "paused"}, headers=headers)
        answer = transport.exchange(request, gate)
        read.set()
        fake.wait_until(lambda: False, 0.6)  # its answer is read and its connection given back
        return answer

    def give_up() -> None:
        with pytest.raises(OutcomeUnknown):
            within(time.monotonic() + 0.5, slow_to_tell)

    first = threading.Thread(target=give_up)
    first.start()
    assert read.wait(2)
    fake.delay_next(0.8)  # the second press is on the same connection when the first one's time is up
    put(client, call)
    first.join()
    assert len({request.connection for request in fake.puts}) == 1
    assert [request.status for request in fake.puts] == [200, 200, 200]


def test_giving_up_does_not_take_the_encryption_off_a_connection() -> None:
    here, there = socket.socketpair()
    context = ssl.create_default_context()
    wrapped = context.wrap_socket(here, server_hostname="voice.example", do_handshake_on_connect=False)
    gate = Gate(time.monotonic() + 5)
    gate.pass_through(wrapped)
    assert gate.close()
    with pytest.raises((OSError, ValueError)):
        wrapped.sendall(b"Authorization: Bearer never-in-the-clear")
    there.settimeout(1)
    assert b"Authorization" not in there.recv(4096)
    here.close()
    there.close()

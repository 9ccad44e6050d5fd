"""Every fault of the stand-in does what its name says and no more, because each proves one rule of the real path."""

import http.client
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests import ports
from tests.bandwidth.fake_wire import ACCOUNT, GOOD, Wire
from voicedash.bandwidth.fake import Fake, FakeCall, faults


@pytest.fixture
def fake() -> Iterator[Fake]:
    with ports.reserved() as port, Fake(port=port) as fake:
        fake.add_account(ACCOUNT, client_id="CLI-1", secret="s", username="u", password="p")
        yield fake


@pytest.fixture
def call(fake: Fake) -> FakeCall:
    return fake.add_call(ACCOUNT)


@pytest.fixture
def wire(fake: Fake) -> Iterator[Wire]:
    with Wire(fake) as wire:
        yield wire


def test_a_status_comes_instead_of_the_effect_and_only_so_often(fake: Fake, call: FakeCall, wire: Wire) -> None:
    fake.fail_next(429, times=2, retry_after="string")
    fake.fail_next(500, body="oops", content_type="text/plain")
    answers = [wire.put(call.call_id) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 500]
    assert answers[0].headers["Retry-After"] == "string"
    assert answers[0].json()["description"] == "Account call creation rate limit exceeded"
    assert (answers[2].body, answers[2].headers["Content-Type"]) == (b"oops", "text/plain")
    assert (call.recorder, fake.faults_left) == ("recording", 0)
    assert (wire.put(call.call_id).status, call.recorder) == (200, "paused")
    assert [(put.fault, put.effect_at is not None) for put in fake.puts[-2:]] == [("500", False), ("", True)]


def test_each_status_has_bandwidths_own_words(fake: Fake, call: FakeCall, wire: Wire) -> None:
    types = {}
    for status in (400, 401, 403, 404, 405, 409, 415, 429, 500, 503):
        fake.fail_next(status)
        answer = wire.put(call.call_id)
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/json;charset=UTF-8")
        types[status] = answer.json()["type"]
        assert answer.json()["id"] == ("" if status in (409, 429) else None)
    assert (types[404], types[409], types[503]) == ("validation", "validation", "system-overloaded")


def test_faults_wait_for_the_request_they_are_for(fake: Fake, call: FakeCall, wire: Wire) -> None:
    other = fake.add_call(ACCOUNT)
    fake.fail_next(503, on="list")
    fake.fail_next(502, on="token")
    fake.fail_next(500, on="get")
    fake.fail_next(504, on="recordings")
    fake.fail_next(409, call_id=other.call_id)
    fake.fail_next(418, account="9900009", on="any")
    assert wire.put(call.call_id).status == 200
    assert wire.put(other.call_id).status == 409
    assert (wire.get("/calls").status, wire.token().status) == (503, 502)
    assert wire.get(f"/calls/{call.call_id}").status == 500
    assert wire.get(f"/calls/{call.call_id}/recordings").status == 504
    assert fake.faults_left == 1


@pytest.mark.parametrize(("apply", "meanwhile"), [("before", "paused"), ("after", "recording")])
def test_a_delay_is_a_late_answer_with_an_early_or_late_effect(
    fake: Fake, call: FakeCall, wire: Wire, apply: str, meanwhile: str
) -> None:
    fake.delay_next(0.2, apply="before" if apply == "before" else "after")
    begun = time.monotonic()
    assert wire.put(call.call_id).status == 200
    assert time.monotonic() - begun >= 0.2
    assert (call.recorder_at(begun + 0.1), call.recorder) == (meanwhile, "paused")


def test_an_answer_nobody_waits_for_counts_as_none(fake: Fake, call: FakeCall, wire: Wire) -> None:
    fake.delay_next(0.2, "after")
    wire.connection.connect()
    wire.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.connection.sock.settimeout(0.1)
    with pytest.raises(TimeoutError):
        wire.put(call.call_id)
    wire.connection.close()
    assert fake.wait_until(lambda: call.recorder == "paused")
    fake.stop()  # waits for the thread that found nobody to answer
    assert fake.puts[0].status is None


@pytest.mark.parametrize("apply", [False, True])
def test_a_hang_never_answers(fake: Fake, call: FakeCall, apply: bool) -> None:
    fake.hang_next(apply=apply)
    with Wire(fake, timeout=0.2) as wire, pytest.raises(TimeoutError):
        wire.put(call.call_id)
    assert call.recorder == ("paused" if apply else "recording")
    assert (fake.puts[0].status, fake.puts[0].fault) == (None, "hang_applied" if apply else "hang")


def test_a_hang_of_given_length_closes_at_its_end(fake: Fake, call: FakeCall, wire: Wire) -> None:
    fake.hang_next(seconds=0.1)
    begun = time.monotonic()
    with pytest.raises(http.client.RemoteDisconnected):
        wire.put(call.call_id)
    assert 0.1 <= time.monotonic() - begun < 2


@pytest.mark.parametrize("apply", [False, True])
@pytest.mark.parametrize(("reset", "error"), [(False, http.client.RemoteDisconnected), (True, ConnectionResetError)])
def test_a_drop_closes_without_an_answer(
    fake: Fake, call: FakeCall, wire: Wire, apply: bool, reset: bool, error: type[Exception]
) -> None:
    fake.drop_next(apply=apply, reset=reset)
    with pytest.raises(error) as caught:
        wire.put(call.call_id)
    assert type(caught.value) is error
    assert call.recorder == ("paused" if apply else "recording")
    assert fake.puts[0].status is None


@pytest.mark.parametrize("hang", [False, True])
def test_a_late_effect_comes_after_the_connection_is_gone(fake: Fake, call: FakeCall, wire: Wire, hang: bool) -> None:
    fake.late_next(0.3, hang=hang)
    begun = time.monotonic()
    with pytest.raises(http.client.RemoteDisconnected):
        wire.put(call.call_id)
    assert (time.monotonic() - begun >= 0.3) is hang
    assert fake.wait_until(lambda: fake.puts[0].effect_at is not None)
    effect_at = fake.puts[0].effect_at
    assert effect_at is not None
    assert effect_at - begun >= 0.3
    assert (call.recorder_at(begun + 0.2), call.recorder, fake.puts[0].status) == ("recording", "paused", None)


def test_a_stop_lets_no_late_effect_through(fake: Fake, call: FakeCall, wire: Wire) -> None:
    fake.late_next(1.0)
    with pytest.raises(http.client.RemoteDisconnected):
        wire.put(call.call_id)
    begun = time.monotonic()
    fake.stop()
    assert time.monotonic() - begun < 0.9
    assert not fake.wait_until(lambda: fake.puts[0].effect_at is not None, seconds=1.1)
    assert call.recorder == "recording"


def test_garbage_and_html_are_answers_nobody_can_read(fake: Fake, call: FakeCall, wire: Wire) -> None:
    fake.html_next()
    fake.html_next(502)
    fake.garbage_next()
    pages = [wire.put(call.call_id) for _ in range(2)]
    assert [(page.status, page.headers["Content-Type"]) for page in pages] == [(200, "text/html"), (502, "text/html")]
    assert (b"<html>" in pages[0].body, call.recorder) == (True, "recording")
    answer = wire.put(call.call_id)
    assert (answer.status, answer.headers["Content-Type"], call.recorder) == (200, "application/json", "paused")
    with pytest.raises(ValueError):
        answer.json()


def test_a_truncated_answer_promises_more_than_comes(fake: Fake, call: FakeCall, wire: Wire) -> None:
    fake.truncate_next()
    with pytest.raises(http.client.IncompleteRead):
        wire.put(call.call_id)
    assert (call.recorder, fake.puts[0].status) == ("paused", 200)


def test_a_redirect_points_to_itself_or_where_one_says(fake: Fake, call: FakeCall, wire: Wire) -> None:
    fake.redirect_next()
    fake.redirect_next(302, "http://127.0.0.1:1/elsewhere")
    answers = [wire.put(call.call_id) for _ in range(2)]
    assert [answer.status for answer in answers] == [307, 302]
    assert answers[0].headers["Location"] == f"{fake.voice_url}/accounts/{ACCOUNT}/calls/{call.call_id}/recording"
    assert answers[1].headers["Location"] == "http://127.0.0.1:1/elsewhere"
    assert call.recorder == "recording"


def test_a_trickle_outlasts_a_read_timeout_that_restarts_with_every_byte(fake: Fake, call: FakeCall) -> None:
    fake.trickle_next(0.6)
    begun = time.monotonic()
    with Wire(fake, timeout=0.3) as wire:
        assert wire.put(call.call_id).status == 200
    assert time.monotonic() - begun >= 0.5


def test_a_held_account_hangs_until_released_while_another_works(fake: Fake, call: FakeCall, wire: Wire) -> None:
    fake.add_account("9900002", username="u", password="p")
    other = fake.add_call("9900002")
    fake.hold(ACCOUNT)
    held = threading.Thread(target=Wire(fake).put, args=(call.call_id,))
    held.start()
    assert fake.wait_until(lambda: len(fake.puts) == 1)
    assert wire.put(other.call_id, account="9900002").status == 200
    assert (call.recorder, fake.puts[0].status, fake.puts[0].fault) == ("recording", None, "hold")
    fake.release(ACCOUNT)
    held.join(5)
    assert (call.recorder, fake.puts[0].status) == ("paused", 200)


def test_a_hold_may_be_for_one_kind_of_request_and_a_stop_ends_it_without_effect(fake: Fake, call: FakeCall) -> None:
    fake.hold(ACCOUNT, on="put")
    with Wire(fake, timeout=0.2) as wire:
        assert wire.token().status == 200
        with pytest.raises(TimeoutError):
            wire.put(call.call_id)
    fake.stop()
    assert (call.recorder, fake.puts[0].status) == ("recording", None)


def test_any_fault_can_lie_on_the_token_endpoint(fake: Fake, wire: Wire) -> None:
    fake.token_fault(faults.html(503))
    assert [wire.token().status, wire.token().status] == [503, 503]
    fake.token_fault(None)
    fake.drop_next(on="token")
    with pytest.raises(http.client.RemoteDisconnected):
        wire.token()
    assert wire.token().status == 200
    fake.fail_next(429, on="token")
    degraded = wire.token()
    assert (degraded.status, degraded.body, degraded.headers["Content-Type"]) == (429, b"", None)


def test_a_storm_is_random_bounded_and_the_same_for_the_same_seed(fake: Fake, call: FakeCall) -> None:
    fake.storm_seconds = 0.01
    rates = {name: 1 / (len(faults.STORM) + 3) for name in faults.STORM}

    def weather(seed: int) -> list[str]:
        fake.clear_requests()
        fake.storm(rates, seed=seed)
        for _ in range(200):
            with Wire(fake) as wire:
                try:
                    wire.put(call.call_id, auth=GOOD)
                except (OSError, http.client.HTTPException):
                    pass  # what came is read from the stand-in's own record
        return [put.fault for put in fake.puts]

    first = weather(7)
    assert set(first) == {"", *faults.STORM}
    assert Counter(first)[""] > 10
    assert weather(7) == first
    assert weather(8) != first
    fake.storm(None)
    with Wire(fake) as wire:
        assert [wire.put(call.call_id).status for _ in range(20)] == [200] * 20


def test_a_storm_of_token_expiry_takes_the_token_of_that_account(fake: Fake, call: FakeCall, wire: Wire) -> None:
    auth = wire.bearer()
    fake.storm({"token_expiry": 1.0})
    assert wire.put(call.call_id, auth=auth).status == 401
    assert (fake.puts[0].fault, call.recorder) == ("token_expiry", "recording")


@pytest.mark.parametrize("rates", [{"rain": 0.1}, {"429": 1.1}, {"429": -0.1}])
def test_a_storm_that_cannot_be_is_refused(fake: Fake, rates: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        fake.storm(rates)


def test_stopping_is_instant_while_requests_hang(fake: Fake, call: FakeCall) -> None:
    fake.hang_next(times=20)
    idle = socket.create_connection(("127.0.0.1", fake.port), timeout=5)
    sockets = [socket.create_connection(("127.0.0.1", fake.port), timeout=5) for _ in range(20)]
    path = f"/api/v2/accounts/{ACCOUNT}/calls/{call.call_id}/recording"
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {GOOD}\r\nContent-Length: 0\r\n\r\n".encode()
    for one in sockets:
        one.sendall(head)
    assert fake.wait_until(lambda: len(fake.puts) == 20)
    begun = time.monotonic()
    fake.stop()
    assert time.monotonic() - begun < 5  # they hang for a minute
    assert [one.recv(10) for one in [idle, *sockets]] == [b""] * 21
    for one in [idle, *sockets]:
        one.close()

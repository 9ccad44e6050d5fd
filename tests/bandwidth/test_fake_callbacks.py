"""The stand-in sends callbacks as Bandwidth does: bare, then by challenge, once more if a connection breaks."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Unpack
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.bandwidth.fake_wire import ACCOUNT
from voicedash.bandwidth.callbacks import event_in
from voicedash.bandwidth.fake import Fake, Outbox, Weather
from voicedash.bandwidth.fake.callbacks import How


class Listener(ThreadingHTTPServer):
    """A customer's server that notes what comes, and answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came: list[tuple[str, str, bytes]] = []  # method, Authorization, body or query
        self.challenges = True
        self.status = 204
        self.breaks = 0  # connections that are closed without an answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/callbacks/x/"

    @property
    def signed(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, authorization, body in list(self.came) if authorization]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def do_POST(self) -> None:
        self._take(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def do_GET(self) -> None:
        self._take(urlsplit(self.path).query.encode())

    def _take(self, body: bytes) -> None:
        authorization = self.headers.get("Authorization", "")
        self.server.came.append((self.command, authorization, body))
        if self.server.breaks:
            self.server.breaks -= 1
            self.close_connection = True
            return
        self.send_response(self.server.status if authorization else 401)
        if not authorization and self.server.challenges:
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as fake:
        fake.add_account(ACCOUNT, client_id="CLI-1", secret="s")
        yield fake


def subscribe(fake: Fake, listener: Listener, **how: Unpack[How]) -> Outbox:
    return fake.send_callbacks(ACCOUNT, listener.url, **({"username": "voicedash", "password": "a password"} | how))


def sent(fake: Fake, outbox: Outbox, count: int) -> list[str]:
    """The types of what was sent, once so many were."""
    assert fake.wait_until(lambda: len(outbox.sent) == count and not outbox.waiting)
    return [json.loads(one.body)["eventType"] for one in outbox.sent]


def test_the_first_request_is_bare_and_the_second_brings_the_credentials(fake: Fake, listener: Listener) -> None:
    outbox = subscribe(fake, listener)
    call = fake.add_call(ACCOUNT, state="initiated")
    assert sent(fake, outbox, 1) == ["initiate"]
    (_, bare, first), (_, signed, second) = listener.came
    assert (bare, first) == ("", second)
    assert base64.b64decode(signed.removeprefix("Basic ")) == b"voicedash:a password"
    assert outbox.sent[0].statuses == (401, 204) and outbox.taken[0]["callId"] == call.call_id


def test_without_a_challenge_there_is_no_second_request(fake: Fake, listener: Listener) -> None:
    listener.challenges = False
    outbox = subscribe(fake, listener)
    fake.add_call(ACCOUNT, state="initiated")
    sent(fake, outbox, 1)
    assert (len(listener.came), outbox.sent[0].statuses, outbox.taken) == (1, (401,), [])


@pytest.mark.parametrize(("breaks", "taken"), [(1, True), (2, False)])
def test_a_connection_that_breaks_is_tried_once_more(fake: Fake, listener: Listener, breaks: int, taken: bool) -> None:
    listener.breaks = breaks
    outbox = subscribe(fake, listener)
    fake.add_call(ACCOUNT, state="initiated")
    sent(fake, outbox, 1)
    assert (len(listener.came), outbox.sent[0].taken) == (3 if taken else 2, taken)


def test_a_status_is_never_a_reason_to_try_again(fake: Fake, listener: Listener) -> None:
    listener.status = 503
    outbox = subscribe(fake, listener)
    fake.add_call(ACCOUNT, state="initiated")
    sent(fake, outbox, 1)
    assert outbox.sent[0].statuses == (401, 503)


def test_an_inbound_call_has_no_answer_and_an_outbound_one_no_initiate(fake: Fake, listener: Listener) -> None:
    outbox = subscribe(fake, listener, recording_after=0.0)
    for direction in ("inbound", "outbound"):
        call = fake.add_call(ACCOUNT, state="initiated", direction=direction)
        call.answer()
        call.hang_up()
    kinds = sorted(sent(fake, outbox, 6))
    assert kinds == ["answer", "disconnect", "disconnect", "initiate", "recordingAvailable", "recordingAvailable"]
    assert all(event_in(told).about for told in listener.signed)


def test_what_is_not_forwarded_never_comes(fake: Fake, listener: Listener) -> None:
    outbox = subscribe(fake, listener, forward=False, recording_after=0.0)
    call = fake.add_call(ACCOUNT, state="initiated", direction="outbound")
    call.answer()
    fake.transfer(call, "+19195550177").hang_up()
    call.hang_up()
    assert sorted(sent(fake, outbox, 3)) == ["disconnect", "recordingAvailable", "transferDisconnect"]


def test_a_transfer_is_told_with_its_parent_and_a_new_recording_begins(fake: Fake, listener: Listener) -> None:
    outbox = subscribe(fake, listener, recording_after=0.0)
    call = fake.add_call(ACCOUNT)
    call.command("paused")
    former = call.recording_id
    leg = fake.transfer(call, "sip:desk@acme.example", record_anew=True)
    leg.hang_up()
    assert sorted(sent(fake, outbox, 5)) == [
        "initiate", "recordingAvailable", "transferAnswer", "transferComplete", "transferDisconnect"
    ]  # fmt: skip
    told = {one["eventType"]: one for one in listener.signed}
    assert told["transferAnswer"]["callId"] == told["transferDisconnect"]["callId"] == leg.call_id
    assert told["transferAnswer"]["parentCallId"] == told["transferDisconnect"]["parentCallId"] == call.call_id
    assert told["transferComplete"]["callId"] == told["recordingAvailable"]["callId"] == call.call_id
    assert told["transferAnswer"]["transferTo"] == "sip:desk@acme.example"
    assert "accountId" not in told["transferDisconnect"] and "parentCallId" not in told["transferComplete"]
    assert told["recordingAvailable"]["recordingId"] == former != call.recording_id
    assert call.recorder == "recording"  # which nobody has paused


def test_a_recording_lacks_what_was_paused(fake: Fake, listener: Listener) -> None:
    outbox = subscribe(fake, listener, recording_after=0.0)
    call = fake.add_call(ACCOUNT)
    call.command("paused")
    call.hang_up()
    sent(fake, outbox, 3)
    (told,) = [one for one in listener.signed if one["eventType"] == "recordingAvailable"]
    assert float(told["duration"].removeprefix("PT").removesuffix("S")) < 1
    assert told["eventTime"] >= told["endTime"] >= told["startTime"]


def test_by_get_the_fields_stand_in_the_address(fake: Fake, listener: Listener) -> None:
    outbox = subscribe(fake, listener, method="GET")
    call = fake.add_call(ACCOUNT, state="initiated", from_="+19195550123")
    assert fake.wait_until(lambda: len(outbox.sent) == 1)
    method, _, query = listener.came[-1]
    told = dict(parse_qsl(query.decode()))
    assert (method, told["callId"], told["from"]) == ("GET", call.call_id, "+19195550123")


def test_the_weather_loses_repeats_delays_and_mistakes_as_it_is_told(fake: Fake, listener: Listener) -> None:
    weather = Weather(lose=0.2, repeat=0.3, wrong=0.3, junk=0.2, late=0.3, seed=3)
    outbox = subscribe(fake, listener, weather=weather)
    calls = [fake.add_call(ACCOUNT, state="initiated") for _ in range(100)]
    assert fake.wait_until(lambda: not outbox.waiting, 30)
    taken = [told["callId"] for told in outbox.taken]
    assert 10 < outbox.lost < 35 and len(set(taken)) == 100 - outbox.lost
    assert len(taken) > len(set(taken))
    assert any(not one.right for one in outbox.sent)
    assert taken != [call.call_id for call in calls if call.call_id in taken]


def test_whoever_stops_the_stand_in_hears_no_more(fake: Fake, listener: Listener) -> None:
    outbox = subscribe(fake, listener, recording_after=60.0)
    fake.add_call(ACCOUNT).hang_up()
    assert fake.wait_until(lambda: len(outbox.sent) == 2)
    fake.stop()
    assert outbox.waiting == 0

"""The stand-in behaves as Bandwidth's pages and production tests say, because every other test leans on it."""

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import quote, urlsplit

import pytest

from tests import ports
from tests.bandwidth.fake_wire import ACCOUNT, GOOD, Wire, basic
from voicedash.bandwidth.fake import Fake
from voicedash.bandwidth.fake.traffic import Traffic
from voicedash.bandwidth.fake.world import now


@pytest.fixture
def fake() -> Iterator[Fake]:
    with ports.reserved() as port, Fake(port=port) as fake:
        fake.add_account(ACCOUNT, client_id="CLI-1", secret="s", username="u", password="p")
        yield fake


@pytest.fixture
def wire(fake: Fake) -> Iterator[Wire]:
    with Wire(fake) as wire:
        yield wire


def test_a_pause_is_acknowledged_with_an_empty_200_and_really_pauses(fake: Fake, wire: Wire) -> None:
    call = fake.add_call(ACCOUNT)
    assert (len(call.call_id), call.recorder) == (47, "recording")
    before = time.monotonic()
    answer = wire.put(call.call_id)
    after = time.monotonic()
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] is None
    assert call.recorder == "paused"
    assert (call.recorder_at(before), call.recorder_at(after)) == ("recording", "paused")
    assert call.recorder_at(before - 3600) == "none"
    [put] = fake.puts
    assert put.effect_at is not None
    assert before <= put.at <= put.effect_at <= after
    assert (put.status, put.state, put.call_id, put.account_id) == (200, "paused", call.call_id, ACCOUNT)
    assert (put.authorization_kind, put.fault, put.body) == ("basic", "", b'{"state": "paused"}')


def test_the_same_state_twice_is_harmless_and_a_resume_records_again(fake: Fake, wire: Wire) -> None:
    call = fake.add_call(ACCOUNT)
    assert [wire.put(call.call_id, state).status for state in ("paused", "paused", "recording")] == [200, 200, 200]
    assert [state for _, state in call.timeline] == ["none", "recording", "paused", "recording"]
    assert [at for at, _ in call.timeline] == sorted(at for at, _ in call.timeline)


def test_a_call_that_is_not_recorded_answers_200_without_effect(fake: Fake, wire: Wire) -> None:
    call = fake.add_call(ACCOUNT, recorded=False)
    assert wire.put(call.call_id, "recording").status == 200
    assert (call.recorder, fake.puts[0].effect_at) == ("none", None)


@pytest.mark.parametrize("body", [b'{"state": "PAUSED"}', b'{"state": "stopped"}', b"{}", b"[]", b"{", b'{"state": 1}'])
def test_any_other_state_is_a_validation_error(fake: Fake, wire: Wire, body: bytes) -> None:
    call = fake.add_call(ACCOUNT)
    path = f"/api/v2/accounts/{ACCOUNT}/calls/{call.call_id}/recording"
    answer = wire.ask("PUT", path, body, Content_Type="application/json", Authorization=GOOD)
    assert (answer.status, answer.json()["type"], call.recorder) == (400, "validation", "recording")


def test_other_content_types_methods_and_paths_are_refused(fake: Fake, wire: Wire) -> None:
    call = fake.add_call(ACCOUNT)
    path = f"/api/v2/accounts/{ACCOUNT}/calls/{call.call_id}/recording"
    assert wire.ask("PUT", path, b'{"state":"paused"}', Content_Type="text/plain", Authorization=GOOD).status == 415
    assert wire.ask("POST", path, b"{}", Content_Type="application/json", Authorization=GOOD).status == 405
    assert wire.get("/nowhere").status == 404
    assert call.recorder == "recording"


def test_credentials_decide_between_401_and_403(fake: Fake, wire: Wire) -> None:
    fake.add_account("9900002", username="other", password="p")
    fake.add_account("9900003", username="mute", password="p", roles=["HTTP Application Management"])
    call = fake.add_call(ACCOUNT)
    tried = ["", "Basic !!!", basic("u", "wrong"), basic("CLI-1", "s"), "Bearer made.up.token"]
    assert [wire.put(call.call_id, auth=auth).status for auth in tried] == [401] * 5
    assert wire.put(call.call_id, auth=basic("other", "p")).status == 403
    assert wire.put("c-1", account="not-an-account").status == 403
    answer = wire.put("c-1", account="9900003", auth=basic("mute", "p"))
    assert (answer.status, answer.json()["type"]) == (403, "authorization-error")
    assert call.recorder == "recording"


def test_a_call_is_unknown_not_answered_yet_just_over_or_long_over(fake: Fake, wire: Wire) -> None:
    ringing, queued = fake.add_call(ACCOUNT, state="initiated"), fake.add_call(ACCOUNT, state="queued")
    just = fake.add_call(ACCOUNT)
    just.hang_up()
    long_over = fake.add_call(ACCOUNT, state="disconnected", ended=now() - timedelta(seconds=61))
    fresh = fake.add_call(ACCOUNT, known_after=60)
    calls = [ringing, queued, just, long_over, fresh]
    assert [wire.put(call.call_id).status for call in calls] == [409, 409, 409, 404, 404]
    answer = wire.put("c-nobody")
    assert (answer.status, answer.json()["description"]) == (404, "Call [c-nobody] not found")
    ringing.answer()
    assert (wire.put(ringing.call_id).status, ringing.recorder, just.recorder) == (200, "paused", "none")


def test_a_token_opens_its_account_until_it_is_over(fake: Fake, wire: Wire) -> None:
    call = fake.add_call(ACCOUNT)
    answer = wire.token().json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    claims = json.loads(base64.urlsafe_b64decode(answer["access_token"].split(".")[1] + "=="))
    assert (claims["accounts"], claims["roles"]) == ([ACCOUNT], ["HttpVoice"])
    auth = f"Bearer {answer['access_token']}"
    assert wire.put(call.call_id, auth=auth).status == 200
    fake.expire_tokens()
    assert wire.put(call.call_id, "recording", auth=auth).status == 401
    assert wire.put(call.call_id, "recording", auth=wire.bearer()).status == 200
    assert [request.authorization_kind for request in fake.puts] == ["bearer"] * 3
    fake.world.accounts[ACCOUNT].token_seconds = 0.01
    auth = wire.bearer()
    time.sleep(0.02)  # the lifetime itself is under test
    assert wire.put(call.call_id, auth=auth).status == 401


def test_the_token_endpoint_refuses_wrong_clients_and_grants_and_counts_its_requests(fake: Fake, wire: Wire) -> None:
    assert wire.token(secret="wrong").status == 401
    assert wire.token("u", "p").status == 401
    assert wire.token(grant="password").status == 400
    fake.refuse_tokens()
    assert [wire.token().status, wire.token().status] == [401, 401]
    fake.refuse_tokens(False)
    assert wire.token().status == 200
    assert [request.status for request in fake.tokens] == [401, 401, 400, 401, 401, 200]
    assert [request.account_id for request in fake.tokens] == [ACCOUNT, "", *[ACCOUNT] * 4]


def test_one_client_may_have_several_accounts(fake: Fake, wire: Wire) -> None:
    fake.add_account("9900002", client_id="CLI-1", secret="s")
    auth = wire.bearer()
    assert [wire.get("/calls", account=account, auth=auth).status for account in (ACCOUNT, "9900002")] == [200, 200]


def test_the_list_is_oldest_first_and_its_pages_hang_together_by_link(fake: Fake, wire: Wire) -> None:
    made = [fake.add_call(ACCOUNT, start=now() - timedelta(minutes=minute)).call_id for minute in range(5)]
    path: str | None = f"/api/v2/accounts/{ACCOUNT}/calls?pageSize=2&to={quote('+18885550123')}"
    pages = []
    while path is not None:
        answer = wire.ask("GET", path, Authorization=GOOD)
        pages.append([call["callId"] for call in answer.json()])
        link = answer.headers["Link"]
        assert link is None or (link.startswith(f"<{fake.voice_url}/accounts/") and link.endswith('>; rel="next"'))
        url = urlsplit(link[1 : link.index(">")]) if link else None
        path = f"{url.path}?{url.query}" if url else None
        if len(pages) == 1:  # who arrives in between is on the last page and moves nobody
            made.insert(0, fake.add_call(ACCOUNT).call_id)
    assert pages == [made[:3:-1], made[3:1:-1], made[1::-1]]


def test_the_list_filters_by_time_and_number_and_refuses_nonsense(fake: Fake, wire: Wire) -> None:
    old = fake.add_call(ACCOUNT, start=now() - timedelta(hours=2), from_="+19195550101")
    new = fake.add_call(ACCOUNT, from_="+19195550102")
    fake.add_call(ACCOUNT, state="disconnected", start=now() - timedelta(days=9), ended=now() - timedelta(days=8))
    fake.add_call(ACCOUNT, listed_after=60)

    def listed(query: str) -> list[str]:
        return [call["callId"] for call in wire.get(f"/calls?{query}").json()]

    border = quote((now() - timedelta(hours=1)).isoformat().replace("+00:00", "Z"))
    assert listed("") == [old.call_id, new.call_id]
    assert (listed(f"minStartTime={border}"), listed(f"maxStartTime={border}")) == ([new.call_id], [old.call_id])
    assert listed(f"minStartTime={quote(new.created.isoformat())}") == [new.call_id]
    assert listed(f"from={quote('+19195550101')}") == [old.call_id]
    wrong = ["pageSize=0", "pageSize=10001", "pageSize=x", "minStartTime=soon", "pageToken=x"]
    assert [wire.get(f"/calls?{query}").status for query in wrong] == [400] * 5


def test_one_call_is_read_with_its_state_but_never_its_recorder(fake: Fake, wire: Wire) -> None:
    call = fake.add_call(ACCOUNT, from_="+19195550101", to="sip:a@example.com", parent_call_id="c-parent")
    seen = wire.get(f"/calls/{call.call_id}").json()
    expected = {"state": "answered", "from": "+19195550101", "to": "sip:a@example.com", "parentCallId": "c-parent"}
    assert expected.items() <= seen.items()
    assert (seen["endTime"], seen["disconnectCause"]) == (None, None)
    wire.put(call.call_id)
    paused = wire.get(f"/calls/{call.call_id}").json()
    assert paused == seen
    call.hang_up("busy")
    ended = wire.get(f"/calls/{call.call_id}").json()
    assert (ended["state"], ended["disconnectCause"]) == ("disconnected", "busy")
    assert ended["endTime"].endswith("Z")
    assert wire.get("/calls/c-nobody").status == 404
    hidden = fake.add_call(ACCOUNT, listed_after=60)
    assert (wire.get(f"/calls/{hidden.call_id}").status, wire.put(hidden.call_id).status) == (404, 200)


def test_a_recording_is_shorter_by_what_was_paused_and_shows_only_after_the_call(fake: Fake, wire: Wire) -> None:
    call = fake.add_call(ACCOUNT, start=now() - timedelta(seconds=75))
    wire.put(call.call_id)
    assert wire.get(f"/calls/{call.call_id}/recordings").json() == []
    time.sleep(0.1)  # the pause whose length must be missing
    call.hang_up()
    recorded = (fake.puts[0].effect_at or 0) - call.timeline[1][0]
    assert call.recorded_seconds() == pytest.approx(recorded, abs=0.01)
    [recording] = wire.get(f"/calls/{call.call_id}/recordings").json()
    assert recording["duration"].startswith("PT1M15")
    assert (recording["status"], recording["callId"], recording["recordingId"][:2]) == ("complete", call.call_id, "r-")
    assert recording["startTime"] < recording["endTime"]
    assert wire.get("/calls/c-nobody/recordings").json() == []


def test_requests_are_remembered_without_secrets_and_can_be_forgotten(fake: Fake, wire: Wire) -> None:
    call = fake.add_call(ACCOUNT)
    auth = wire.bearer()
    wire.put(call.call_id, auth=auth)
    told = repr(fake.requests) + repr(fake.world.accounts)
    assert basic("CLI-1", "s").split()[1] not in told
    assert auth.split()[1] not in told
    assert "secret=" not in told
    assert fake.puts[0].header("authorization") == "REDACTED"
    assert fake.puts[0].connection == fake.tokens[0].connection == 1  # one connection, kept alive
    fake.clear_requests()
    assert fake.requests == []


def test_the_same_call_id_may_stand_in_two_accounts(fake: Fake) -> None:
    fake.add_account("9900002")
    one, two = fake.add_call(ACCOUNT, "c-twin"), fake.add_call("9900002", "c-twin")
    assert (fake.call("c-twin", ACCOUNT), fake.call("c-twin", "9900002")) == (one, two)
    with pytest.raises(KeyError):
        fake.call("c-twin")
    with pytest.raises(ValueError):
        fake.add_call(ACCOUNT, "c-twin")


def test_latency_delays_the_effect_and_64_connections_share_it(fake: Fake) -> None:
    fake.latency = 0.2
    calls = [fake.add_call(ACCOUNT) for _ in range(64)]

    def press(call_id: str) -> int:
        with Wire(fake) as wire:
            return wire.put(call_id).status

    begun = time.monotonic()
    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(press, [call.call_id for call in calls])) == [200] * 64
    assert 0.2 <= time.monotonic() - begun < 2  # one after the other would be 12.8
    assert all((put.effect_at or 0) - put.at >= 0.2 for put in fake.puts)


def test_what_is_not_http_is_answered_400_and_the_next_connection_works(fake: Fake, wire: Wire) -> None:
    for nonsense in (b"complete nonsense on this line\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", fake.port), timeout=5) as raw:
            raw.sendall(nonsense)
            assert raw.recv(100).startswith(b"HTTP/1.1 400 ")
    assert wire.get("/calls").status == 200


def test_after_a_stop_the_port_refuses_and_a_start_brings_the_same_world_back(fake: Fake) -> None:
    call, port = fake.add_call(ACCOUNT), fake.port
    fake.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    fake.start()
    assert fake.port == port
    with Wire(fake) as wire:
        assert (wire.put(call.call_id).status, call.recorder) == (200, "paused")


def test_traffic_rings_talks_ends_and_begins_again(fake: Fake) -> None:
    traffic = Traffic(fake, ACCOUNT, 8, ring=(0, 0), talk=(0, 0))
    first = traffic.calls
    assert {call.state for call in first} == {"answered", "initiated"}
    traffic.tick()
    assert {call.state for call in first} == {"disconnected"}
    assert {call.state for call in traffic.calls} == {"initiated"}
    patient = Traffic(fake, ACCOUNT, 4, ring=(0, 0), talk=(60, 60))
    patient.tick()
    assert {call.state for call in patient.calls} == {"answered"}


def test_from_a_shell_it_says_how_to_use_it_and_ends_on_a_signal() -> None:
    command = [sys.executable, "-m", "voicedash.bandwidth.fake", "--port", "0", "--calls", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        url = urlsplit(next(line for line in lines if "voice_url" in line).split()[1])
        with socket.create_connection((url.hostname or "", url.port or 0), timeout=5):
            process.terminate()
            assert process.wait(5) == 0

"""Connections are shared and hold nothing: no cookie, no proxy, no password of the environment, no way elsewhere."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.bandwidth.asking import ACCOUNT, put
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.credentials import OAuth2
from voicedash.bandwidth.errors import NeverReached, OutcomeUnknown
from voicedash.bandwidth.fake import Fake, FakeCall, Fault


def test_a_connection_that_the_server_closed_while_idle_is_no_error(fake: Fake, call: FakeCall, client: Client) -> None:
    put(client, call)
    fake.stop()
    fake.start()
    put(client, call)
    assert [put.status for put in fake.puts] == [200, 200]


def test_one_connection_serves_presses_one_after_another(fake: Fake, call: FakeCall, client: Client) -> None:
    for _ in range(10):
        put(client, call)
    assert len({request.connection for request in fake.puts}) == 1


def test_presses_at_once_have_connections_of_their_own_and_share_them_afterwards(
    fake: Fake, call: FakeCall, client: Client
) -> None:
    with ThreadPoolExecutor(20) as threads:
        for wave in (1, 2):
            fake.hold(ACCOUNT)
            pressing = [threads.submit(put, client, call) for _ in range(20)]
            assert fake.wait_until(lambda wave=wave: len(fake.puts) == 20 * wave)  # type: ignore[misc]
            fake.release(ACCOUNT)
            for press in pressing:
                press.result()
    assert len({request.connection for request in fake.puts}) == 20


def test_proxies_and_passwords_of_the_environment_are_ignored(
    fake: Fake, call: FakeCall, client: Client, closed_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nobody = f"http://127.0.0.1:{closed_port}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, nobody)
        monkeypatch.setenv(name.lower(), nobody)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login eve password hers\ndefault login eve password hers\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    put(client, call)
    put(Client(fake.voice_url, ACCOUNT, OAuth2(fake.token_url, "CLI-1", "s")), call)
    assert [request.status for request in fake.requests] == [200, 200, 200]


def test_no_proxy_in_the_environment_changes_nothing_either(
    call: FakeCall, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    put(client, call)


def test_cookies_are_not_sent_back(fake: Fake, call: FakeCall, client: Client) -> None:
    fake.script(Fault("cookie", status=200, body=b"", headers=(("Set-Cookie", "lb=node-7; Path=/"),)))
    put(client, call)
    put(client, call)
    assert [put.header("Cookie") for put in fake.puts] == ["", ""]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_tells_nobody_who_we_are(
    fake: Fake, call: FakeCall, client: Client, status: int
) -> None:
    with Fake() as elsewhere:
        for target in (elsewhere.base_url, fake.base_url):
            fake.redirect_next(status, location=f"{target}/api/v2/accounts/{ACCOUNT}/calls/{call.call_id}/recording")
            with pytest.raises(OutcomeUnknown) as caught:
                put(client, call)
            assert caught.value.status == status
        assert elsewhere.requests == []
    assert len(fake.requests) == 2


def test_a_redirected_token_request_is_not_followed_and_sends_no_pause(fake: Fake, call: FakeCall) -> None:
    with Fake() as elsewhere:
        fake.redirect_next(307, location=elsewhere.token_url, on="token")
        with pytest.raises(NeverReached):
            put(Client(fake.voice_url, ACCOUNT, OAuth2(fake.token_url, "CLI-1", "s")), call)
        assert elsewhere.requests == []
    assert fake.puts == []

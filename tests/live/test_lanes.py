"""Nobody who is slow, large or gone may hold a thread, and neither lane may hold up the other."""

import socket

import pytest

from tests.live.wire import PATIENCE, PRESS, Site, answer, request, serving, until
from voicedash.live.lanes import Limits


def test_an_answer_keeps_its_headers_and_its_two_cookies() -> None:
    with serving() as site:
        status, rest = site.ask(request("GET", "/"))
    assert status == 200
    assert b"set-cookie: a=1\r\n" in rest
    assert b"set-cookie: b=2\r\n" in rest
    assert rest.endswith(b"\r\n\r\nok")


def test_head_is_answered_with_the_length_and_no_body() -> None:
    with serving() as site:
        status, rest = site.ask(request("HEAD", "/"))
    assert status == 200
    assert b"content-length: 2\r\n" in rest
    assert rest.endswith(b"\r\n\r\n")


def test_a_path_in_utf8_arrives_as_wsgi_wants_it() -> None:
    with serving() as site:
        site.ask(request("GET", "/caf%C3%A9?q=%C3%A9"))
    assert site.tiny.environs[0]["PATH_INFO"].encode("latin1").decode() == "/café"
    assert site.tiny.environs[0]["QUERY_STRING"] == "q=%C3%A9"


@pytest.mark.parametrize("target", [b"/?q=\xc3\xa9", b"/\xc3\xa9"])
def test_raw_bytes_in_an_address_are_the_clients_error(target: bytes) -> None:
    with serving() as site:
        status, _ = site.ask(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert status == 400
    assert site.tiny.begun == []


def test_a_header_with_an_underscore_cannot_pass_for_one_with_a_dash() -> None:
    with serving() as site:
        site.ask(request("GET", "/", "X_Forwarded_Proto: https", "X-Kept: yes", "Proxy: http://evil"))
    environ = site.tiny.environs[0]
    assert "HTTP_X_FORWARDED_PROTO" not in environ
    assert "HTTP_PROXY" not in environ
    assert environ["HTTP_X_KEPT"] == "yes"


def test_cookies_in_two_headers_are_one_list() -> None:
    with serving() as site:
        site.ask(request("GET", "/", "Cookie: a=1", "Cookie: b=2"))
    assert site.tiny.environs[0]["HTTP_COOKIE"] == "a=1; b=2"


def test_a_body_arrives_whole() -> None:
    body = bytes(range(256)) * 4000
    with serving() as site:
        status, _ = site.ask(request("POST", "/", body=body))
    assert status == 200
    assert site.tiny.bodies == [body]


def test_a_chunked_body_arrives_whole_with_its_length() -> None:
    with serving() as site:
        site.ask(request("POST", "/", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert site.tiny.bodies == [b"abcde"]
    assert "HTTP_TRANSFER_ENCODING" not in site.tiny.environs[0]


@pytest.mark.parametrize("size", [1001, 3000, 100_000])
def test_a_body_above_the_limit_is_refused_and_begins_nothing(size: int) -> None:
    with serving(pages=Limits(threads=2, body=1000)) as site:
        status, _ = site.ask(request("POST", "/", body=b"x" * size))
    assert status == 413
    assert site.tiny.begun == []


def test_a_chunked_body_above_the_limit_is_refused() -> None:
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    with serving(pages=Limits(threads=2, body=1500)) as site:
        status, _ = site.ask(request("POST", "/", "Transfer-Encoding: chunked") + chunk * 2 + b"0\r\n\r\n")
    assert status == 413
    assert site.tiny.begun == []


def test_a_body_that_does_not_come_is_given_up_and_takes_no_thread() -> None:
    limits = Limits(threads=1, backlog=0, body_seconds=0.3)
    with serving(pages=limits) as site:
        slow = [site.send(request("POST", "/slow", "Content-Length: 10") + b"12345") for _ in range(5)]
        assert site.ask(request("GET", "/"))[0] == 200  # the one thread is free all the while
        assert [answer(connection)[0] for connection in slow] == [408] * 5
    assert site.tiny.begun == ["/"]


def test_who_hangs_up_before_the_body_is_complete_leaves_nothing_behind() -> None:
    limits = Limits(threads=1, backlog=0, bodies=10)
    with serving(pages=limits) as site:
        leaving = site.send(request("POST", "/left", "Content-Length: 10") + b"12345")
        until(lambda: site.application.pages.bodies.arriving == 5)
        leaving.close()
        until(lambda: site.application.pages.bodies.arriving == 0)
        until(lambda: site.application.running == 0)
        assert site.ask(request("GET", "/"))[0] == 200
    assert site.tiny.begun == ["/"]


def test_unfinished_bodies_together_may_not_fill_the_memory() -> None:
    with serving(pages=Limits(threads=2, body=1000, bodies=1500)) as site:
        first = site.send(request("POST", "/", "Content-Length: 1000") + b"x" * 900)
        until(lambda: site.application.pages.bodies.arriving == 900)
        status, _ = site.ask(request("POST", "/", "Content-Length: 1000") + b"x" * 900)
        assert status == 503
        first.sendall(b"x" * 100)
        assert answer(first)[0] == 200


def test_past_the_backlog_the_answer_is_503_with_the_time_to_come_again() -> None:
    with serving(pages=Limits(threads=1, backlog=1)) as site:
        held = site.hold("/hold", 1)
        held.append(site.send(request("GET", "/waiting")))
        until(lambda: site.application.pages.full)
        status, rest = site.ask(request("GET", "/late"))
        assert status == 503
        assert b"retry-after: 2\r\n" in rest
        site.tiny.gate.set()
        assert [answer(connection)[0] for connection in held] == [200, 200]
        until(lambda: site.application.running == 0)
        assert site.ask(request("GET", "/after"))[0] == 200
    assert site.tiny.begun == ["/hold", "/waiting", "/after"]


def test_a_full_lane_sends_away_before_it_reads_a_body() -> None:
    with serving(pages=Limits(threads=1, backlog=0)) as site:
        site.hold("/hold", 1)
        status, _ = site.ask(request("POST", "/", "Content-Length: 10") + b"1")
    assert status == 503
    assert site.tiny.begun == ["/hold"]


def test_a_lane_that_filled_while_a_body_came_sends_away_as_well() -> None:
    with serving(pages=Limits(threads=1, backlog=0, queue_seconds=60)) as site:
        slow = site.send(request("POST", "/", "Content-Length: 2") + b"1")
        until(lambda: site.application.pages.bodies.arriving == 1)
        site.hold("/hold", 1)
        slow.sendall(b"2")
        assert answer(slow)[0] == 503
    assert site.tiny.begun == ["/hold"]


def test_a_press_that_waited_too_long_for_a_thread_is_not_begun() -> None:
    with serving(presses=Limits(threads=1, queue_seconds=0.05)) as site:
        held = site.hold(PRESS, 1, "POST")
        waiting = site.send(request("POST", "/t/acme/calls/8/resume/"))
        until(lambda: site.application.running == 2)
        waiting.settimeout(0.2)
        with pytest.raises(TimeoutError):  # the time of the queue passes
            waiting.recv(1)
        waiting.settimeout(PATIENCE)
        site.tiny.gate.set()
        assert answer(held[0])[0] == 200
        assert answer(waiting)[0] == 503
    assert site.tiny.begun == [PRESS]


def test_presses_run_while_every_thread_and_place_of_the_pages_is_taken() -> None:
    with serving(pages=Limits(threads=2, backlog=1)) as site:
        site.hold("/hold", 2)
        site.send(request("GET", "/waiting"))
        until(lambda: site.application.pages.full)
        site.hold(PRESS, 2, "POST")
    assert site.tiny.begun[2:4] == [PRESS, PRESS]


def test_pages_are_answered_while_every_press_hangs() -> None:
    with serving(presses=Limits(threads=2, backlog=0)) as site:
        site.hold(PRESS, 2, "POST")
        assert site.ask(request("POST", PRESS))[0] == 503
        for path in ("/", "/t2/", "/healthz"):
            assert site.ask(request("GET", path))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "press"),
    [
        ("POST", "/t/acme/calls/7/pause/", True),
        ("POST", "/t/acme-2/calls/7/resume/", True),
        ("POST", "/t/acme/conversations/7/pause/", True),
        ("GET", "/t/acme/conversations/7/", False),
        ("GET", "/t/acme/calls/7/pause/", False),
        ("POST", "/t/acme/calls/7/renew/", False),
        ("POST", "/t/acme/calls/x/pause/", False),
        ("POST", "/t/acme/x/calls/7/pause/", False),
        ("POST", "/t/acme/calls/7/pause/more", False),
    ],
)
def test_only_a_press_takes_the_lane_of_presses(method: str, path: str, press: bool) -> None:
    with serving(presses=Limits(threads=2, body=0)) as site:  # the presses' lane tells itself by refusing a body
        site.tiny.gate.set()
        status, _ = site.ask(request(method, path, body=b"x"))
    assert status == (413 if press else 200)


def _abandon(site: Site, count: int) -> list[socket.socket]:
    """Downloads whose clients read a little and nothing more."""
    readers = [site.send(request("GET", "/big")) for _ in range(count)]
    for reader in readers:
        assert reader.recv(12) == b"HTTP/1.1 200"
    return readers


def test_downloads_broken_off_give_their_threads_back() -> None:
    with serving(pages=Limits(threads=2)) as site:
        for _ in range(3):
            for reader in _abandon(site, 2):
                reader.close()
            until(lambda: site.application.running == 0)
        assert site.ask(request("GET", "/"))[0] == 200


def test_downloads_that_nobody_reads_give_their_threads_back() -> None:
    with serving(pages=Limits(threads=2, send_seconds=0.3)) as site:
        readers = _abandon(site, 2)
        until(lambda: site.application.running == 0)  # the clients still hold their connections
        assert site.ask(request("GET", "/"))[0] == 200
        for reader in readers:
            reader.close()


def test_an_answer_the_server_refuses_to_send_does_not_cost_its_thread() -> None:
    with serving(pages=Limits(threads=1)) as site:
        site.send(request("GET", "/liar")).close()
        until(lambda: site.tiny.begun == ["/liar"] and site.application.running == 0)
        assert site.ask(request("GET", "/"))[0] == 200


def test_an_error_in_the_application_is_a_500_and_costs_nothing() -> None:
    with serving(pages=Limits(threads=1)) as site:
        assert site.ask(request("GET", "/broken"))[0] == 500
        assert site.ask(request("GET", "/"))[0] == 200
        until(lambda: site.application.running == 0)


def test_two_requests_on_one_connection_are_answered_in_order() -> None:
    with serving() as site, site.connect() as connection:
        connection.sendall(
            b"POST /one HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc" + request("GET", "/two")
        )
        status, rest = answer(connection)
    assert status == 200
    assert rest.count(b"HTTP/1.1 200") == 1
    assert site.tiny.begun == ["/one", "/two"]


def test_a_head_without_end_is_refused() -> None:
    with serving() as site, site.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: ")
        with pytest.raises(ConnectionError):
            connection.sendall(b"x" * 8 * 2**20)
    assert site.tiny.begun == []


def test_a_head_that_does_not_come_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicedash.live.protocol.HEAD_SECONDS", 0.2)
    with serving() as site:
        for beginning in (b"", b"GET / HTTP/1.1\r\nHost: lo"):
            with site.send(beginning) as connection:
                assert connection.recv(100) == b""
        with site.connect() as connection:  # a second head on a connection that served a first
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            data = b""
            while not data.endswith(b"ok"):
                data += connection.recv(4096)
            until(lambda: site.server.server_state.total_requests == 1)
            connection.sendall(b"GET / HTTP/1.1\r\nHo")
            assert connection.recv(4096) == b""


def test_what_runs_when_the_server_stops_is_finished_and_answered() -> None:
    with serving() as site:
        held = site.hold(PRESS, 1, "POST")[0]
        site.server.should_exit = True
        until(lambda: not site.listens)
        site.tiny.gate.set()
        assert answer(held)[0] == 200


def test_what_does_not_end_in_time_is_told_that_the_server_stops() -> None:
    with serving() as site:
        held = site.hold(PRESS, 1, "POST")[0]
        site.server.should_exit = True
        status, rest = answer(held)  # a second later, while its thread still hangs
        assert status == 503
        assert b"stopping" in rest
        assert site.application.running == 1

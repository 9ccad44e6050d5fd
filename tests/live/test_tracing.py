"""Every request has a name: in its answer and in each line of the log that it causes."""

import json
import logging
import time
import uuid

import pytest

from tests.live.wire import PRESS, request, serving
from voicedash.bandwidth import transport
from voicedash.bandwidth.fake import Fake
from voicedash.logs import context, lines
from voicedash.tenants.models import User


def name_in(answer: bytes) -> str:
    [line] = [line for line in answer.split(b"\r\n") if line.startswith(b"x-request-id: ")]
    return line.partition(b": ")[2].decode()


def test_a_request_is_given_a_name_of_its_own_which_its_answer_and_its_lines_bear() -> None:
    with serving() as site:
        answers = [site.ask(request("GET", "/"))[1] for _ in range(2)]
        names = [name_in(answer) for answer in answers]
    assert len({*names}) == 2
    assert all(uuid.UUID(name).version == 4 for name in names)
    assert site.tiny.fields == [{"request_id": name} for name in names]


def test_the_name_that_a_believed_proxy_gave_stays() -> None:
    with serving() as site:
        site.tiny.gate.set()
        _, answer = site.ask(request("POST", PRESS, "X-Request-ID: edge-7F", "X-Forwarded-For: 192.0.2.7"))
    assert name_in(answer) == "edge-7F"
    assert site.tiny.fields == [{"request_id": "edge-7F"}]
    assert site.tiny.environs[0]["REMOTE_ADDR"] == "192.0.2.7"  # and who came through it


@pytest.mark.parametrize(
    "headers",
    [
        ["X-Request-ID: with space"],
        ["X-Request-ID: " + "x" * 65],
        ["X-Request-ID: 4111-1111-1111-1111"],
        ["X-Request-ID: one", "X-Request-ID: two"],
        ["X_Request_ID: underscore"],
    ],
)
def test_a_name_that_is_not_sane_is_replaced(headers: list[str]) -> None:
    with serving() as site:
        _, answer = site.ask(request("GET", "/", *headers))
    assert uuid.UUID(name_in(answer))


def test_nobody_else_may_name_a_request_or_say_who_the_visitor_is() -> None:
    with serving(trusted="192.0.2.1,10.0.0.0/8") as site:
        _, answer = site.ask(request("GET", "/", "X-Request-ID: edge-7F", "X-Forwarded-For: 192.0.2.7"))
    assert uuid.UUID(name_in(answer))
    assert site.tiny.environs[0]["REMOTE_ADDR"] == "127.0.0.1"


def test_what_goes_wrong_bears_the_name_as_well() -> None:
    written: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Lines()
    handler.setFormatter(lines.Json())
    logging.getLogger("uvicorn.error").addHandler(handler)
    try:
        with serving() as site:
            status, _ = site.ask(request("GET", "/broken", "X-Request-ID: edge-8"))
    finally:
        logging.getLogger("uvicorn.error").removeHandler(handler)
    assert status == 500  # the server's own answer, in place of the application's
    [told] = [line for line in map(json.loads, written) if "exception" in line]
    assert told["request_id"] == "edge-8"
    assert "broken on purpose" in told["exception"]


def test_the_thread_that_asks_bandwidth_knows_for_whom() -> None:
    def ask(gate: transport.Gate) -> dict[str, str]:
        return context.fields()

    with context.job("call-17"):
        assert transport.within(time.monotonic() + 5, ask)["job_id"] == "call-17"


@pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])
@pytest.mark.database
def test_a_press_that_went_wrong_is_found_in_the_log_by_the_name_in_its_answer(
    cast, bandwidth: Fake, live_call, node
) -> None:
    call, _ = live_call(cast.acme_account)
    served = node(scale=0.1)
    ana: User = cast.ana
    bandwidth.hang_next(times=5)
    answer = served.browser_of(ana).post(f"/t/acme/calls/{call.pk}/pause/", headers={"X-Request-ID": "desk-12"})
    assert answer.status_code == 200 and answer.headers["X-Request-ID"] == "desk-12"
    served.process.terminate()
    served.process.wait(20)
    served.reader.join(5)
    found = [json.loads(line) for line in served.log if '"request_id": "desk-12"' in line]
    assert found, "\n".join(served.log)
    assert {line["logger"] for line in found} == {"voicedash.calls.asking"}
    assert any(call.call_id in line["message"] for line in found)

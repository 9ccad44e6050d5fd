"""A line of the log is one JSON object that a collector can read, whatever was logged; or words for a person."""

import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from voicedash.logs import context, lines

ROOT = Path(__file__).resolve().parents[2]
CALL = "c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85"


class Lines(logging.Handler):
    """Keeps what is logged as the process would write it."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(self.format(record))

    @property
    def told(self) -> dict[str, str]:
        """The newest line, read as a collector reads it."""
        line = self.written[-1]
        assert "\n" not in line
        return dict(json.loads(line))


@pytest.fixture
def log() -> tuple[logging.Logger, Lines]:
    logger = logging.Logger("voicedash.calls.recording")  # no other's child: pytest would fail what does not fit
    handler = Lines(lines.Json(secrets=["the-secret-of-this-process"]))
    logger.addHandler(handler)
    return logger, handler


def test_a_line_has_its_time_with_the_zone_its_level_its_logger_and_its_words(log) -> None:
    logger, handler = log
    logger.warning("call %s: %d of %s", CALL, 2, "three")
    told = handler.told
    at = datetime.fromisoformat(told.pop("time"))
    assert at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=5)
    assert told == {
        "level": "WARNING",
        "logger": "voicedash.calls.recording",
        "message": f"call {CALL}: 2 of three",
    }


def test_an_exception_is_in_its_line_and_is_masked_as_well(log) -> None:
    logger, handler = log
    try:
        raise RuntimeError("card 4111 1111 1111 1111,\n the-secret-of-this-process")
    except RuntimeError:
        logger.exception("call %s", CALL)
    told = handler.told
    assert "Traceback (most recent call last):\n" in told["exception"]
    assert "RuntimeError: card [number]," in told["exception"]
    assert "the-secret" not in handler.written[-1] and "4111" not in handler.written[-1]


def test_what_is_put_into_the_words_is_masked(log) -> None:
    logger, handler = log
    logger.info("a note %r by %s", "4012-8888-8888-1881", {"password": "not-for-the-log"})
    assert handler.told["message"] == "a note '[number]' by {'password': …}"


def test_a_record_that_cannot_be_put_together_is_told_all_the_same(log) -> None:
    class Broken:
        def __str__(self) -> str:
            raise LookupError("no")

    logger, handler = log
    logger.error("%d of %s", "one")
    assert handler.told["message"].startswith("%d of %s (its 1 arguments do not fit")
    logger.error("this %s", Broken())
    assert handler.told["message"].startswith("this %s (its 1 arguments do not fit: LookupError")
    logger.error("bytes %r and a line\nmore", b"\xff")
    assert handler.told["message"] == "bytes b'\\xff' and a line\nmore"


def test_a_line_belongs_to_the_request_or_the_job_that_is_being_served(log) -> None:
    logger, handler = log

    def serve(name: str) -> None:
        context.begin_request(name)
        logger.info("served")

    with ThreadPoolExecutor(1) as thread:
        thread.submit(serve, "abc-1").result()
    assert handler.told["request_id"] == "abc-1"
    with context.job("expire-17"):
        logger.info("worked")
        assert handler.told["job_id"] == "expire-17"
    logger.info("neither")
    assert not {"request_id", "job_id"} & set(handler.told)


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ä", "a\nb", 'x"', "4111111111111111", "4111-1111-1111-1111"])
def test_a_name_for_a_request_that_is_not_sane_is_replaced(given: str) -> None:
    def names() -> tuple[str, str]:
        return context.begin_request(given), context.begin_request(given)

    with ThreadPoolExecutor(1) as thread:
        one, other = thread.submit(names).result()
    assert given not in {one, other} and one != other and len(one) == 36


def test_for_a_person_the_same_stands_in_words() -> None:
    record = logging.LogRecord("voicedash", logging.ERROR, "x", 1, "call %s /setup/%s/", (CALL, "a-token"), None)
    formatter = lines.Plain()
    assert formatter.format(record).endswith(f"+00:00 ERROR voicedash: call {CALL} /setup/…/")
    with context.job("prune"):
        assert " ERROR voicedash [prune]: call " in formatter.format(record)
    try:
        raise RuntimeError("Bearer abcdefghijkl")
    except RuntimeError:
        record.exc_info = sys.exc_info()
    assert formatter.format(record).endswith("\nRuntimeError: Bearer …")


STRAY = """
import logging, threading, warnings, django
django.setup()
from voicedash.logs import lines
lines.take_in_strays()
logging.getLogger("voicedash.x").info("hello")
warnings.warn("old ways")
def fail(): raise RuntimeError("in a thread, password=hunter22")
thread = threading.Thread(target=fail, name="fetch"); thread.start(); thread.join()
raise RuntimeError("at the end, password=hunter22")
"""


def run(tmp_path: Path, code: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"VOICEDASH_DATA": str(tmp_path)} | more
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_what_nobody_caught_is_a_line_as_well(tmp_path: Path) -> None:
    done = run(tmp_path, STRAY)
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["level"] for line in told] == ["INFO", "WARNING", "CRITICAL", "CRITICAL"]
    assert "old ways" in told[1]["message"]
    assert told[2]["message"] == "The thread fetch ended by an error that nobody expected"
    assert "RuntimeError: in a thread, password=…" in told[2]["exception"]
    assert "RuntimeError: at the end, password=…" in told[3]["exception"]
    assert done.returncode == 1 and done.stdout == ""


def test_the_settings_choose_the_form_and_know_the_secrets(tmp_path: Path) -> None:
    code = (
        "import logging, django; django.setup(); from django.conf import settings; "
        "logging.getLogger('voicedash').error('x %s y', settings.SECRET_KEY); "
        "logging.getLogger('django.request').error('of Django')"
    )
    done = run(tmp_path, code)
    assert [json.loads(line)["message"] for line in done.stderr.splitlines()] == ["x … y", "of Django"]
    plain = run(tmp_path, code, VOICEDASH_LOG="plain")
    assert [line.partition("+00:00 ")[2] for line in plain.stderr.splitlines()] == [
        "ERROR voicedash: x … y",
        "ERROR django.request: of Django",
    ]
    wrong = run(tmp_path, "import django; django.setup()", VOICEDASH_LOG="xml")
    assert "VOICEDASH_LOG: 'xml': expected json or plain" in wrong.stderr

"""The log as CSV: the lines of the page, whole while the log grows, and nothing in it that a spreadsheet would run."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.audit.reading_along import browser_of, command, read, tell
from voicedash.audit import export, reading
from voicedash.audit.export import Export
from voicedash.audit.models import Entry
from voicedash.audit.reading import Wish
from voicedash.calls import recording
from voicedash.tenants.models import User

EXPORT = "/t/acme/log/export/"


def exported(user: User, **asked: str | int) -> list[dict[str, str]]:
    answer = browser_of(user).get(EXPORT, asked)
    assert answer.status_code == 200
    text = b"".join(answer).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_it_holds_the_lines_of_the_page_the_oldest_first(cast, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    recording.resume(call=call, by=cast.mia, anyway=True)
    paused, resumed = exported(cast.ana)
    entry = Entry.objects.get(seq=2)
    assert paused | {"result": ""} == {
        "entry": "2",
        "time (UTC)": entry.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "who": "Ana Ruiz",
        "what": "paused the recording of call",
        "call id": call.call_id,
        "result": "",
        "outcome": "acknowledged",
        "reason": "Card details",
        "attempts": "1. acknowledged (HTTP 200)",
        "verb": "recording.answered",
        "chain": f"tenant-{cast.acme.pk}",
        "digest": entry.digest,
    }
    assert datetime.fromisoformat(paused["time (UTC)"]).utcoffset() == timedelta(0)
    assert (resumed["who"], resumed["entry"]) == ("Mia Chen", "4")


def test_it_is_filtered_as_the_page_is(cast):
    for number in range(30):
        command(
            cast.acme,
            number,
            actor=[cast.ana, cast.mia][number % 2].pk,
            outcome=["refused", "acknowledged"][number % 3 > 0],
        )
    asked = {"who": cast.ana.pk, "outcome": "refused"}
    lines = exported(cast.ana, **asked)
    assert [int(line["entry"]) for line in reversed(lines)] == list(read(cast.ana, **asked).lines)
    assert len(lines) == 5


@pytest.mark.parametrize("name", ["=1+1", "+1919", "-2", "@SUM(A1)", "\tx", "\rx", "'=1"])
def test_no_cell_is_a_formula(cast, name):
    User.objects.filter(pk=cast.ana.pk).update(name=name)
    command(cast.acme, 1, actor=cast.ana.pk, call_id=name.strip())
    tell(cast.acme, "call.hidden", call_id=name.strip(), data={"why": name})
    for line in exported(cast.ana):
        for cell in line.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert exported(cast.ana)[0]["who"] == f"'{name}"


def test_what_is_written_meanwhile_is_not_in_it_and_what_was_is_all_there(cast, monkeypatch):
    monkeypatch.setattr(reading, "_BATCH", 4)
    for number in range(10):
        command(cast.acme, number, actor=cast.ana.pk)
    pieces = iter(browser_of(cast.ana).get(EXPORT))
    text = next(pieces) + next(pieces)
    for number in range(10, 15):
        command(cast.acme, number, actor=cast.ana.pk)
    text += b"".join(pieces)
    lines = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    assert [int(line["entry"]) for line in lines] == list(range(2, 21, 2))


def test_a_command_that_was_not_answered_when_it_began_is_told_as_asked(cast, monkeypatch):
    data = {"command": 1, "wanted": "paused", "source": "person"}
    tell(cast.acme, "recording.asked", actor=cast.ana.pk, call_id="c-1", data=data)
    pieces = iter(browser_of(cast.ana).get(EXPORT))
    text = next(pieces)  # its head, and where it will end
    tell(cast.acme, "recording.answered", actor=cast.ana.pk, call_id="c-1", data=data | {"outcome": "acknowledged"})
    text += b"".join(pieces)
    [line] = csv.DictReader(io.StringIO(text.decode("utf-8-sig")))
    assert line["verb"] == "recording.asked"
    assert "no answer stands in the log yet" in line["result"]


def test_of_many_at_once_two_run_and_the_others_are_told_to_wait(cast):
    command(cast.acme, 1, actor=cast.ana.pk)
    client = browser_of(cast.ana)
    running = [client.get(EXPORT) for _ in range(export.AT_ONCE)]
    busy = client.get(EXPORT)
    assert busy.status_code == 503
    assert busy.headers["Retry-After"]
    assert "exports are running already" in busy.content.decode()
    b"".join(running[0])
    running[1].close()  # its reader left before anything was read
    again = [client.get(EXPORT) for _ in range(export.AT_ONCE)]
    assert [answer.status_code for answer in again] == [200, 200]
    for answer in again:
        answer.close()


def test_an_export_holds_no_more_than_a_batch_however_long_the_log(cast, monkeypatch):
    monkeypatch.setattr(reading, "_BATCH", 10)
    for number in range(100):
        command(cast.acme, number, actor=cast.ana.pk)
    seen = []

    def naming(shown):
        seen.append(len(shown))
        return {}

    assert sum(1 for _ in Export(Wish(f"tenant-{cast.acme.pk}"), naming)) == len(seen) + 1
    assert max(seen) <= 10
    assert sum(seen) == 100


def test_its_end_is_told_so_that_a_browser_knows_one_that_broke_off(cast, node):
    command(cast.acme, 1, actor=cast.ana.pk)
    visitor = node().browser_of(cast.ana)
    whole = visitor.get(EXPORT, stream=True)
    assert whole.headers.get("Transfer-Encoding") == "chunked"
    assert "Content-Length" not in whole.headers
    assert whole.text.count("\n") == 2


def test_pages_are_drawn_while_exports_run(cast, node, threads: ThreadPoolExecutor):
    for number in range(300):
        command(cast.acme, number, actor=cast.ana.pk)
    started = node()
    visitors = [started.browser_of(user) for user in (cast.ana, cast.mia)]
    running = [threads.submit(visitor.get, EXPORT) for visitor in visitors]
    assert started.browser_of(cast.ana).get("/t/acme/log/").status_code == 200
    assert [one.result().text.count("\n") for one in running] == [301, 301]

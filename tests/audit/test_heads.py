"""The heads of the log are kept every day, in files that only grow and that nobody else can make up."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from pytest_django.fixtures import Settings

from tests.audit.chains import AT, EIGHT, SEVEN, some
from tests.audit.conftest import Verify
from tests.environment import DATA
from tests.serving import Node
from voicedash.audit import heads, log
from voicedash.audit.heads import Foreign, Kept
from voicedash.audit.models import Head

MORNING = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def folder(transactional_db: None, settings: Settings, tmp_path: Path) -> Path:
    settings.LOG_HEADS = tmp_path / "data" / "log-heads"
    some(SEVEN)
    some(EIGHT, 3)
    return tmp_path / "data" / "log-heads"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock."""
    return lambda now: monkeypatch.setattr(heads, "_now", lambda: now)


def test_a_file_of_the_day_holds_the_head_of_every_chain(folder: Path, at: Callable[[datetime], None]) -> None:
    at(MORNING)
    heads.write()
    assert [path.name for path in folder.iterdir() if path.name[0] != "."] == ["2026-11-24.jsonl"]
    kept = list(heads.read(folder / "2026-11-24.jsonl"))
    digests = dict(Head.objects.values_list("chain", "digest"))
    where = f"{folder / '2026-11-24.jsonl'}, line "
    assert kept == [
        Kept(MORNING, SEVEN, 5, digests[SEVEN], f"{where}1"),
        Kept(MORNING, EIGHT, 3, digests[EIGHT], f"{where}2"),
    ]


def test_a_later_head_of_the_day_is_added_and_nothing_is_overwritten(
    folder: Path, at: Callable[[datetime], None]
) -> None:
    at(MORNING)
    heads.write()
    file = folder / "2026-11-24.jsonl"
    before = file.read_bytes()
    assert heads.write() == []
    assert file.read_bytes() == before
    some(SEVEN, 1)
    heads.write()
    assert file.read_bytes().startswith(before)
    assert [(k.chain, k.seq) for k in heads.read(file) if isinstance(k, Kept)] == [(SEVEN, 5), (EIGHT, 3), (SEVEN, 6)]


def test_the_next_day_has_a_file_of_its_own_though_nothing_happened(
    folder: Path, at: Callable[[datetime], None]
) -> None:
    at(MORNING)
    heads.write()
    at(MORNING + timedelta(hours=16))
    assert len(heads.write()) == 2
    assert len(list(folder.glob("*.jsonl"))) == 2


def test_the_heads_stand_in_the_log_of_the_process_as_they_stand_in_the_file(
    folder: Path, caplog: pytest.LogCaptureFixture, at: Callable[[datetime], None]
) -> None:
    at(MORNING)
    with caplog.at_level("INFO", logger="voicedash.audit.heads"):
        heads.write()
    lines = (folder / "2026-11-24.jsonl").read_text("utf-8").splitlines()
    assert [record.getMessage() for record in caplog.records] == [f"log head {line}" for line in lines]


def test_a_disk_that_is_full_leaves_what_was_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at: Callable[[datetime], None]
) -> None:
    at(MORNING)
    heads.write()
    before = (folder / "2026-11-24.jsonl").read_bytes()
    some(SEVEN, 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CommandError, match="No space left"):
        call_command("log_heads")
    assert (folder / "2026-11-24.jsonl").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "2026-11-24.jsonl"]


def test_processes_that_write_at_once_lose_no_line(
    folder: Path, threads: ThreadPoolExecutor, at: Callable[[datetime], None]
) -> None:
    at(MORNING)

    def one_more(number: int) -> None:
        with transaction.atomic():
            log.append(f"tenant-{100 + number}", "recording.asked", at=AT)
        heads.write()

    for future in [threads.submit(one_more, number) for number in range(8)]:
        future.result()
    kept = [head for head in heads.read(folder / "2026-11-24.jsonl") if isinstance(head, Kept)]
    assert sorted(head.chain for head in kept) == sorted([SEVEN, EIGHT, *(f"tenant-{100 + n}" for n in range(8))])


def changed(line: str, **columns: object) -> str:
    return json.dumps(json.loads(line) | columns)


@pytest.mark.parametrize(
    "make_up",
    [
        lambda line: changed(line, seq=4),
        lambda line: changed(line, digest="0" * 64),
        lambda line: changed(line, chain="tenant-9"),
        lambda line: changed(line, at="2026-11-23T08:00:00+00:00"),
        lambda line: changed(line, signature=None),
        lambda line: changed(line, key="00000000"),
        lambda line: changed(line, key=[]),
        lambda line: line[:40],
        lambda line: "[]",
        lambda line: "\x00\udcff",
    ],
    ids=["seq", "digest", "chain", "at", "signature", "key", "odd key", "half a line", "no object", "no text"],
)
def test_a_line_that_was_made_up_is_a_fault_and_the_rest_is_compared(
    folder: Path,
    make_up: Callable[[str], str],
    at: Callable[[datetime], None],
    verify: Verify,
) -> None:
    at(MORNING)
    heads.write()
    file = folder / "2026-11-24.jsonl"
    first, second = file.read_text("utf-8").splitlines()
    file.write_text(f"{make_up(first)}\n{second}\n", "utf-8", errors="surrogateescape")
    assert [type(found) for found in heads.read(file)] == [Foreign, Kept]
    status, lines = verify()
    assert status == 1
    assert lines[0].startswith(f"FAULT: 1 fault: {file}, line 1: ")
    assert "; 1 kept head compared" in lines[-1]


def test_an_empty_file_is_a_fault(folder: Path, verify: Verify) -> None:
    folder.mkdir(parents=True)
    (folder / "2026-11-24.jsonl").touch()
    status, lines = verify()
    assert (status, lines[0]) == (1, f"FAULT: 1 fault: {folder}/2026-11-24.jsonl is empty")


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_compared(
    folder: Path, at: Callable[[datetime], None], verify: Verify
) -> None:
    at(MORNING)
    heads.write()
    (folder / "2026-11-23.jsonl").mkdir()
    status, lines = verify()
    assert (status, lines[0]) == (2, f"NOT CHECKED: {folder}/2026-11-23.jsonl: Is a directory")
    assert "; 2 kept heads compared" in lines[-1]


def test_they_are_written_once_a_day_and_again_when_it_failed(
    folder: Path, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    folder.parent.mkdir(parents=True)
    folder.touch()  # stands in the way of the folder
    at(MORNING)

    class Over(Exception):
        pass

    def sleep(_: float) -> None:
        seen.append(len(list(folder.glob("*.jsonl"))) if folder.is_dir() else -1)
        if len(seen) == 1:
            folder.unlink()
        elif len(seen) == 3:
            some(SEVEN, 1)
        elif len(seen) == 4:
            at(MORNING + timedelta(days=1))
        elif len(seen) == 5:
            raise Over

    monkeypatch.setattr("time.sleep", sleep)
    with pytest.raises(Over):
        heads._daily()
    assert seen == [-1, 1, 1, 1, 2]
    kept = [k.seq for k in heads.read(folder / "2026-11-24.jsonl") if isinstance(k, Kept) and k.chain == SEVEN]
    assert kept == [5]


def test_the_command_says_how_many_were_added(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    call_command("log_heads")
    assert capsys.readouterr().out == f"2 heads added below {folder}.\n"


def test_a_web_process_keeps_them_when_it_starts(node: Callable[..., Node]) -> None:
    some("tenant-4711", 2)
    until = time.monotonic() + 30
    with_file = node()
    while time.monotonic() < until:
        files = [path.read_text("utf-8") for path in (DATA / "log-heads").glob("*.jsonl")]
        if any('"tenant-4711"' in file for file in files):
            return
        time.sleep(0.05)
    pytest.fail("\n".join(with_file.log))

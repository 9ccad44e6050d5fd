"""`verify_log` as a person and a monitor see it: one line, the details, the exit status; and how it reads."""

import subprocess
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from tests.audit.chains import AT, EIGHT, SEVEN, many, some, write_all_anew, write_anew
from tests.audit.conftest import Verify
from tests.serving import ROOT
from tests.unguarded import log_unguarded
from voicedash.audit import heads, log, proof
from voicedash.audit.models import Entry

SQLITE = connection.vendor == "sqlite"
pytestmark = pytest.mark.usefixtures("two_chains")


def test_what_no_driver_can_read_is_told(verify: Verify) -> None:
    bad = "'no time'" if SQLITE else "'infinity'"
    with log_unguarded(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_entry SET at = {bad} WHERE chain = '{SEVEN}' AND seq = 3")
    status, lines = verify()
    assert (status, lines[1]) == (1, f"{SEVEN}: entry 3 cannot be read")
    assert "entry 4" not in "\n".join(lines)


def test_an_entry_that_is_there_twice_is_told(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    # As without the constraint that stands in the way.
    rows = proof._rows
    monkeypatch.setattr(proof, "_rows", lambda *of: [row for row in rows(*of) for _ in range(1 + (row[0] == 2))])
    status, lines = verify(SEVEN)
    assert status == 1
    assert lines[1:-1] == [f"{SEVEN}: entry 2 is there twice (of 2026-11-23 14:04:22 UTC)"]


def test_an_untouched_log_is_told_in_one_line(verify: Verify) -> None:
    status, lines = verify()
    assert status == 0
    assert len(lines) == 1
    assert lines[0].startswith(
        "OK: 2 chains, 12 entries, newest 2026-11-23 14:07:22 UTC; 2 kept heads compared, newest"
    )


def test_a_guard_that_is_off_is_a_fault(verify: Verify) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER audit_head_no_delete{'' if SQLITE else ' ON audit_head'}")
    try:
        status, lines = verify()
    finally:
        call_command("migrate", "audit", "0001", verbosity=0)
        call_command("migrate", "audit", verbosity=0)
    told = "the database does not refuse changes: trigger audit_head_no_delete is gone, off or not as it was made"
    assert (status, lines[0]) == (1, f"FAULT: 1 fault: {told}")


def test_one_chain_can_be_asked_about(verify: Verify) -> None:
    with log_unguarded():
        Entry.objects.filter(chain=EIGHT, seq=3).update(actor=99)
    assert verify(SEVEN) == (0, [f"OK: 1 chain, 7 entries, {verify(SEVEN)[1][0].partition('entries, ')[2]}"])
    assert verify(EIGHT)[0] == 1
    status, lines = verify("tenant-9")
    assert (status, lines[1]) == (1, "tenant-9: there is no such chain")


def test_keys_that_signed_nothing_are_asked_about(verify: Verify, settings: Settings) -> None:
    settings.LOG_KEYS = ["of another log"]
    status, lines = verify()
    assert status == 1
    assert any("are these the keys of this log?" in line for line in lines)


def test_copies_of_heads_that_another_system_kept_are_compared(verify: Verify, tmp_path: Path) -> None:
    copies = tmp_path / "log-heads"
    elsewhere = tmp_path / "elsewhere"
    copies.rename(elsewhere)
    with log_unguarded():
        write_all_anew()
    assert verify()[0] == 0  # whole in itself, and nothing here knows better
    status, lines = verify("--heads", str(elsewhere))
    assert status == 1
    assert "something in entries 1 to 5 was written anew" in lines[0]


def test_a_rewritten_part_is_narrowed_by_the_heads_before_it(verify: Verify) -> None:
    heads.write()
    some(SEVEN, 3)
    heads.write()
    with log_unguarded():
        last = Entry.objects.get(chain=SEVEN, seq=10)
        Entry.objects.filter(pk=last.pk).update(actor=99)
        write_anew(SEVEN, lambda entry: None)
    status, lines = verify()
    assert status == 1
    assert f"{SEVEN}: something in entries 8 to 10 was written anew; entry 10 was another one at" in lines[0]


def test_a_folder_that_is_not_there_was_not_compared(verify: Verify, tmp_path: Path) -> None:
    status, lines = verify("--heads", str(tmp_path / "nowhere"))
    assert (status, lines[0]) == (2, f"NOT CHECKED: {tmp_path}/nowhere: No such file or directory")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}, "NOT CHECKED: the database cannot be read"),
        ({"DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3"}, "NOT CHECKED: the database cannot be read"),
        ({"VOICEDASH_LOG_KEYS": ","}, "VOICEDASH_LOG_KEYS holds no key"),
        ({}, "NOT CHECKED: the database cannot be read"),  # an empty one
    ],
    ids=["no server", "no file", "no keys", "no tables"],
)
def test_what_is_not_there_was_not_checked(more: dict[str, str], told: str, tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "VOICEDASH_ENV_FILE": "", "VOICEDASH_DATA": str(tmp_path)} | more
    ran = subprocess.run(
        [sys.executable, "manage.py", "verify_log"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 2
    assert told in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_entries_that_come_while_it_looks_are_no_fault(verify: Verify, threads: ThreadPoolExecutor) -> None:
    done = Event()
    counts = dict.fromkeys((SEVEN, EIGHT, "tenant-9", log.SIGN_INS), 0)

    def write(chain: str) -> None:
        while not done.is_set():
            with transaction.atomic():
                log.append(chain, "recording.asked", at=AT)
            counts[chain] += 1
            if counts[chain] % 10 == 0:
                heads.write()

    writing = [threads.submit(write, chain) for chain in counts]
    seen: list[tuple[int, list[str]]] = []
    until = time.monotonic() + 60
    try:
        while (len(seen) < 10 or min(counts.values()) < 20) and time.monotonic() < until:
            seen.append(verify())
    finally:
        done.set()
    for future in writing:
        future.result()
    assert [(status, lines) for status, lines in seen if status] == []
    assert min(counts.values()) >= 20
    assert verify()[0] == 0


def test_a_log_ten_times_as_long_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_PAGE", 100)
    many("tenant-50", 500)
    many("tenant-51", 5_000)
    proof.check("tenant-50")

    def peak(chain: str) -> int:
        tracemalloc.start()
        try:
            assert proof.check(chain).faults == []
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak("tenant-51") < 1.2 * peak("tenant-50") + 100_000

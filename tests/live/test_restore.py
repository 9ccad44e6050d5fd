"""From a backup to a board that presses, from start to end: made under presses, restored into an empty place."""

import itertools
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cast import Cast
from tests.keyring import Keyring
from tests.live.databases import LOOK, POSTGRESQL, Place, Serving, put_keys
from tests.serving import Node
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Call

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])]


def test_from_a_backup_under_presses_to_a_press(
    keyring: Keyring,
    cast: Cast,
    bandwidth: Fake,
    live_call: Callable[..., tuple[Call, Any]],
    node: Callable[..., Node],
    threads: ThreadPoolExecutor,
    backup: Callable[[], tuple[Path, Path]],
    place: Place,
) -> None:
    calls = [live_call(account)[0] for account in (cast.acme_account, cast.acme_account)]
    still_paused, _ = live_call(cast.acme_account)
    served = node()
    ana = served.browser_of(cast.ana)
    assert 'data-outcome="acknowledged"' in ana.post(f"/t/acme/calls/{still_paused.pk}/pause/").text
    begun, stop = threading.Event(), threading.Event()

    def press(call: Call) -> None:
        visitor = served.browser_of(cast.ana)
        for number, verb in enumerate(itertools.cycle(("pause", "resume"))):
            assert 'data-outcome="acknowledged"' in visitor.post(f"/t/acme/calls/{call.pk}/{verb}/").text
            begun.set()
            if number > 2 and stop.is_set():
                return
        raise AssertionError

    pressing = [threads.submit(press, call) for call in calls]
    try:
        assert begun.wait(20)
        made, safe = backup()
    finally:
        stop.set()
    for press_on in pressing:
        press_on.result()
    served.kill()

    put_keys(safe, place)
    done = place.manage_afresh("restore", str(made))
    assert done.returncode == 0, done.stderr
    assert "Restored. Next: verify_log" in done.stdout
    assert "are “Not confirmed” now" in done.stdout
    found = json.loads(place.python("-c", LOOK).stdout)
    assert found["faults"] and set(found["faults"]) == {None}
    assert found["secrets"] == ["secret-9900001", "secret-9900002"]
    # Whether it is still paused nobody knows: what was pressed after the backup is not in it.
    assert found["calls"][still_paused.call_id] == "unconfirmed"
    assert "paused" not in found["calls"].values()
    assert place.manage("rotate_keys", "--check").returncode == 0
    assert place.manage_afresh("verify_log").returncode == 0

    with Serving(place, bandwidth) as address:
        ana.url = address  # who was signed in still is
        board = ana.get("/t/acme/")
        assert board.status_code == 200
        assert still_paused.call_id in board.text
        pressed = ana.post(f"/t/acme/calls/{still_paused.pk}/pause/")
        assert 'data-outcome="acknowledged"' in pressed.text
        assert 'data-recording="paused"' in pressed.text
    assert place.manage("verify_log").returncode == 0


def test_keys_that_do_not_fit_are_told_before_anything_is_written(
    backup: Callable[[], tuple[Path, Path]], place: Place, keyring: Keyring
) -> None:
    made, safe = backup()
    done = place.manage("restore", str(made))  # whose start made keys of its own
    assert done.returncode == 1
    assert f"VOICEDASH_KEYS lacks what this backup needs: {keyring.names[0]}." in done.stderr
    put_keys(safe, place)
    assert place.manage("restore", str(made)).returncode == 0


def test_without_the_keys_all_but_the_secrets_can_be_had(
    backup: Callable[[], tuple[Path, Path]], place: Place, keyring: Keyring
) -> None:
    made, _ = backup()
    done = place.manage("restore", str(made), "--without-keys")
    assert done.returncode == 0, done.stderr
    told = place.manage("check")
    assert told.returncode == 0
    assert "cannot be opened: 9900001 (Acme Support), 9900002 (Globex Care)" in told.stderr


def test_nothing_is_ever_overwritten(backup: Callable[[], tuple[Path, Path]], place: Place) -> None:
    made, safe = backup()
    put_keys(safe, place)
    assert place.manage("migrate", "--verbosity=0").returncode == 0
    done = place.manage("restore", str(made))
    assert done.returncode == 1
    assert "Nothing is ever overwritten" in done.stderr
    if not POSTGRESQL:
        place.file.unlink()
        place.file.with_name("db.sqlite3-wal").write_bytes(b"of another database")
        done = place.manage("restore", str(made))
        assert "db.sqlite3-wal is in the way" in done.stderr
        assert not place.file.exists()


def test_a_damaged_backup_is_told_before_anything_is_written(
    backup: Callable[[], tuple[Path, Path]], place: Place
) -> None:
    made, safe = backup()
    put_keys(safe, place)
    dump = made / ("database.dump" if POSTGRESQL else "db.sqlite3")
    whole = dump.read_bytes()
    dump.write_bytes(whole[:5000] + b"X" + whole[5001:])
    done = place.manage("restore", str(made))
    assert done.returncode == 1 and "is not what was backed up" in done.stderr
    dump.write_bytes(whole)
    assert place.manage("restore", str(made)).returncode == 0


def test_a_newer_backup_another_engine_s_and_any_other_folder_are_told(
    backup: Callable[[], tuple[Path, Path]], place: Place, tmp_path: Path
) -> None:
    made, safe = backup()
    put_keys(safe, place)
    manifest = (made / "manifest.json").read_text("utf-8")
    newer = manifest.replace('"0001_initial"', '"9999_of_next_year"', 1)
    (made / "manifest.json").write_text(newer, "utf-8")
    other = (
        {"DATABASE_URL": f"sqlite:///{tmp_path / 'x.sqlite3'}"} if POSTGRESQL else {"DATABASE_URL": "postgres://h/n"}
    )
    for folder, told, variables in [
        (made, "A newer voicedash made this backup", {}),
        (made, "names another kind of database", other),
        (tmp_path, "is no backup of voicedash", {}),
        (tmp_path / "nowhere", "is no backup of voicedash", {}),
    ]:
        done = place.manage("restore", str(folder), **variables)
        assert done.returncode == 1 and told in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_a_rotation_while_the_backup_is_made_leaves_no_secret_without_its_key(
    keyring: Keyring, cast: Cast, backup: Callable[[], tuple[Path, Path]], place: Place, threads: ThreadPoolExecutor
) -> None:
    rotated = threads.submit(lambda: [keyring.manage("rotate_keys", "--new", "--one-node") for _ in range(3)])
    made, safe = backup()
    assert [done.returncode for done in rotated.result()] == [0, 0, 0]
    put_keys(safe, place)
    assert place.manage("restore", str(made)).returncode == 0
    assert "cannot be opened" not in place.manage("check").stderr

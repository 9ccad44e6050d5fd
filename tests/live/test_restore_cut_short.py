"""A restore that is killed, or beside which somebody starts: nothing half restored is served, nothing overwritten."""

import json
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import migrated
from tests.cast import Cast
from tests.keyring import Keyring
from tests.live import databases
from tests.live.databases import LOOK, POSTGRESQL, Place, Serving, put_keys
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Call

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])]

# `manage.py restore` with something done first at one of its steps: {step} is where, {act} what.
AT = """
import os, subprocess, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voicedash.settings")
import django
django.setup()
import manage
from voicedash.live import restoring
owner, name = "{step}".split(".")
owner = getattr(restoring, owner)
real = getattr(owner, name)
def replaced(*given, **named):
    {act}
    return real(*given, **named)
setattr(owner, name, replaced)
sys.argv = ["manage.py", "restore", sys.argv[1]]
manage.main()
"""
KILL = "os.kill(os.getpid(), 9)"
# Somebody makes a database there: in this moment, by a process of their own.
MIGRATE = "subprocess.run([sys.executable, 'manage.py', 'migrate', '--verbosity=0'], check=True)"
if not POSTGRESQL:  # what that leaves can be put there as a file
    MIGRATE = (
        "import shutil; shutil.copy(os.environ['MIGRATED'], os.environ['DATABASE_URL'].removeprefix('sqlite:///'))"
    )


@pytest.mark.parametrize("step", ["backups.contents", "restored.doubt_pauses"])
def test_one_that_was_killed_leaves_nothing_that_could_be_served_as_paused(
    keyring: Keyring,
    cast: Cast,
    live_call: Callable[..., tuple[Call, Any]],
    backup: Callable[[], tuple[Path, Path]],
    place: Place,
    tmp_path: Path,
    step: str,
) -> None:
    call, _ = live_call(cast.acme_account)
    Call.objects.filter(pk=call.pk).update(recording="paused")
    made, safe = backup()
    put_keys(safe, place)
    assert place.python("-c", AT.format(step=step, act=KILL), str(made)).returncode == -9
    assert json.loads(place.python("-c", LOOK).stdout)["calls"] == {call.call_id: "paused"}

    backed_up = ("backup", str(tmp_path / "no"))
    for command in (("serve",), ("serve", "--no-migrate"), ("restore", str(made)), backed_up):
        done = place.manage(*command)
        assert done.returncode == 1 and "was not finished" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    with databases.empty(tmp_path / "another") as other:
        if not POSTGRESQL:
            found = re.search(r"\((rm -f .*?)\)", done.stderr)
            assert found
            subprocess.run(found[1], shell=True, check=True)
            other = place
        put_keys(safe, other)
        assert other.manage("restore", str(made)).returncode == 0
        assert json.loads(other.python("-c", LOOK).stdout)["calls"] == {call.call_id: "unconfirmed"}
        assert other.manage("backup", str(tmp_path / "again")).returncode == 0  # and it bears no mark any more


def test_one_that_was_killed_before_anything_was_put_back_is_simply_run_again(
    backup: Callable[[], tuple[Path, Path]], place: Place
) -> None:
    made, safe = backup()
    put_keys(safe, place)
    step = "pg_programs.where" if POSTGRESQL else "os.link"
    assert place.python("-c", AT.format(step=step, act=KILL), str(made)).returncode == -9
    done = place.manage("restore", str(made))
    assert done.returncode == 0, done.stderr
    assert not list(place.data.glob("*.restored*"))


def test_who_starts_meanwhile_waits_and_serves_what_was_restored(
    backup: Callable[[], tuple[Path, Path]], place: Place, bandwidth: Fake, threads: ThreadPoolExecutor
) -> None:
    made, safe = backup()
    put_keys(safe, place)
    go_on = place.data / "go_on"
    act = f"print('begun', flush=True); os.mkfifo({str(go_on)!r}); open({str(go_on)!r}).close()"
    restoring = place.start("-c", AT.format(step="backups.sha256", act=act), str(made))
    assert restoring.stdout and "begun" in restoring.stdout.readline()
    serving = Serving(place, bandwidth)
    try:
        assert serving.process.stdout
        assert "or restores it: waiting for it" in serving.process.stdout.readline()
        go_on.open("w").close()
        said = restoring.communicate(timeout=180)[0]
        assert restoring.returncode == 0, said
        with serving:
            assert len(json.loads(place.python("-c", LOOK).stdout)["secrets"]) == 2
    finally:
        serving.process.kill()
        restoring.kill()


@pytest.mark.parametrize("step", ["backups.sha256", "shutil.copyfileobj"])
def test_what_came_up_meanwhile_without_the_lock_is_not_overwritten(
    backup: Callable[[], tuple[Path, Path]], place: Place, step: str
) -> None:
    if POSTGRESQL and step.startswith("shutil"):
        pytest.skip("of SQLite")
    made, safe = backup()
    put_keys(safe, place)
    copied = {} if POSTGRESQL else {"MIGRATED": str(migrated.file())}
    done = place.python("-c", AT.format(step=step, act=MIGRATE), str(made), **copied)
    assert done.returncode == 1 and "Nothing is ever overwritten" in done.stderr, done.stderr
    assert json.loads(place.python("-c", LOOK).stdout)["secrets"] == []
    assert not list(place.data.glob("*.restored*"))
    with databases.empty(place.data / "other") as other:
        put_keys(safe, other)
        assert other.manage("restore", str(made)).returncode == 0

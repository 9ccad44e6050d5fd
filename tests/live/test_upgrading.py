"""`serve` migrates: one process at a time, after a copy of a SQLite database, and with a way back when it fails."""

import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.calls.doubting import until
from tests.live import databases
from tests.live.databases import POSTGRESQL, Place
from voicedash.live import database

pytestmark = pytest.mark.database
ONLY_SQLITE = pytest.mark.skipif(bool(POSTGRESQL), reason="a database on a server is not copied at a start")
WAITS = "Another voicedash is bringing this database up to date"

# `serve` with one more migration: {operation} is what it does.
ANOTHER = """
import os, sys, time
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voicedash.settings")
import django
django.setup()
from django.core.management import CommandError, call_command
from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from voicedash.live.management.commands import serve
def work(apps, editor):
    {operation}
class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]
    operations = [migrations.RunPython(work)]
load = MigrationLoader.load_disk
def with_another(self):
    load(self)
    leaf = max(name for app, name in self.disk_migrations if app == "tenants")
    Migration.dependencies = [("tenants", leaf)]
    self.disk_migrations["tenants", "9999_another"] = Migration("9999_another", "tenants")
MigrationLoader.load_disk = with_another
serve.Command._supervise = lambda self, listener, welcome: self._say_all(welcome)  # it is the start that is looked at
try:
    call_command("serve")
except CommandError as error:
    sys.exit(str(error))
"""
FAILS = "editor.execute('CREATE TABLE half_made (id integer)'); raise ValueError('a row that was not expected')"
# Longer than a press may wait for a lock or a statement may take.
SLOW = "editor.execute('SELECT pg_sleep(3)') if editor.connection.vendor == 'postgresql' else time.sleep(3)"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with databases.empty(tmp_path / "data") as made:
        yield made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A database with a tenant in it, made once: each test gets a copy."""
    with databases.empty(tmp_path_factory.mktemp("made"), with_tables=True) as place:
        add(place, "acme")
        yield place


@pytest.fixture
def in_use(made: Place, tmp_path: Path) -> Iterator[Place]:
    with databases.empty(tmp_path / "used", like=made) as copy:
        yield copy


def add(place: Place, slug: str) -> None:
    file = place.data / f"{slug}.toml"
    file.write_text(f'[[tenant]]\nslug = "{slug}"\nname = "{slug}"\n')
    done = place.manage("provision", str(file))
    assert done.returncode == 0, done.stderr


def tenants(file: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [slug for (slug,) in connection.execute("SELECT slug FROM tenants_tenant ORDER BY slug")]


def started(place: Place, operation: str) -> "subprocess.CompletedProcess[str]":
    return place.python("-c", ANOTHER.format(operation=operation))


def test_two_at_the_same_moment_on_an_empty_database(place: Place) -> None:
    code = ANOTHER.format(operation=SLOW)
    both = [place.start("-c", code) for _ in range(2)]
    said = [process.communicate(timeout=180)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted("Bringing the database up to date" in text for text in said) == [False, True], said
    assert sorted(WAITS in text for text in said) == [False, True], said
    assert all(re.search(r"^voicedash: http", text, re.M) for text in said)


def test_who_waits_goes_on_when_the_other_is_killed(place: Place) -> None:
    first = place.start("-c", ANOTHER.format(operation="time.sleep(60)"))
    assert first.stdout
    for line in first.stdout:
        if "Bringing" in line:
            break
    second = place.start("-c", ANOTHER.format(operation="pass"))
    assert second.stdout
    assert WAITS in second.stdout.readline()
    first.kill()
    first.communicate()
    said = second.communicate(timeout=180)[0]
    assert "Bringing the database up to date" in said
    assert second.returncode == 0, said


@pytest.mark.skipif(not POSTGRESQL, reason="about PostgreSQL's sessions; SQLite has none")
def test_who_goes_on_waits_for_the_session_of_a_killed_one(place: Place) -> None:
    with closing(psycopg.connect(place.url, autocommit=True)) as session:  # as one in the middle of a statement
        session.execute("SELECT pg_advisory_lock(%s)", [database._WORK])
        second = place.start("-c", ANOTHER.format(operation="pass"))
        assert second.stdout
        assert any("Bringing" in line for line in second.stdout)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: session.execute(waiting).fetchone() == (1,))
        assert session.execute("SELECT to_regclass('tenants_tenant')").fetchone() == (None,)
    said = second.communicate(timeout=180)[0]
    assert second.returncode == 0, said


def test_a_start_with_nothing_to_do_waits_for_nobody_and_copies_nothing(in_use: Place) -> None:
    done = started(in_use, "pass")
    again = started(in_use, "pass")
    assert (done.returncode, again.returncode) == (0, 0), done.stderr
    assert "Bringing" in done.stdout
    assert not re.search("Bringing|Copying|Another", again.stdout)


@ONLY_SQLITE
def test_a_copy_from_before_stands_beside_it(in_use: Place) -> None:
    done = started(in_use, "apps.get_model('tenants', 'Tenant').objects.all().delete()")
    assert done.returncode == 0, done.stderr
    copy = in_use.data / "before-tenants.9999_another.sqlite3"
    assert f"Copying the database to {copy}" in done.stdout
    assert copy.stat().st_mode & 0o777 == 0o600
    assert tenants(copy) == ["acme"]
    assert tenants(in_use.file) == []
    assert sorted(path.name for path in in_use.data.glob("*before*")) == [copy.name]


@ONLY_SQLITE
def test_a_restart_after_half_a_migration_leaves_the_copy_from_before_it(in_use: Place) -> None:
    half = ANOTHER.replace("    dependencies =", "    atomic = False\n    dependencies =", 1)
    code = half.format(operation="apps.get_model('tenants', 'Tenant').objects.all().delete(); raise ValueError")
    copy = in_use.data / "before-tenants.9999_another.sqlite3"
    for _ in range(2):
        done = in_use.python("-c", code)
        assert done.returncode == 1 and f"{copy}\n" in done.stderr
        assert tenants(in_use.file) == []
        assert tenants(copy) == ["acme"]
    assert f"{copy} stays as it is" in done.stdout
    assert sorted(path.name for path in in_use.data.glob("*before*")) == [copy.name]


@ONLY_SQLITE
def test_what_was_written_since_an_attempt_weeks_ago_is_copied_and_that_copy_stays(in_use: Place) -> None:
    assert started(in_use, FAILS).returncode == 1
    add(in_use, "globex")  # the old version went on
    newer = in_use.data / "before-tenants.9999_another-2.sqlite3"
    for _ in range(2):
        told = started(in_use, FAILS).stderr
        assert told.strip().endswith(f"cp {newer} {in_use.file}")
        assert tenants(newer) == ["acme", "globex"]
    assert tenants(in_use.data / "before-tenants.9999_another.sqlite3") == ["acme"]
    assert len(list(in_use.data.glob("*before*"))) == 2


@ONLY_SQLITE
def test_an_empty_database_is_not_copied(place: Place) -> None:
    assert started(place, "pass").returncode == 0
    assert list(place.data.glob("before-*")) == []


@ONLY_SQLITE
def test_the_newest_three_are_kept(in_use: Place) -> None:
    for number in range(4):
        old = in_use.data / f"before-tenants.000{number}_old.sqlite3"
        old.write_bytes(b"")
        os.utime(old, (1000 + number, 1000 + number))
    assert started(in_use, "pass").returncode == 0
    names = sorted(path.name for path in in_use.data.glob("before-*"))
    assert names == [
        "before-tenants.0002_old.sqlite3",
        "before-tenants.0003_old.sqlite3",
        "before-tenants.9999_another.sqlite3",
    ]


def test_a_migration_that_fails_says_what_to_do_and_leaves_nothing_half_done(in_use: Place) -> None:
    done = started(in_use, FAILS)
    assert done.returncode == 1
    told = done.stderr[done.stderr.index("The migration of the database stopped") :]
    assert "at tenants.9999_another: ValueError: a row that was not expected" in told
    assert "Traceback" not in told  # that stands above it, in the log
    assert "voicedash: http" not in done.stdout
    if POSTGRESQL:
        assert "restore the backup from before the upgrade" in told
    else:
        assert f"{in_use.data / 'before-tenants.9999_another.sqlite3'}" in told
        with closing(sqlite3.connect(in_use.file)) as connection:
            assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half_made'").fetchone() == (0,)
    # At every restart the same, and the database serves the old version as before.
    assert started(in_use, FAILS).returncode == 1
    assert started(in_use, "pass").returncode == 0


@ONLY_SQLITE
def test_the_way_back_that_it_prints_leads_back(in_use: Place) -> None:
    told = started(in_use, FAILS).stderr
    add(in_use, "globex")
    command = told.strip().splitlines()[-1].strip()
    assert command.startswith("rm -f ")
    subprocess.run(command, shell=True, check=True)
    assert tenants(in_use.file) == ["acme"]
    assert in_use.manage("check").returncode == 0
    assert in_use.manage("migrate", "--check").returncode == 0


@ONLY_SQLITE
def test_without_a_copy_it_does_not_migrate(in_use: Place) -> None:
    (in_use.data / "before-tenants.9999_another.sqlite3").mkdir()
    done = started(in_use, "pass")
    assert done.returncode == 1
    assert "The database was not migrated, for want of a copy to go back to" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(in_use.data.glob(".before-*")) == []


@ONLY_SQLITE
def test_a_full_disk_is_a_sentence_too(in_use: Place) -> None:
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
    done = in_use.python("-c", limited + ANOTHER.format(operation="pass"))
    assert done.returncode == 1
    assert "The database was not migrated, for want of a copy" in done.stderr
    assert "Is there room?" in done.stderr
    assert "Traceback" not in done.stderr
    assert tenants(in_use.file) == ["acme"]
    assert list(in_use.data.glob("*before-*")) == []


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite has no such limits")
def test_a_migration_may_take_longer_than_a_press_and_the_limits_are_back_afterwards(in_use: Place) -> None:
    show = "[r for s in ('lock_timeout', 'statement_timeout') for r in [connection.cursor().execute('SHOW ' + s).fetchone()[0]]]"
    code = ANOTHER.format(operation=f"from django.db import connection; print('while', {show})")
    code = code.replace(
        'call_command("serve")',
        "from django.db import connection; connection.close_all = None\n"
        "    from voicedash.live import database; database.bring_up_to_date(print)\n"
        f"    print('after', {show})",
    )
    done = in_use.python("-c", code)
    assert "while ['1min', '0']" in done.stdout, done.stderr
    assert "after ['2s', '30s']" in done.stdout


def test_without_leave_to_migrate_it_stops_and_changes_nothing(in_use: Place) -> None:
    code = ANOTHER.format(operation="pass").replace('call_command("serve")', 'call_command("serve", "--no-migrate")')
    done = in_use.python("-c", code)
    assert done.returncode == 1 and "1 migrations behind" in done.stderr
    assert list(in_use.data.glob("before-*")) == []

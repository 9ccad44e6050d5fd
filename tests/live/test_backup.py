"""A backup made while people press, the keys apart from it; and what cannot be is a sentence, with nothing half made."""

import json
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from tests import forked
from tests.cast import Cast
from tests.keyring import Keyring
from tests.serving import ROOT
from voicedash.tenants import keys
from voicedash.tenants.models import BandwidthAccount

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])]


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}


def only(folder: Path) -> Path:
    (made,) = folder.iterdir()
    return made


def test_a_backup_holds_the_database_a_manifest_and_the_way_back(keyring: Keyring, cast: Cast, tmp_path: Path) -> None:
    done = keyring.manage_afresh("backup", str(tmp_path / "backups"))
    assert done.returncode == 0, done.stderr
    made = only(tmp_path / "backups")
    dump = "db.sqlite3" if connection.vendor == "sqlite" else "database.dump"
    assert made.name.startswith("voicedash-20")
    assert modes(made) == {made.name: 0o700, dump: 0o600, "manifest.json": 0o600, "RESTORE.txt": 0o600}
    manifest = json.loads((made / "manifest.json").read_text("utf-8"))
    assert manifest["rows"]["tenants_tenant"] == 2
    assert manifest["rows"]["tenants_user"] == 5
    assert manifest["keys"]["VOICEDASH_KEYS"] == {keyring.names[0]: 2}
    assert manifest["file"]["bytes"] == (made / dump).stat().st_size
    assert f"manage.py restore {made}" in (made / "RESTORE.txt").read_text("utf-8")
    # The new data folder has no heads: only those of the old one tell what is missing.
    assert "verify_log --heads /var/lib/voicedash.old/log-heads" in (made / "RESTORE.txt").read_text("utf-8")
    assert f"The keys were NOT copied: they are in {keyring.file}" in done.stdout


def test_the_keys_go_into_a_folder_of_their_own(keyring: Keyring, cast: Cast, tmp_path: Path) -> None:
    done = keyring.command("backup", str(tmp_path / "backups"), "--keys", str(tmp_path / "safe"))
    assert done.returncode == 0, done.stderr
    made, safe = only(tmp_path / "backups"), only(tmp_path / "safe")
    assert made.name == safe.name
    names = ("voicedash_keys", "voicedash_log_keys", "secret_key")
    assert modes(safe) == {safe.name: 0o700} | dict.fromkeys(names, 0o600)
    for name in names:
        assert (safe / name).read_text("utf-8") == (keyring.folder / name).read_text("utf-8")
    hidden = [word for name in names for word in (safe / name).read_text("utf-8").split()]
    for text in [done.stdout, done.stderr, *(path.read_bytes().decode("latin-1") for path in made.iterdir())]:
        assert not [word for word in hidden if word in text]
        assert "secret-99000" not in text


def test_keys_from_the_environment_are_copied_too(keyring: Keyring, cast: Cast, tmp_path: Path) -> None:
    given = keyring.words[0]
    keyring.file.unlink()
    done = keyring.manage(
        "backup", str(tmp_path / "backups"), "--keys", str(tmp_path / "safe"), VOICEDASH_KEYS=given, SECRET_KEY="s" * 50
    )
    assert done.returncode == 0, done.stderr
    safe = only(tmp_path / "safe")
    assert (safe / "voicedash_keys").read_text("ascii").split() == [given]
    assert (safe / "secret_key").read_text("ascii").strip() == "s" * 50


def test_beside_the_database_keys_are_refused(keyring: Keyring, cast: Cast, tmp_path: Path) -> None:
    for inside in (tmp_path / "backups", tmp_path / "backups" / "keys", tmp_path):
        done = keyring.command("backup", str(tmp_path / "backups"), "--keys", str(inside))
        assert done.returncode == 1
        assert "keep the keys elsewhere" in done.stderr
    assert not (tmp_path / "backups").exists()


def test_secrets_that_no_key_opens_are_counted(keyring: Keyring, cast: Cast, tmp_path: Path) -> None:
    BandwidthAccount.objects.filter(pk=cast.acme_account.pk).update(sealed_secret="lost")
    done = keyring.manage("backup", str(tmp_path / "backups"))
    assert done.returncode == 0
    assert "1 of its secrets can be opened by no key that is here" in done.stderr


@pytest.mark.parametrize("option", ["", "--keys"])
def test_a_folder_that_cannot_be_written_is_a_sentence(
    keyring: Keyring, cast: Cast, tmp_path: Path, option: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    wrong = str(tmp_path / "file" / "backups")
    done = keyring.command("backup", *([str(tmp_path / "backups"), option, wrong] if option else [wrong]))
    assert done.returncode == 1
    assert "No backup was made." in done.stderr and "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "backups").glob("*")), "half a backup is none"


def test_a_full_disk_is_a_sentence(keyring: Keyring, cast: Cast, tmp_path: Path) -> None:
    code = (
        "import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "import manage\nsys.argv = ['manage.py', 'backup', sys.argv[1]]\nmanage.main()"
    )
    done = forked.run(["-c", code, str(tmp_path / "backups")], cwd=ROOT, env=keyring.environment())
    assert done.returncode == 1
    assert "No backup was made." in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "backups").iterdir()) == []


def test_one_that_was_killed_does_not_bear_the_name_of_a_backup(keyring: Keyring, cast: Cast, tmp_path: Path) -> None:
    code = (
        "import os, sys, django, manage\ndjango.setup()\nfrom voicedash.live import copies\n"
        "copies.to_disk = lambda path: os.kill(os.getpid(), 9)\n"
        "sys.argv = ['manage.py', 'backup', sys.argv[1]]\nmanage.main()"
    )
    code = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'voicedash.settings'\n" + code
    done = forked.run(["-c", code, str(tmp_path / "backups")], cwd=ROOT, env=keyring.environment())
    assert done.returncode == -9
    left = only(tmp_path / "backups")
    assert left.name.endswith(".incomplete")
    refused = keyring.manage("restore", str(left))
    assert refused.returncode == 1 and "was never finished" in refused.stderr
    assert keyring.command("backup", str(tmp_path / "backups")).returncode == 0


def test_an_empty_database_is_told(keyring: Keyring, tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the same on a server, where it costs a database")
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    done = keyring.manage("backup", str(tmp_path / "backups"), DATABASE_URL=url)
    assert done.returncode == 1
    assert "No backup was made." in done.stderr and "Traceback" not in done.stderr


def test_a_sqlite_backup_is_one_file_that_any_sqlite_opens(keyring: Keyring, cast: Cast, tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("of SQLite")
    keyring.command("backup", str(tmp_path))
    (made,) = tmp_path.glob("voicedash-*")
    with closing(sqlite3.connect(f"file:{made / 'db.sqlite3'}?mode=ro", uri=True)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("PRAGMA journal_mode").fetchall() == [("delete",)]
        sealed = copy.execute("SELECT sealed_secret FROM tenants_bandwidthaccount").fetchall()
    assert len(sealed) == 2
    assert keys.current() == tuple(keyring.words)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (None, "pg_dump is not here. Install PostgreSQL's client programs of version"),
        ("echo 'pg_dump (PostgreSQL) 9.6.24'", "pg_dump is of version 9, the server of"),
        ('[ "$1" = --version ] && echo "pg_dump 99.1" || { echo no such thing >&2; exit 1; }', "failed: no such thing"),
    ],
)
def test_a_pg_dump_that_does_not_do_is_told_with_what_to_install(
    keyring: Keyring, cast: Cast, tmp_path: Path, script: str | None, told: str
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("of PostgreSQL")
    (tmp_path / "bin").mkdir()
    if script:
        (tmp_path / "bin" / "pg_dump").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / "pg_dump").chmod(0o755)
    path = str(tmp_path / "bin") + (":/bin" if script and "&&" in script else "")
    done = keyring.manage("backup", str(tmp_path / "backups"), PATH=path)
    assert done.returncode == 1
    assert told in done.stderr and "Traceback" not in done.stderr
    assert list((tmp_path / "backups").iterdir()) == []


def test_the_password_is_in_no_argument(keyring: Keyring, cast: Cast, tmp_path: Path) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("of PostgreSQL")
    (tmp_path / "bin").mkdir()
    seen = tmp_path / "seen"
    spy = tmp_path / "bin" / "pg_dump"
    spy.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump 99.1" && exit\necho "$@" "password=$PGPASSWORD" > {seen}\n'
        "exit 1\n"
    )
    spy.chmod(0o755)
    url = keyring.environment()["DATABASE_URL"].replace("postgres@", "postgres:pa%24s%2Fword@", 1)
    done = keyring.manage(
        "backup", str(tmp_path / "backups"), DATABASE_URL=url, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    )
    assert done.returncode == 1
    arguments, _, password = seen.read_text().partition("password=")
    assert password.strip() == "pa$s/word"
    assert "pa$s" not in arguments and "dbname=" in arguments
    assert "pa$s" not in done.stderr


def test_a_dump_may_take_longer_than_a_transaction_may_be_idle(keyring: Keyring, cast: Cast, tmp_path: Path) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("of PostgreSQL")
    real = shutil.which("pg_dump")
    (tmp_path / "bin").mkdir()
    slow = tmp_path / "bin" / "pg_dump"
    slow.write_text(f'#!/bin/sh\n[ "$1" = --version ] || sleep 6\nexec {real} "$@"\n')
    slow.chmod(0o755)
    done = keyring.manage("backup", str(tmp_path / "backups"), PATH=f"{slow.parent}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr

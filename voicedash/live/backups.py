"""Backups: a consistent copy of the database with what tells that it is whole, and the keys apart from it."""

import hashlib
import itertools
import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from voicedash.live import copies, database, pg_programs
from voicedash.tenants import board, keys, sealing
from voicedash.tenants.models import BandwidthAccount

MANIFEST = "manifest.json"
STEPS = "RESTORE.txt"
FILES = {"sqlite": "db.sqlite3", "postgresql": "database.dump"}
KEYS = (keys.OWN, "voicedash_log_keys", "secret_key")  # as a data folder names them
_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) ORDER BY tablename",
}

_STEPS = """A backup of voicedash: {engine}, {made} (UTC)

To restore it, here or on another machine, in this order:

1. Stop every voicedash that uses the database.

2. Install the version of voicedash that made this backup, or a newer one, and go to its folder.

3. {emptied}

4. Put the keys in BEFORE anything is started: a start would make new ones, and those open nothing.
{keyed}

5. .venv/bin/python manage.py restore {here}

   It looks at the backup, the keys and the empty place before it writes, and says what is wrong. Calls that were
   paused when the backup was made read "Not confirmed" afterwards: what was pressed since then is not known.

6. As root, give the files to the user who serves:  chown -R voicedash: /var/lib/voicedash

7. The log is whole, the secrets open, and then serve and press Fetch calls:
     .venv/bin/python manage.py verify_log --heads /var/lib/voicedash.old/log-heads
     .venv/bin/python manage.py rotate_keys --check
     make serve

   The heads of the log are in the OLD data folder (or where VOICEDASH_LOG_HEADS said); is it gone, name the copy that
   is kept elsewhere. If verify_log names heads that were kept after this backup was made, that is expected:
   docs/operate.md. Without any copy leave --heads away: then nothing shows what was cut off at the end.

In all of these VOICEDASH_DATA and DATABASE_URL must be those of step 3. With containers: docs/operate.md.
"""
_EMPTIED = {
    "sqlite": """Take an EMPTY data folder. Move the old one away, do not delete it yet:
     mv /var/lib/voicedash /var/lib/voicedash.old
     install -d -m 700 /var/lib/voicedash
     export VOICEDASH_DATA=/var/lib/voicedash""",
    "postgresql": """Take an EMPTY database and data folder. Leave the old ones alone, do not delete them yet:
     createdb voicedash_restored
     export DATABASE_URL=postgres://user:password@host:5432/voicedash_restored
     mv /var/lib/voicedash /var/lib/voicedash.old
     install -d -m 700 /var/lib/voicedash
     export VOICEDASH_DATA=/var/lib/voicedash""",
}
_KEYED = """   From the folder of the same name where the keys are kept{apart}:
     install -m 600 KEYS/voicedash_keys KEYS/voicedash_log_keys KEYS/secret_key /var/lib/voicedash/
   Or set VOICEDASH_KEYS, VOICEDASH_LOG_KEYS and SECRET_KEY as they were."""


class CannotBackUp(Exception):
    """Why there is no backup, in a sentence."""


@dataclass(frozen=True)
class Backup:
    """What was made. `keys` is None where they were not copied."""

    folder: Path
    keys: Path | None
    manifest: dict[str, Any]


def make(folder: Path, *, keys_folder: Path | None) -> Backup:
    """Makes `folder`/voicedash-<UTC time>/, and with `keys_folder` the keys in a folder of the same name there.

    Consistent while people press: all of it is as of one moment. A backup that failed or was killed never bears the
    name of one. Raises CannotBackUp, and django.db.Error where the database cannot be read.
    """
    name = _free_name(folder)
    if keys_folder:
        apart, here = keys_folder.resolve(), folder.resolve()
        if apart.is_relative_to(here) or here.is_relative_to(apart):
            raise CannotBackUp(
                f"Of {keys_folder} and {folder} one is in the other. Who finds both opens every secret: keep the keys "
                "elsewhere."
            )
    try:
        database.refuse_unfinished()
        with _whole(folder / name) as draft:
            dump, manifest = _sqlite(draft) if connection.vendor == "sqlite" else _postgresql(draft)
            manifest["file"] = {"name": dump.name, "bytes": dump.stat().st_size, "sha256": sha256(dump)}
            _write(draft / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
            _write(draft / STEPS, _steps(folder / name, manifest, apart=keys_folder is not None))
            # After the database, so that none is missing which sealed something in it.
            copied = _keys(keys_folder / name) if keys_folder else None
    except (copies.CannotCopy, database.CannotMigrate, pg_programs.Failed) as error:
        raise CannotBackUp(str(error)) from error
    except OSError as error:
        raise CannotBackUp(f"{error.filename or folder} cannot be written ({error.strerror}).") from error
    return Backup(folder / name, copied, manifest)


def contents(cursor: Any, vendor: str) -> dict[str, Any]:
    """What a database holds, for a manifest: rows of every table, heads of the log, fingerprints of the keys it needs.

    `cursor`: of either engine; only plain statements are used. Raises CannotBackUp where it holds nothing of ours.
    """

    def rows(sql: str) -> list[Any]:
        cursor.execute(sql)
        return list(cursor.fetchall())

    tables = [name for (name,) in rows(_TABLES[vendor])]
    if not {"django_migrations", "tenants_bandwidthaccount", "audit_head", "audit_entry"} <= set(tables):
        raise CannotBackUp("There is nothing of voicedash in this database yet.")
    sealed: Counter[str] = Counter()
    lost = 0
    for pk, tenant_id, secret in rows("SELECT id, tenant_id, sealed_secret FROM tenants_bandwidthaccount"):
        try:
            key = sealing.key_of(BandwidthAccount(pk=pk, tenant_id=tenant_id, sealed_secret=secret))
        except sealing.Unopenable:
            lost += bool(secret)
        else:
            sealed[keys.fingerprint(key)] += 1
    return {
        "migrations": [list(row) for row in rows("SELECT app, name FROM django_migrations ORDER BY app, name")],
        "rows": {table: rows(f'SELECT count(*) FROM "{table}"')[0][0] for table in tables},
        "log": [list(row) for row in rows("SELECT chain, seq, digest FROM audit_head ORDER BY chain")],
        "keys": {
            "VOICEDASH_KEYS": dict(sealed),
            "VOICEDASH_LOG_KEYS": dict(rows("SELECT key, count(*) FROM audit_entry GROUP BY key ORDER BY key")),
            "secrets that no key opened": lost,
        },
    }


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _free_name(folder: Path) -> str:
    stem = f"voicedash-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (stem if number == 1 else f"{stem}-{number}" for number in itertools.count(1))
    return next(name for name in names if not list(folder.glob(f"{name}*")))


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder that bears its name only once everything is in it and on the disk."""
    draft = folder.with_name(f"{folder.name}.incomplete")
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft.mkdir(mode=0o700)
    try:
        yield draft
        copies.to_disk(draft)
        draft.rename(folder)
        copies.to_disk(folder.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _sqlite(draft: Path) -> tuple[Path, dict[str, Any]]:
    source = database.sqlite_file()
    if source is None:
        raise CannotBackUp("The database is only in memory.")
    target = draft / FILES["sqlite"]
    copies.copy_sqlite(source, target)
    with closing(sqlite3.connect(f"{target.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        return target, _manifest("sqlite", f"SQLite {sqlite3.sqlite_version}") | contents(copy.cursor(), "sqlite")


def _postgresql(draft: Path) -> tuple[Path, dict[str, Any]]:
    pg_programs.fit("pg_dump")
    target = draft / FILES["postgresql"]
    # pg_dump reads the same moment as we do, for as long as it takes.
    with board.snapshot(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = f"--snapshot={cursor.fetchone()[0]}"
        kind = ["--format=custom", "--no-owner", "--no-privileges"]
        pg_programs.run("pg_dump", *kind, snapshot, f"--file={target}", pg_programs.where())
        told = _manifest("postgresql", f"PostgreSQL {connection.get_database_version()[0]}")
        manifest = told | contents(cursor, "postgresql")
    pg_programs.run("pg_restore", "--file=/dev/null", str(target))  # reads all of it
    copies.to_disk(target)
    return target, manifest


def _manifest(vendor: str, engine: str) -> dict[str, Any]:
    return {"made": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}", "vendor": vendor, "engine": engine}


def _steps(here: Path, manifest: dict[str, Any], *, apart: bool) -> str:
    keyed = _KEYED.format(apart="" if apart else " (this backup was made without --keys)")
    emptied = _EMPTIED[manifest["vendor"]]
    return _STEPS.format(
        engine=manifest["engine"], made=manifest["made"], here=here.absolute(), emptied=emptied, keyed=keyed
    )


def _keys(folder: Path) -> Path:
    """The three secrets, under the names and in the form in which a data folder has them."""
    keys.look_again()
    texts = ("\n".join(keys.current()), "\n".join(settings.LOG_KEYS), settings.SECRET_KEY)
    with _whole(folder) as draft:
        for name, text in zip(KEYS, texts, strict=True):
            _write(draft / name, text + "\n")
    return folder


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())

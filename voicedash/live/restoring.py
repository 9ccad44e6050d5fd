"""A backup put back into an empty place: looked at before anything is written, compared when it is there."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader

from voicedash.calls import restored
from voicedash.live import backups, copies, database, pg_programs
from voicedash.tenants import keys


class CannotRestore(Exception):
    """Why a backup was not put back, and what to do, in sentences."""


def restore(folder: Path, say: Callable[[str], None], *, without_keys: bool) -> None:
    """Puts the backup in `folder` into the configured database, which must be empty, and migrates it.

    Calls that were paused are not confirmed afterwards; until they are, the database bears a mark and nobody serves
    it, also when this is killed. `without_keys`: also where keys that it needs are not here. Raises CannotRestore, and
    nothing was put back then unless it says so; django.db.Error where the database cannot be used.
    """
    manifest = _read(folder)
    dump = folder / manifest["file"]["name"]
    _fits(manifest, without_keys=without_keys)
    if (file := database.sqlite_file()) is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with database.one_at_a_time(say):
            _put_back(folder, manifest, dump, say)
    except database.CannotMigrate as error:
        raise CannotRestore(str(error)) from error


def _put_back(folder: Path, manifest: dict[str, Any], dump: Path, say: Callable[[str], None]) -> None:
    if not dump.is_file() or backups.sha256(dump) != manifest["file"]["sha256"]:
        raise CannotRestore(f"{dump} is not what was backed up: it is missing or damaged. Take another backup.")
    _is_empty()
    say(f"Putting back {folder} ({manifest['engine']}, made {manifest['made']} UTC) …")
    try:
        if connection.vendor == "sqlite":
            _sqlite(dump)
        else:
            _mark()
            connections.close_all()
            options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
            pg_programs.run("pg_restore", *options, pg_programs.where(), str(dump))
    except (OSError, sqlite3.Error, pg_programs.Failed) as error:
        raise CannotRestore(f"Nothing was put back. {error}") from error
    with connection.cursor() as cursor:
        found = backups.contents(cursor, connection.vendor)
    found["rows"].pop(restored.UNFINISHED)
    for part in ("migrations", "rows", "log"):
        if found[part] != manifest[part]:
            raise CannotRestore(f"What was put back is not what was backed up ({part}): do not serve it.")
    say(f"All of it is there: {sum(manifest['rows'].values())} rows in {len(manifest['rows'])} tables.")
    if missing := database.behind():
        database.migrate(missing, None, say)
    if doubted := restored.doubt_pauses():
        say(f"{doubted} calls were paused then and are “Not confirmed” now: nobody knows what was pressed since.")
    with connection.cursor() as cursor:  # the last step: from here on it may be served
        cursor.execute(f"DROP TABLE {restored.UNFINISHED}")


def _read(folder: Path) -> dict[str, Any]:
    if folder.name.endswith(".incomplete"):
        raise CannotRestore(f"{folder} was never finished: take another backup.")
    try:
        manifest: dict[str, Any] = json.loads((folder / backups.MANIFEST).read_text("utf-8"))
        if manifest["file"]["name"] != backups.FILES[manifest["vendor"]]:
            raise KeyError
    except (OSError, ValueError, KeyError, TypeError):
        raise CannotRestore(
            f"{folder} is no backup of voicedash: name a folder like voicedash-20261124T033000Z, with a manifest.json."
        ) from None
    return manifest


def _fits(manifest: dict[str, Any], *, without_keys: bool) -> None:
    if manifest["vendor"] != connection.vendor:
        raise CannotRestore(
            f"This is a backup of {manifest['engine']}, and DATABASE_URL names another kind of database: set it right."
        )
    known = MigrationLoader(None).disk_migrations
    ours = {app for app, _ in known}
    if newer := [f"{app}.{name}" for app, name in manifest["migrations"] if app in ours and (app, name) not in known]:
        raise CannotRestore(f"A newer voicedash made this backup (it has {newer[-1]}): install that version first.")
    keys.look_again()
    here = {"VOICEDASH_KEYS": keys.current(), "VOICEDASH_LOG_KEYS": settings.LOG_KEYS}
    for name, given in here.items():
        # The log names its keys in the same way.
        missing = set(manifest["keys"][name]) - {keys.fingerprint(key) for key in given}
        if missing and not without_keys:
            raise CannotRestore(
                f"{name} lacks what this backup needs: {', '.join(sorted(missing))}. Put the keys of the backup in "
                f"first (its {backups.STEPS}, step 4). If they are lost for good, add --without-keys: then the secrets "
                "must be entered again, and the log up to here cannot be proved any more."
            )


def _is_empty() -> None:
    file = database.sqlite_file()
    if file is None or file.exists():
        held = set(connection.introspection.table_names())
        if held - {restored.UNFINISHED}:  # the mark alone is of a restore that put nothing back
            database.refuse_unfinished()
    else:
        held = set()
    if file is None:
        if held - {restored.UNFINISHED}:
            raise CannotRestore(
                f"The database {connection.settings_dict['NAME']} holds something. Nothing is ever overwritten: make "
                f"an empty one and name it in DATABASE_URL (the backup's {backups.STEPS}, step 3)."
            )
        pg_programs.fit("pg_restore")
        return
    connections.close_all()  # with which what SQLite keeps beside the file goes, unless others use it
    beside = [path for path in (file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm")) if path.exists()]
    if held or beside:
        raise _in_the_way(file if held else beside[0])


def _in_the_way(path: Path) -> CannotRestore:
    return CannotRestore(
        f"{path} is in the way. Nothing is ever overwritten: stop voicedash and move the whole data folder away (the "
        f"backup's {backups.STEPS}, step 3)."
    )


def _mark() -> None:
    """Before anything is restored, and in a transaction of its own: there is no moment at which it could be served."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {restored.UNFINISHED} (id integer)")


def _sqlite(dump: Path) -> None:
    file = database.sqlite_file()
    assert file is not None
    draft = file.with_name(f".{file.name}.restored")
    copies.forget(draft)  # of one that was killed
    try:
        with (
            dump.open("rb") as source,
            os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out,
        ):
            shutil.copyfileobj(source, out, 1 << 20)
        with closing(sqlite3.connect(draft)) as copy:
            copy.execute(f"CREATE TABLE {restored.UNFINISHED} (id integer)")
        copies.to_disk(draft)
        _remove_empty(file)
        try:
            os.link(draft, file)  # unlike a rename it never replaces what came up meanwhile
        except FileExistsError:
            raise _in_the_way(file) from None
        copies.to_disk(file)
    finally:
        copies.forget(draft)


def _remove_empty(file: Path) -> None:
    """Takes away the file without a table that looking into a database leaves; any other stays."""
    if not file.exists():
        return
    with closing(sqlite3.connect(file, isolation_level=None, timeout=2)) as there:
        there.execute("BEGIN EXCLUSIVE")  # nobody fills it between the look and the end
        if there.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
            raise _in_the_way(file)
        file.unlink()

"""The database as a whole: its migrations, one process at a time, after a copy of it."""

import fcntl
import itertools
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import Error as DatabaseProblem
from django.db import connection, connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from voicedash.calls import restored
from voicedash.live import copies

logger = logging.getLogger(__name__)

COPIES = 3  # from before a migration; a night of restarts must not fill the disk
LOOK = 0.25  # seconds between two looks at a lock that another process holds
_LOCK = 0x766F696365  # "voice": of PostgreSQL's advisory locks, which are of one database
_WORK = _LOCK + 1  # held by the session that migrates: one whose process was killed finishes its statement yet
# A migration may take longer than a press may; but it must not wait for ever, for behind it every press waits.
_LIMITS = {"statement_timeout": 0, "idle_in_transaction_session_timeout": 0, "lock_timeout": 60_000}


class CannotMigrate(Exception):
    """Why the database is not up to date, where its copy is and how to go back, in sentences."""


def behind() -> list[Migration]:
    """The migrations that the database lacks, in order. Raises django.db.Error."""
    executor = MigrationExecutor(connection)
    return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def bring_up_to_date(say: Callable[[str], None]) -> None:
    """Migrates the database where it is behind: one process at a time, the others wait until it is done.

    A SQLite database that holds something is copied beside itself first. `say` is told before anything that takes
    seconds. Raises CannotMigrate, also for one that a restore left unfinished, and django.db.Error where the database
    cannot be used at all.
    """
    with one_at_a_time(say):
        missing = behind()
        refuse_unfinished()
        if missing:
            migrate(missing, _copy_before(missing[0], say), say)


def migrate(missing: list[Migration], copy: Path | None, say: Callable[[str], None]) -> None:
    """Applies what is missing, inside `one_at_a_time`. Raises CannotMigrate, which names `copy` as the way back."""
    say(f"Bringing the database up to date: {len(missing)} migrations …")
    try:
        with _session_that_migrates():
            call_command("migrate", interactive=False, verbosity=0)
    except Exception as error:  # a migration is code: it may raise anything
        logger.exception("a migration failed")
        raise CannotMigrate(_told(error, copy)) from error


def refuse_unfinished() -> None:
    """Raises CannotMigrate where a restore was not finished: what reads "paused" in there may long be recorded again.

    Without the lock of `one_at_a_time` only to be asked after `behind`: the mark is older than everything restored.
    """
    if restored.UNFINISHED not in connection.introspection.table_names():
        return
    name = connection.settings_dict["NAME"]
    emptied = "make another empty database, name it in DATABASE_URL"
    if connection.vendor == "sqlite":
        emptied = f"take it away (rm -f {name} {name}-wal {name}-shm)"
    raise CannotMigrate(
        f"A restore into {name} was not finished, so nothing in it can be relied on and it is not served. "
        f"Stop every voicedash, {emptied}, and run restore again."
    )


def sqlite_file() -> Path | None:
    """The file of the database; None where it is on a server, or only in memory."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name)


def _copy_before(first: Migration, say: Callable[[str], None]) -> Path | None:
    """The copy; None where there is nothing to lose, or the database is on a server.

    It bears the name of the first migration that is missing. Where that failed before and nobody served since, the
    copy from before it is the only good one: it stays, at however many restarts.
    """
    file = sqlite_file()
    if file is None or not MigrationRecorder(connection).applied_migrations():
        return None
    stem = f"before-{first.app_label}.{first.name}"
    names = (f"{stem}.sqlite3" if number == 1 else f"{stem}-{number}.sqlite3" for number in itertools.count(1))
    for copy in map(file.with_name, names):
        if not copy.is_file():
            break
        if _of_the_same_log(copy):
            say(f"The database was copied before an earlier start: {copy} stays as it is.")
            return copy
    say(f"Copying the database to {copy} …")
    draft = copy.with_name(f".{copy.name}.new")
    try:
        copies.forget(draft)  # of one that was killed
        copies.copy_sqlite(file, draft)
        draft.replace(copy)
        old = sorted(file.parent.glob("before-*.sqlite3"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in old[COPIES:]:
            path.unlink()
    except (copies.CannotCopy, OSError) as error:
        copies.forget(draft)
        raise CannotMigrate(f"The database was not migrated, for want of a copy to go back to. {error}") from error
    return copy


def _of_the_same_log(copy: Path) -> bool:
    """Whether nobody served between a copy and now: no tenant's log, nor that of sign-ins, has moved."""
    heads = "SELECT chain, seq, digest FROM audit_head ORDER BY chain"
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            then = opened.execute(heads).fetchall()
    except sqlite3.Error:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute(heads)
            return list(cursor.fetchall()) == then
    except DatabaseProblem:  # a migration was at these tables when it failed: all the more the copy is needed
        return True


def _told(error: Exception, copy: Path | None) -> str:
    """What happened to the database, and how to go back."""
    reason = f"{type(error).__name__}: {str(error).strip()}"
    try:
        missing = behind()
        at = f"{missing[0].app_label}.{missing[0].name}" if missing else "what follows the last one"
    except DatabaseProblem:
        at = "one of them"
    lines = [f"The migration of the database stopped at {at}: {reason}"]
    if copy:
        file = sqlite_file()
        lines += [
            "What came before that one is done. The database as it was:",
            f"  {copy}",
            "To go back: stop every voicedash, put the version back that ran until now, then",
            f"  rm -f {file}-wal {file}-shm && cp {copy} {file}",
        ]
    else:
        lines += [
            "What came before that one is done; of itself it left nothing.",
            "To go back: put the version back that ran until now and restore the backup from before the upgrade",
            "(docs/operate.md, Upgrading).",
        ]
    return "\n".join(lines)


@contextmanager
def one_at_a_time(say: Callable[[str], None]) -> Iterator[None]:
    """Nobody else migrates this database or restores into it meanwhile. Not to be entered twice.

    Raises CannotMigrate where the lock cannot be made, django.db.Error where the server cannot be reached.
    """
    if connection.vendor == "postgresql":
        with _postgresql_lock(say):
            yield
    elif (file := sqlite_file()) is not None:
        connections.close_all()  # the file may be another one when the wait is over
        with _file_lock(file.with_name(f"{file.name}.lock"), say):
            yield
    else:
        yield


@contextmanager
def _file_lock(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotMigrate(f"The database cannot be used: {path} cannot be written ({error.strerror}).") from error
    try:
        _wait(lambda: _flocked(lock), say)
        yield
    finally:
        os.close(lock)


def _flocked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _postgresql_lock(say: Callable[[str], None]) -> Iterator[None]:
    """On a connection of its own, outside the pool: it ends with it, also when this process is killed."""
    with connection.wrap_database_errors, closing(psycopg.connect(**parameters(), autocommit=True)) as own:

        def taken() -> bool:
            row: Any = own.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
            return bool(row[0])

        _wait(taken, say)
        yield


def parameters() -> dict[str, Any]:
    """How to reach PostgreSQL (a password with it), without what only Django's own connections need."""
    given = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold", "autocommit"):
        given.pop(name, None)
    return dict(given)


def _wait(taken: Callable[[], bool], say: Callable[[str], None]) -> None:
    if taken():
        return
    say("Another voicedash is bringing this database up to date, or restores it: waiting for it …")
    while not taken():
        time.sleep(LOOK)


@contextmanager
def _session_that_migrates() -> Iterator[None]:
    """Lifts what keeps a press from waiting, on this thread's connection and for this while only.

    And waits until no other session is at it: the one of a process that was killed may commit after `_LOCK` is free.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        for name, milliseconds in _LIMITS.items():
            cursor.execute(f"SET {name} = {milliseconds}")
        cursor.execute("SELECT pg_advisory_lock(%s)", [_WORK])
    try:
        yield
    finally:
        with suppress(DatabaseProblem), connection.cursor() as cursor:  # where it broke there is nothing to put back
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_WORK])
            for name in _LIMITS:
                cursor.execute(f"RESET {name}")

"""Copies of a SQLite database while others write to it, and files that outlive a power cut."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path


class CannotCopy(Exception):
    """Why there is no copy of the database, in a sentence."""


def copy_sqlite(source: Path, target: Path) -> None:
    """Copies a SQLite database as of one moment, while others write to it, and looks whether the copy is whole.

    In one step: a copy in several begins anew with every change of another process. `target` is one file, readable by
    the owner only; there is none where this raises CannotCopy.
    """
    made = False
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        made = True
        # The source as it is: to open it may only mean to read what the WAL beside it holds.
        url = f"{source.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(url, uri=True)) as theirs, closing(sqlite3.connect(target)) as ours:
            theirs.backup(ours)
            faults = ours.execute("PRAGMA integrity_check").fetchall()
            if faults != [("ok",)]:
                raise CannotCopy(f"The copy of {source} is not whole: {faults[0][0]}.")
            ours.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
        to_disk(target)
    except (OSError, sqlite3.Error) as error:
        if made:
            forget(target)
        raise CannotCopy(
            f"{source} cannot be copied to {target} ({getattr(error, 'strerror', None) or error}). Is there room?"
        ) from error
    except BaseException:
        if made:
            forget(target)
        raise


def forget(target: Path) -> None:
    """Removes an unfinished copy, with what SQLite leaves beside one."""
    for end in ("", "-journal", "-wal", "-shm"):
        with suppress(OSError):
            target.with_name(target.name + end).unlink()


def to_disk(path: Path) -> None:
    """Waits until a file or a folder, and its name, would outlive a power cut."""
    for opened in (path, path.parent):
        descriptor = os.open(opened, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

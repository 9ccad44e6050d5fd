"""A database that has every table, made once for a run and copied from then on: to migrate takes seconds each time."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests import forked

ROOT = Path(__file__).resolve().parent.parent
POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "")


def file() -> Path:
    """The SQLite file to copy. Nobody opens it."""
    made = _folder() / "migrated.sqlite3"
    with _alone():
        if not made.exists():
            draft = made.with_suffix(".draft")
            draft.unlink(missing_ok=True)
            _migrate(f"sqlite:///{draft}")
            assert not draft.with_name(f"{draft.name}-wal").exists(), "not all of it is in the file"
            draft.rename(made)
    return made


def copy_to(path: Path) -> None:
    """What a `migrate` of an empty SQLite database leaves there."""
    shutil.copy(file(), path)
    path.chmod(0o600)


def template() -> str:
    """The name of the database on PostgreSQL to copy."""
    name = _template()
    with _alone():
        if not _made().exists():
            drop_template()  # of a run that was killed
            _tell(f'CREATE DATABASE "{name}"')
            _migrate(urlsplit(POSTGRESQL)._replace(path=f"/{name}").geturl())
            _made().touch()
    return name


def drop_template() -> None:
    """Nothing needs it any more."""
    _tell(f'DROP DATABASE IF EXISTS "{_template()}" WITH (FORCE)')


def drop_what_was_made() -> None:
    """At the end of a run."""
    if _made().exists():
        drop_template()
        _made().unlink()


def _template() -> str:
    return f"{urlsplit(POSTGRESQL).path[1:]}_migrated"


def _made() -> Path:
    return _folder() / "migrated.postgresql"


def _folder() -> Path:
    """All processes that run tests share it."""
    return Path(os.environ["TESTS_STATIC"]).parent


class _alone:
    """While one makes it the others wait."""

    def __enter__(self) -> None:
        self.lock = (_folder() / "migrated.lock").open("a")
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def __exit__(self, *error: object) -> None:
        self.lock.close()


def _tell(statement: str) -> None:
    server = urlsplit(POSTGRESQL)._replace(path="/postgres").geturl()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def _migrate(url: str) -> None:
    for command in (["migrate", "--verbosity=0"], ["createcachetable"]):
        done = forked.run(["manage.py", *command], cwd=ROOT, env=os.environ | {"DATABASE_URL": url})
        if done.returncode:
            raise subprocess.SubprocessError(done.stderr)

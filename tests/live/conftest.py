"""A backup of the tests' database, and an empty place to restore it into."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cast import Cast
from tests.keyring import Keyring
from tests.live import databases
from tests.live.databases import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with databases.empty(tmp_path / "restored") as made:
        yield made


@pytest.fixture
def backup(keyring: Keyring, cast: Cast, tmp_path: Path) -> Callable[[], tuple[Path, Path]]:
    """Makes a backup of the tests' database; gives its folder and that of its keys."""

    def make() -> tuple[Path, Path]:
        done = keyring.command("backup", str(tmp_path / "backups"), "--keys", str(tmp_path / "safe"))
        assert done.returncode == 0, done.stderr
        (made,), (safe,) = (tmp_path / "backups").iterdir(), (tmp_path / "safe").iterdir()
        return made, safe

    return make

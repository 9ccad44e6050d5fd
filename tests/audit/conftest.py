"""What the tests of the log's proof share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from tests.audit.chains import EIGHT, SEVEN, some
from voicedash.audit import heads

Verify = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def two_chains(transactional_db: None, settings: Settings, tmp_path: Path) -> Path:
    """Heads of both were kept when each had five entries; seven went on since. Gives the heads' folder."""
    settings.LOG_HEADS = tmp_path / "log-heads"
    some(SEVEN)
    some(EIGHT)
    heads.write()
    some(SEVEN, 2)
    return tmp_path / "log-heads"


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Verify:
    """Runs the command; gives its exit status and what it said."""

    def run(*args: str) -> tuple[int, list[str]]:
        capsys.readouterr()
        try:
            call_command("verify_log", *args)
            status = 0
        except SystemExit as ended:
            status = int(str(ended.code))
        return status, capsys.readouterr().out.splitlines()

    return run

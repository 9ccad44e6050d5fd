"""A data folder with keys that a test may rotate, lose and spoil: for this process and for those it starts."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from tests import forked
from tests.environment import DATA
from tests.serving import ROOT, database_url
from voicedash.tenants import keys


class Keyring:
    """Sessions and the log go on: only the sealing keys are others than those of the other tests."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.file = folder / keys.OWN
        for name in ("secret_key", "voicedash_log_keys"):
            (folder / name).write_bytes((DATA / name).read_bytes())
        self.settings = settings
        self.write(new_key())
        settings.DATA_DIR = folder
        settings.SEALING_KEYS_FILE = self.file
        settings.SEALING_KEYS = self.words
        monkeypatch.setenv("VOICEDASH_DATA", str(folder))

    @property
    def words(self) -> list[str]:
        """What stands in the file."""
        return self.file.read_text("ascii").split()

    @property
    def names(self) -> list[str]:
        """The fingerprints of what stands in it."""
        return [keys.fingerprint(word) for word in self.words]

    def write(self, *words: str) -> None:
        self.file.write_text("\n".join(words) + "\n", "utf-8")
        self.file.chmod(0o600)

    def environment(self, **variables: str) -> dict[str, str]:
        """For a process of its own on the tests' database."""
        return os.environ | {"DATABASE_URL": database_url()} | variables

    def manage(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """`manage.py` in a process of its own, with its own look at settings and keys."""
        return forked.run(["manage.py", *arguments], cwd=ROOT, env=self.environment(**variables))

    def manage_afresh(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The same as an operator's machine starts it."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The same in this process, for what a command does and not how it starts: that takes ten times as long."""
        out, errors = StringIO(), StringIO()
        status = 0
        try:
            call_command(*arguments, stdout=out, stderr=errors)
        except CommandError as error:
            errors.write(f"{error}\n")
            status = error.returncode
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), errors.getvalue())


def new_key() -> str:
    return Fernet.generate_key().decode()

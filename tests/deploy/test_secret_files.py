"""scripts/secrets makes what voicedash and PostgreSQL can start with, once, and nobody else can read it."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parents[2]
WEB, DATABASE = 10001, 999
OWNERS = {
    "secret_key": WEB,
    "voicedash_keys": WEB,
    "voicedash_log_keys": WEB,
    "database_url": WEB,
    "database_password": DATABASE,
    "database_admin_password": DATABASE,
}
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="the files get owners that only root can give")


def make(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [ROOT / "scripts/secrets", folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@only_root
def test_each_file_belongs_to_the_user_of_its_container_and_to_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert make(folder).returncode == 0
    seen = {path.name: (path.stat().st_uid, path.stat().st_mode & 0o777) for path in folder.iterdir()}
    assert seen == {name: (owner, 0o600) for name, owner in OWNERS.items()}
    assert folder.stat().st_mode & 0o777 == 0o700


@only_root
def test_they_are_what_is_needed_and_the_two_passwords_of_the_database_agree(tmp_path: Path) -> None:
    made = make(tmp_path)
    texts = {path.name: path.read_text("ascii") for path in tmp_path.iterdir()}
    Fernet(texts["voicedash_keys"])
    assert len(texts["secret_key"]) >= 50
    assert len(texts["voicedash_log_keys"]) >= 40
    url = urlsplit(texts["database_url"])
    assert (url.scheme, url.username, url.hostname, url.port, url.path) == (
        "postgres",
        "voicedash",
        "db",
        5432,
        "/voicedash",
    )
    assert url.password == texts["database_password"]
    assert len(set(texts.values())) == len(texts)
    assert not any(text in made.stdout + made.stderr for text in texts.values())


@only_root
def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "secret_key").unlink()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    again = make(tmp_path)
    assert again.returncode == 0
    assert before.items() <= {path.name: path.read_bytes() for path in tmp_path.iterdir()}.items()
    assert "made" in again.stdout and "left as it is" in again.stdout


@only_root
def test_a_lost_password_of_a_database_in_use_is_not_replaced_by_a_wrong_one(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "database_password").unlink()
    again = make(tmp_path)
    assert again.returncode == 1
    assert "database_password is not" in again.stderr
    assert not (tmp_path / "database_password").exists()

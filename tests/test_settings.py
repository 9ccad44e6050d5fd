"""Settings fail loudly at the start, all bad values at once, and not at the first press."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forked

ROOT = Path(__file__).resolve().parent.parent


def check(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` with these variables, on a data folder of its own."""
    environment = os.environ | {"VOICEDASH_DATA": str(tmp_path)} | variables
    return forked.run(["manage.py", "check"], cwd=ROOT, env=environment)


def test_it_runs_with_none_and_keeps_its_secrets_to_itself(tmp_path: Path) -> None:
    environment = os.environ | {"VOICEDASH_DATA": str(tmp_path / "new")}
    command = [sys.executable, "manage.py", "check"]
    subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    made = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir() if path.is_file()}
    assert made == {"secret_key": 0o600, "voicedash_keys": 0o600, "voicedash_log_keys": 0o600}
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


BAD = [
    ({"VOICEDASH_KEYS": ","}, "VOICEDASH_KEYS holds no key"),
    ({"VOICEDASH_LOG_KEYS": " , "}, "VOICEDASH_LOG_KEYS holds no key"),
    ({"VOICEDASH_KEYS": "short"}, "VOICEDASH_KEYS: a key is not 32 url-safe base64-encoded bytes"),
    ({"VOICEDASH_URL": "calls.example.com"}, "VOICEDASH_URL: 'calls.example.com' is not an address like"),
    ({"VOICEDASH_URL": "http://calls.example.com"}, "passwords would travel in the clear"),
    ({"DATABASE_URL": "mysql://u:p@h/n"}, "only sqlite:// and postgres:// are supported"),
    ({"DATABASE_URL": "postgres://u:p@h/n?max_size=1"}, "max_size=1: a process takes from 2 to 200 connections"),
    ({"DATABASE_URL": "postgres://u:p@h/n?max_size=many"}, "max_size=many: a process takes from 2 to 200 connections"),
    ({"DEBUG": "maybe"}, "DEBUG='maybe': expected 1 or 0"),
    ({"SECRET_KEY_FILE": "/nowhere/at/all"}, "SECRET_KEY_FILE: cannot read /nowhere/at/all"),
    ({"SECRET_KEY": "a", "SECRET_KEY_FILE": "/dev/null"}, "SECRET_KEY and SECRET_KEY_FILE are both set"),
    ({"VOICEDASH_VOICE_URL": "voice"}, "'voice' is not an http(s) address"),
    ({"VOICEDASH_SYNC_SECONDS": "often"}, "'often' is not a number of seconds from 1 to 300, or 0 for never"),
    ({"VOICEDASH_SYNC_SECONDS": "0.5"}, "'0.5' is not a number of seconds"),
    ({"VOICEDASH_SYNC_SECONDS": "nan"}, "'nan' is not a number of seconds"),
]


@pytest.mark.parametrize(("variables", "sentence"), BAD, ids=[row[1][:40] for row in BAD])
def test_a_bad_value_stops_the_start_with_a_sentence(tmp_path: Path, variables: dict[str, str], sentence: str) -> None:
    ran = check(tmp_path, **variables)
    assert ran.returncode == 2
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", ["VOICEDASH_KEYS", "VOICEDASH_LOG_KEYS"])
def test_a_file_of_keys_that_was_emptied_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name.lower()).write_text("\n")
    ran = check(tmp_path, **{name: ""})
    assert ran.returncode == 2
    assert f"{name} holds no key (in {tmp_path / name.lower()})" in ran.stderr


def test_all_bad_values_are_told_at_once(tmp_path: Path) -> None:
    ran = check(tmp_path, DEBUG="maybe", VOICEDASH_KEYS="short", VOICEDASH_VOICE_URL="voice")
    for name in ("DEBUG", "VOICEDASH_KEYS", "VOICEDASH_VOICE_URL"):
        assert name in ran.stderr


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("# a comment\nexport DEBUG='maybe'\nnonsense\n", "utf-8")
    ran = check(tmp_path, VOICEDASH_ENV_FILE=str(tmp_path / "env"), DEBUG="0")
    assert "env, line 3: expected NAME=value" in ran.stderr
    assert "DEBUG" not in ran.stderr


def test_a_deployment_is_warned_of_what_signing_in_does_not_offer_and_of_nothing_else(tmp_path: Path) -> None:
    ours = {"VOICEDASH_DATA": str(tmp_path), "VOICEDASH_URL": "https://calls.example.com"}
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"} | ours
    command = [sys.executable, "manage.py", "check", "--deploy"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "voicedash.W001" in ran.stderr
    assert "voicedash.W002" in ran.stderr
    assert "System check identified 2 issues (3 silenced)" in ran.stderr


def test_https_brings_secure_cookies_and_the_host(tmp_path: Path) -> None:
    environment = os.environ | {"VOICEDASH_DATA": str(tmp_path), "VOICEDASH_URL": "https://calls.example.com"}
    told = "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_SECURE, s.ALLOWED_HOSTS[-1], s.CSRF_TRUSTED_ORIGINS)"
    ran = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "__Host-voicedash_session True calls.example.com ['https://calls.example.com']"

"""`check --deploy` in the very settings of compose.yaml: clean, and silent only about what was accepted by name."""

import os
import subprocess
import sys
from pathlib import Path

from cryptography.fernet import Fernet

from tests.deploy import composed

URL = "https://calls.example.com"


def check(tmp_path: Path, **changed: str | None) -> "subprocess.CompletedProcess[str]":
    """`manage.py check --deploy --fail-level WARNING` as compose.yaml would run it; None takes a variable away."""
    secrets = {
        "secret_key": "k" * 30 + "0123456789abcdefghijkl",
        "voicedash_keys": Fernet.generate_key().decode(),
        "voicedash_log_keys": "log-key",
        # Nobody listens there: the check must not need the database.
        "database_url": "postgres://voicedash:password@127.0.0.1:1/voicedash",
    }
    for name, text in secrets.items():
        (tmp_path / name).write_text(text, "utf-8")
    told = composed.load(VOICEDASH_URL=URL)["services"]["web"]["environment"]
    given = {name: value.replace("/run/secrets", str(tmp_path)) for name, value in told.items()}
    data = {"VOICEDASH_ENV_FILE": "", "VOICEDASH_DATA": str(tmp_path / "data"), "PATH": os.environ["PATH"]}
    environment = {name: value for name, value in (data | given | changed).items() if value is not None}
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=composed.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_clean_in_the_settings_of_compose(tmp_path: Path) -> None:
    ran = check(tmp_path)
    assert "System check identified no issues (5 silenced)." in ran.stdout + ran.stderr
    assert ran.returncode == 0


def test_what_nobody_accepted_fails_it_and_says_how_to_accept_it(tmp_path: Path) -> None:
    ran = check(tmp_path, VOICEDASH_ACCEPTED_RISKS=None)
    assert ran.returncode == 1
    for number, word in (("W001", "no-second-factor"), ("W002", "no-idle-timeout")):
        assert f"voicedash.{number}" in ran.stderr
        assert f"VOICEDASH_ACCEPTED_RISKS={word}" in ran.stderr
    assert "2 issues (3 silenced)" in ran.stderr


def test_accepting_one_thing_does_not_accept_the_other(tmp_path: Path) -> None:
    ran = check(tmp_path, VOICEDASH_ACCEPTED_RISKS="no-idle-timeout")
    assert ran.returncode == 1
    assert "voicedash.W001" in ran.stderr
    assert "voicedash.W002" not in ran.stderr


def test_a_word_nobody_knows_stops_the_start_and_the_known_ones_are_told(tmp_path: Path) -> None:
    ran = check(tmp_path, VOICEDASH_ACCEPTED_RISKS="no-idle-timeout everything")
    assert ran.returncode == 2
    sentence = "VOICEDASH_ACCEPTED_RISKS: everything: not one of no-second-factor, no-idle-timeout"
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr


def test_debugging_is_told_even_so(tmp_path: Path) -> None:
    assert "security.W018" in check(tmp_path, DEBUG="1").stderr

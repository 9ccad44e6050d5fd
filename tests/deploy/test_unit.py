"""The examples for systemd are such that systemd understands them."""

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "deploy"
UNITS = {"voicedash.service": "serve", "voicedash-worker.service": "worker"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_has_nothing_to_say_about_it(name: str, tmp_path: Path) -> None:
    # It looks whether the program is there, which it is only where voicedash is installed.
    there = (FOLDER / name).read_text("utf-8").replace("/srv/voicedash/.venv/bin/python", "/bin/true")
    (tmp_path / name).write_text(there, "utf-8")
    command = ["systemd-analyze", "verify", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if name in line]) == (0, [])


@pytest.mark.parametrize(("name", "command"), UNITS.items())
def test_it_stops_later_than_it_needs_and_earlier_than_a_person_waits(name: str, command: str) -> None:
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    assert "TimeoutStopSec=15" in lines  # the server gives presses five seconds, and its parts nine
    assert "KillMode=mixed" in lines  # it ends its parts itself, in order
    assert f"ExecStart=/srv/voicedash/.venv/bin/python manage.py {command}" in lines

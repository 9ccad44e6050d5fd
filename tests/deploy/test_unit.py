"""The example for systemd is one that systemd understands."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "deploy/voicedash.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_has_nothing_to_say_about_it(tmp_path: Path) -> None:
    # It looks whether the program is there, which it is only where voicedash is installed.
    there = UNIT.read_text("utf-8").replace("/srv/voicedash/.venv/bin/python", "/bin/true")
    (tmp_path / UNIT.name).write_text(there, "utf-8")
    command = ["systemd-analyze", "verify", str(tmp_path / UNIT.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT.name in line]) == (0, [])


def test_it_stops_later_than_the_server_needs_and_earlier_than_a_person_waits() -> None:
    lines = UNIT.read_text("utf-8").splitlines()
    assert "TimeoutStopSec=15" in lines  # the server gives presses five seconds
    assert "ExecStart=/srv/voicedash/.venv/bin/python manage.py serve" in lines

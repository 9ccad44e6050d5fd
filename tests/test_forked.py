"""A process that tests start by forking is like one that a machine starts: it has its own settings, and all of them."""

import json
import os
from pathlib import Path

from tests import forked

ROOT = Path(__file__).resolve().parent.parent
# What its settings say, and what voicedash still holds of those under which it was loaded.
TOLD = """
import json, os, sys
from tests import preloaded
voicedash = [module for name, module in sys.modules.items() if name.startswith("voicedash.")]
held = []
for module in voicedash:
    for name, value in vars(module).items():
        fields = vars(value).values() if isinstance(value, type) else []
        held += [f"{module.__name__}.{name}" for one in (value, *fields) if "/nowhere" in str(one) or str(one) == "nobody"]
loaded = "voicedash.live.stream" in sys.modules
os.environ["DJANGO_SETTINGS_MODULE"] = "voicedash.settings"
import django
django.setup()
from django.conf import settings
from django.db import connection
print(json.dumps({
    "loaded": loaded, "held": held, "data": str(settings.DATA_DIR), "key": settings.SECRET_KEY, "argv": sys.argv,
    "database": str(connection.settings_dict["NAME"]), "cookie": settings.SESSION_COOKIE_NAME, "here": os.getcwd(),
}))
"""


def test_its_settings_are_those_of_its_own_environment(tmp_path: Path) -> None:
    environment = os.environ | {
        "VOICEDASH_DATA": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'own.sqlite3'}",
        "SECRET_KEY": "its own",
        "VOICEDASH_URL": "https://calls.example.com",
    }
    done = forked.run(["-c", TOLD, "more"], cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "loaded": True,  # or each start would take ten times as long
        "held": [],
        "data": str(tmp_path),
        "key": "its own",
        "argv": ["-c", "more"],
        "database": str(tmp_path / "own.sqlite3"),
        "cookie": "__Host-voicedash_session",
        "here": str(ROOT),
    }


def test_how_it_ends_and_what_it_says_on_which_output_is_told() -> None:
    def ended(code: str) -> tuple[int, str, str]:
        done = forked.run(["-c", code], cwd=ROOT, env=os.environ)
        return done.returncode, done.stdout, done.stderr

    assert ended("import sys; print('out'); print('err', file=sys.stderr)") == (0, "out\n", "err\n")
    assert ended("import sys; sys.exit('a sentence')") == (1, "", "a sentence\n")
    assert ended("import os; os.kill(os.getpid(), 9)") == (-9, "", "")
    status, _, errors = ended("raise ValueError('nobody caught it')")
    assert status == 1 and errors.endswith("ValueError: nobody caught it\n")


def test_without_a_setting_that_it_needs_it_says_so_as_any_start_does(tmp_path: Path) -> None:
    environment = os.environ | {"VOICEDASH_DATA": str(tmp_path), "DEBUG": "perhaps"}
    done = forked.run(["manage.py", "check"], cwd=ROOT, env=environment)
    assert done.returncode == 2
    assert "DEBUG='perhaps'" in done.stderr and "Traceback" not in done.stderr

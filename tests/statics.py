"""The static files, collected once for a run: every web process wants them, and to compress them takes seconds.

`python -m tests.statics` does it ahead: with TESTS_STATIC in the environment the tests find them.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import tests.environment  # noqa: F401  the settings of the tests, whoever starts this

ROOT = Path(__file__).resolve().parent.parent
# For browsers that take gzip, as all do: the other kind takes four fifths of the time. tests/live/test_serve has both.
_COLLECT = """
import django
import whitenoise.compress
whitenoise.compress.brotli_installed = False
django.setup()
from voicedash.live import statics
statics.collect(lambda line: None)
"""


def collected() -> Path:
    """The folder with them, as VOICEDASH_STATIC wants it; all processes that run tests share it."""
    folder = Path(os.environ["TESTS_STATIC"])
    with folder.with_name(f"{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".collected").exists():
            variables = os.environ | {"VOICEDASH_STATIC": str(folder)}
            subprocess.run([sys.executable, "-c", _COLLECT], cwd=ROOT, env=variables, check=True)
    return folder


if __name__ == "__main__":
    collected()

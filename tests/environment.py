"""Loaded before Django (`-p tests.environment`): the tests see none of the machine's own settings."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

DATA = Path(tempfile.mkdtemp(prefix="voicedash-tests-"))


def enter() -> None:
    """Clears every setting of voicedash and keeps all data in a folder that goes with the process."""
    ours = {"DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "DEBUG", "EMAIL_URL", "HOST", "PORT", "FORWARDED_ALLOW_IPS"}
    for name in list(os.environ):
        if name.startswith("VOICEDASH_") or name in ours or name.removesuffix("_FILE") in ours:
            del os.environ[name]
    os.environ["DJANGO_SETTINGS_MODULE"] = "voicedash.settings"
    os.environ["VOICEDASH_ENV_FILE"] = ""
    os.environ["VOICEDASH_DATA"] = str(DATA)
    # Playwright's sync API keeps an event loop in the test's thread; the ORM is not used in that loop.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    os.environ.setdefault("TESTS_STATIC", str(DATA / "static"))  # whoever starts a process of tests shares it
    if "TEST_DATABASE_URL" in os.environ:
        os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
    atexit.register(shutil.rmtree, DATA, ignore_errors=True)


enter()

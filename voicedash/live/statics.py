"""Collects the static files when they changed since the last time, so that a later start does not wait for it."""

import hashlib
import os
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

STAMP = ".collected"
MANIFEST = "staticfiles.json"
PACKAGES = ("Django", "django-allauth", "django-htmx", "whitenoise", "brotli")


class CannotCollect(Exception):
    """Why the static files are not there, in a sentence."""


def collect(say: Callable[[str], None]) -> bool:
    """Brings STATIC_ROOT up to date; `say` is told before work that takes seconds. Returns whether there was any.

    Raises CannotCollect.
    """
    root = Path(settings.STATIC_ROOT)
    stamp = root / STAMP
    digest = _digest()
    try:
        if (root / MANIFEST).exists() and stamp.exists() and stamp.read_text("ascii").strip() == digest:
            return False
        if (root / MANIFEST).exists() and not stamp.exists() and not os.access(root, os.W_OK):
            return False  # collected by whoever built the image
        say(f"Collecting static files into {root} …")
        # Not cleared: pages that are open still ask for the old names.
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(digest + "\n", "ascii")
    except OSError as error:
        if (root / MANIFEST).exists():  # an image with a read-only disk brings its files along
            say(f"The static files in {root} cannot be renewed ({error.strerror}): they are served as they are.")
            return False
        raise CannotCollect(f"The static files cannot be written to {root} ({error.strerror}).") from error
    except ValueError as error:  # a style sheet names a file that is not there
        raise CannotCollect(f"The static files cannot be collected: {error}") from error
    return True


def _digest() -> str:
    digest = hashlib.sha256()
    for line in sorted(_sources()):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _sources() -> Iterator[str]:
    """A line for everything that decides what is collected: files by name, size and time; packages by version."""
    yield f"storage {settings.STORAGES['staticfiles']['BACKEND']} {settings.STATIC_URL} {settings.DEBUG}"
    for package in PACKAGES:
        try:
            yield f"package {package} {version(package)}"
        except PackageNotFoundError:
            continue
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            yield f"file {storage.path(path)} {status.st_size} {status.st_mtime_ns}"

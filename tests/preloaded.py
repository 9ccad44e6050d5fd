"""All of voicedash and what it stands on, loaded once, for the processes that tests start by forking (tests.forked).

It is loaded under settings that belong to nobody, which a new process forgets. What a module would keep of them while it
is imported would stay: voicedash keeps nothing, and tests/test_forked.py sees to it that it is so.
"""

import gc
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.db import connections
from django.utils.functional import empty

SETTINGS = "voicedash.settings"
# What is loaded late by Django, uvicorn and libraries of ours.
_LATE = [
    "a2wsgi",
    "django.contrib.messages.storage.fallback",
    "django.contrib.staticfiles.storage",
    "django.core.handlers.asgi",
    "django.core.handlers.wsgi",
    "django.core.mail",
    "django.core.management.commands.check",
    "django.core.management.commands.createcachetable",
    "django.core.management.commands.migrate",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.autodetector",
    "django.db.migrations.executor",
    "django.template.defaulttags",
    "django.template.loader_tags",
    "django.views.generic",
    "psycopg_pool",
    "sqlite3",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.main",
    "uvicorn.protocols.http.h11_impl",
    "voicedash.postgresql.base",
    "whitenoise.middleware",
    "whitenoise.storage",
]
_NOT = {  # what does something while it is imported
    SETTINGS,
    "voicedash.asgi",
    "voicedash.demo.backstage",
}


@contextmanager
def _settings_of_nobody() -> Iterator[None]:
    before = dict(os.environ)
    for name in before:
        if name.startswith("VOICEDASH_") or name.endswith("_FILE"):
            del os.environ[name]
    # With all its secrets given nothing is written anywhere; the database is never opened.
    nobody = {"SECRET_KEY": "nobody", "VOICEDASH_KEYS": "A" * 43 + "=", "VOICEDASH_LOG_KEYS": "nobody"}
    nobody |= {"VOICEDASH_ENV_FILE": "", "VOICEDASH_DATA": "/nowhere", "DATABASE_URL": "sqlite:////nowhere/db.sqlite3"}
    nobody |= {"DJANGO_SETTINGS_MODULE": SETTINGS, "DEBUG": "0"}
    os.environ.update(nobody)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _ours() -> Iterator[str]:
    package = importlib.import_module("voicedash")
    for found in pkgutil.walk_packages(package.__path__, "voicedash."):
        if found.name not in _NOT and not found.name.endswith("__main__"):
            yield found.name


def load() -> None:
    with _settings_of_nobody():
        django.setup()
        for name in [*_LATE, *_ours()]:
            importlib.import_module(name)
        from django.db.migrations.loader import MigrationLoader  # needs settings to be imported

        MigrationLoader(None, ignore_no_migrations=True)  # reads all migrations of every application
    forget_settings()
    gc.freeze()  # a new process has not to look through all of it


def forget_settings() -> None:
    """As if nothing had asked for a setting yet: they are read, and complained of, when something does."""
    settings._wrapped = empty
    sys.modules.pop(SETTINGS, None)
    for handler in (connections, caches):
        vars(handler).clear()
        handler.__init__()  # type: ignore[misc]


if not apps.ready:  # in a process that has Django running nobody's settings are taken away
    load()

"""PostgreSQL's own programs, run against our database: no password in an argument, and a sentence where they fail."""

import os
import re
import shutil
import subprocess

from django.db import connection
from psycopg.conninfo import make_conninfo

from voicedash.live import database

_SECRET = {"password", "sslpassword"}


class Failed(Exception):
    """Why a program is not there, does not fit, or did not do it, in a sentence."""


def fit(program: str) -> None:
    """Raises Failed, with what to install, unless the program is here and not older than the server."""
    server = connection.get_database_version()[0]
    wanted = (
        f"Install PostgreSQL's client programs of version {server} (Debian: apt install postgresql-client-{server})."
    )
    if shutil.which(program) is None:
        raise Failed(f"{program} is not here. {wanted}")
    found = re.search(r"\d+", run(program, "--version"))
    if found is None or int(found[0]) < server:
        raise Failed(f"{program} is of version {found and found[0]}, the server of {server}. {wanted}")


def run(program: str, *arguments: str) -> str:
    """What the program prints; its files are for the owner only. Raises Failed."""
    environment = os.environ | {"LC_ALL": "C"}
    if password := database.parameters().get("password"):
        environment["PGPASSWORD"] = str(password)
    try:
        done = subprocess.run(
            [program, *arguments], env=environment, capture_output=True, text=True, check=False, umask=0o077
        )
    except OSError as error:
        raise Failed(f"{program} cannot be run ({error.strerror}).") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise Failed(f"{program} failed: {' '.join(line.strip() for line in lines[:4])}")
    return done.stdout


def where() -> str:
    """`--dbname` of our database. Without a password: every user of a machine can see what programs are called with."""
    given = database.parameters()
    return "--dbname=" + make_conninfo("", **{name: str(given[name]) for name in given if name not in _SECRET})

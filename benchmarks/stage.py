"""Sets the stage for a benchmark: a database of its own, the stand-in for Bandwidth, real web processes."""

import os
import platform
import tempfile
import time
from pathlib import Path

import django

import tests.environment  # noqa: F401  clears the environment, gives a data folder that goes with the process

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from tests import cast as people  # noqa: E402
from tests.cast import Cast  # noqa: E402
from voicedash.bandwidth.fake import Fake  # noqa: E402
from voicedash.calls.models import Call  # noqa: E402

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def database() -> None:
    """An empty, migrated database: SQLite in a folder of its own, or one made beside what TEST_DATABASE_URL names."""
    if connection.vendor == "postgresql":
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        return
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)


def company(fake: Fake) -> Cast:
    """The tests' cast, known to the stand-in."""
    cast = people.assemble()
    people.known_to(fake, cast.acme_account)
    people.known_to(fake, cast.globex_account)
    return cast


def calls(fake: Fake, cast: Cast, number: int) -> list[Call]:
    """So many answered calls of Acme, on the board and at Bandwidth."""
    made = []
    for _ in range(number):
        theirs = fake.add_call(cast.acme_account.account_id, state="answered")
        made.append(
            Call.objects.create(
                tenant=cast.acme,
                account=cast.acme_account,
                call_id=theirs.call_id,
                state="answered",
                from_address="+19195550123",
                to_address="+19195550100",
                direction="inbound",
                added_at=cast.acme_account.created,
            )
        )
    return made


def machine() -> str:
    """What a table's figures were seen on."""
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {connection.vendor}, "
        f"fsync {fsync_ms():.2f} ms (median of 50)"
    )


def fsync_ms() -> float:
    """What one fsync of the folder that holds the database takes."""
    took = []
    with tempfile.NamedTemporaryFile(dir=Path(settings.DATA_DIR)) as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[len(took) // 2]

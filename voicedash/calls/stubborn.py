"""Writes that are tried until they can be done: what came of a request must not be lost with a moment's database."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import Error as DatabaseProblem
from django.db import connection

from voicedash.calls.times import times

logger = logging.getLogger(__name__)
T = TypeVar("T")


def written(write: Callable[[], T], *, until: float) -> T | None:
    """What `write` gives, tried until it can be written; None when it could not by `until` (time.monotonic())."""
    tried = 0
    while True:
        try:
            written = write()
        except DatabaseProblem:
            if not tried:  # a database that is away for long must not fill the log
                logger.exception("what came of a press could not be written yet")
            tried += 1
            connection.close()
        else:
            if tried:
                logger.info("what came of a press was written at try %s", tried + 1)
            return written
        if time.monotonic() > until:
            return None
        time.sleep(times.settle)

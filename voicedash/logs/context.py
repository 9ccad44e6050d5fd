"""What a line of the log belongs to: the request, or the worker's job, that is being served when it is written."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from voicedash.calls.notes import holds_card_number

_SANE = re.compile(r"[A-Za-z0-9-]{1,64}")
_request: ContextVar[str] = ContextVar("request_id", default="")
_job: ContextVar[str] = ContextVar("job_id", default="")


def begin_request(given: str = "") -> str:
    """Names the request that the running task serves, by what it was given where that is sane; gives the name.

    Whoever reads `given` has decided that its sender may be believed. It ends with the task's context.
    """
    name = given if _SANE.fullmatch(given) and not holds_card_number(given) else str(uuid.uuid4())
    _request.set(name)
    return name


@contextmanager
def job(name: str) -> Iterator[None]:
    """Every line written inside belongs to the worker's job `name`."""
    before = _job.set(name)
    try:
        yield
    finally:
        _job.reset(before)


def fields() -> dict[str, str]:
    """What a line that is written here and now is to carry: `request_id`, `job_id`, where there is one."""
    found = {"request_id": _request.get(), "job_id": _job.get()}
    return {name: value for name, value in found.items() if value}

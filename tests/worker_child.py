"""The process that `tests.serving.WorkerNode` starts: the real `worker`, with its times scaled, on a clock of its own."""

import datetime
import sys
import time
from typing import Any


def set_clock(ahead: float) -> None:
    """From now on this process's clock is so many seconds ahead: `time.time` and whatever asks `datetime`."""
    if not ahead:
        return
    real: Any = datetime.datetime
    real_time, by = time.time, datetime.timedelta(seconds=ahead)

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

    class Ahead(real, metaclass=Kind):  # type: ignore[misc]
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return real.now(tz) + by

        @classmethod
        def utcnow(cls) -> Any:
            return real.now(datetime.UTC).replace(tzinfo=None) + by

    time.time = lambda: real_time() + ahead
    time.time_ns = lambda: round((real_time() + ahead) * 1e9)
    datetime.datetime = Ahead  # type: ignore[misc]


def main(scale: float, ahead: float) -> None:
    """Works until it is told to stop, or is killed."""
    set_clock(ahead)
    import django
    from django.core.management import call_command

    django.setup()
    from voicedash.calls import times  # needs the applications

    times.scale(scale)
    call_command("worker")


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))

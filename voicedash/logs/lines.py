"""How a line of the log is written: as one JSON object for collectors, or for a person's eye. Masked either way."""

import json
import logging
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType

from voicedash.logs import context
from voicedash.logs.masking import Mask

logger = logging.getLogger(__name__)


class _Line(logging.Formatter):
    """The parts of a line, masked. Never raises: a record that cannot be put together is told as it came."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self.mask = Mask(secrets)

    def message(self, record: logging.LogRecord) -> str:
        try:
            told = record.getMessage()
        except Exception as error:  # a `__str__` of somebody's may raise anything
            told = f"{record.msg} (its {len(record.args or ())} arguments do not fit: {type(error).__name__})"
        return self.mask(told)

    def exception(self, record: logging.LogRecord) -> str:
        parts = []
        if record.exc_info and record.exc_info[0] is not None:
            try:
                parts.append(self.formatException(record.exc_info))
            except Exception as error:
                parts.append(f"{record.exc_info[0].__name__} (cannot be told: {type(error).__name__})")
        elif record.exc_text:
            parts.append(record.exc_text)
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        return self.mask("\n".join(parts))

    @staticmethod
    def moment(record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class Json(_Line):
    """One object a line: time, level, logger, message, and where there are such: request_id or job_id, exception."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": self.message(record),
            **context.fields(),
        }
        if exception := self.exception(record):
            line["exception"] = exception
        return json.dumps(line, ensure_ascii=False)


class Plain(_Line):
    """For reading along: the same in words, an exception below its line."""

    def format(self, record: logging.LogRecord) -> str:
        about = "".join(f" [{value}]" for value in context.fields().values())
        line = f"{self.moment(record)} {record.levelname} {record.name}{about}: {self.message(record)}"
        exception = self.exception(record)
        return f"{line}\n{exception}" if exception else line


def take_in_strays() -> None:
    """From now on what nobody caught, in any thread, and Python's own warnings are lines of the log as well."""
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logger.critical("The process ends by an error that nobody expected", exc_info=(kind, error, trace))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_type is SystemExit or told.exc_value is None:
        return
    name = told.thread.name if told.thread else "?"
    trace = (told.exc_type, told.exc_value, told.exc_traceback)
    logger.critical("The thread %s ended by an error that nobody expected", name, exc_info=trace)

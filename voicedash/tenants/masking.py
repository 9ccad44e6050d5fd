"""Keeps the setup link out of the log: Django tells the address of a request that failed, and this one is a key."""

import logging
import re

_TOKEN = re.compile(r"(/setup/)[^/\s'\"]+")


class WithoutSetupTokens(logging.Filter):
    """Blots the token out of whatever is logged. Sits on the handler, so that it sees the records of all loggers."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            told = record.getMessage()
        except (TypeError, ValueError, KeyError):
            return True  # the handler itself tells of a record that cannot be put together
        if "/setup/" in told:
            record.msg, record.args = _TOKEN.sub(r"\1…", told), ()
        return True

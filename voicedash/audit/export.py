"""The log as CSV: a line for each line of the page, the oldest first, in memory that does not grow with the log."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC

from voicedash.audit import reading, sentences
from voicedash.audit.lines import Line, Names
from voicedash.audit.reading import Shown, Wish
from voicedash.tenants import spreadsheets
from voicedash.tenants.board import release_connection

logger = logging.getLogger(__name__)

AT_ONCE = 2  # of a process: each holds a thread of those that draw pages, for as long as its reader takes
HEADER = [
    "entry",
    "time (UTC)",
    "who",
    "what",
    "call id",
    "result",
    "outcome",
    "reason",
    "attempts",
    "verb",
    "chain",
    "digest",
]
_places = threading.BoundedSemaphore(AT_ONCE)
Naming = Callable[[list[Shown]], Names]


class Full(Exception):
    """As many exports as may run at once are running."""


class Export:
    """What is sent, in pieces. Ends where the log ended when it began; `close` gives its place to the next."""

    def __init__(self, wish: Wish, naming: Naming) -> None:
        """Raises Full."""
        self._open = _places.acquire(blocking=False)
        if not self._open:
            raise Full
        self._naming = naming
        self._wish = wish
        self._pieces = self._made()

    def __iter__(self) -> Iterator[str]:
        return self._pieces

    def close(self) -> None:
        if self._open:
            self._open = False
            _places.release()

    def __del__(self) -> None:
        self.close()  # an answer that was dropped before anybody read it

    def _made(self) -> Iterator[str]:
        try:
            lines = 0
            newest = reading.head(self._wish.chain)
            began = time.monotonic()
            yield "".join(spreadsheets.write([HEADER]))
            for shown in reading.all_of(self._wish, newest):
                names = self._naming(shown)
                cells = (_cells(sentences.line(one, names)) for one in shown)
                piece = "".join(spreadsheets.write(cells)).removeprefix("\ufeff")
                lines += len(shown)
                release_connection()  # a reader that takes its time holds none
                yield piece
                # Presses come first: whoever exports years of a log leaves them half of the processor.
                time.sleep(min(0.05, time.monotonic() - began))
                began = time.monotonic()
            logger.info("%s: %d lines exported, up to entry %d", self._wish.chain, lines, newest)
        finally:
            self.close()


def _cells(line: Line) -> list[str]:
    entry = line.entry
    return [
        str(entry.seq),
        entry.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        line.who,
        line.did,
        line.call_id,
        line.came,
        line.outcome,
        line.reason,
        " ".join(sentences.details(entry)),
        entry.verb,
        entry.chain,
        entry.digest,
    ]

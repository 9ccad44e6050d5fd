"""Writes what came of a bulk's calls in a thread of its own: the next ones are claimed and sent meanwhile."""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from django.db import Error as DatabaseProblem
from django.db import connections

from voicedash.calls import groups
from voicedash.calls.groups import Answered
from voicedash.calls.press import Press

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """So many answers are dealt with; of these presses Bandwidth did nothing, and they are asked for again."""

    count: int
    again: list[Press]


class Settling:
    """One bulk's writer. `alone` is given what has to be finished one by one, `tell` what is done; both never block."""

    def __init__(self, tenant_id: int, alone: Callable[[Answered], None], tell: Callable[[Written], None]) -> None:
        self.tenant_id = tenant_id
        self.alone = alone
        self.tell = tell
        self._answers: queue.SimpleQueue[list[Answered] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="bulk-settling")
        self._thread.start()

    def put(self, answers: list[Answered]) -> None:
        """Has them written, together with whatever else waits."""
        if answers:
            self._answers.put(answers)

    def close(self) -> None:
        """Comes back when everything is written, or handed to `alone`."""
        self._answers.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (answers := self._answers.get()) is not None:
                self._settle(answers)
        finally:
            connections.close_all()

    def _settle(self, answers: list[Answered]) -> None:
        try:
            late = groups.settle(self.tenant_id, answers)
        except DatabaseProblem:
            logger.warning("tenant %s: what came of a bulk is written one by one", self.tenant_id, exc_info=True)
            connections.close_all()
            late = answers
        except Exception:  # whatever it is, the way of a single press tries each by itself
            logger.exception("tenant %s: what came of a bulk is written one by one", self.tenant_id)
            late = answers
        for answer in late:
            self.alone(answer)
        again = [answer.claim.press for answer in answers if answer.returns and answer not in late]
        self.tell(Written(len(answers), again))

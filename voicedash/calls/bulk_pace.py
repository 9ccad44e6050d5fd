"""How fast a bulk asks: so many calls of an account at once, fewer after Bandwidth said that it was asked too often."""

import time
from dataclasses import dataclass

from voicedash.calls.groups import Answered
from voicedash.calls.times import times

GROUP = 25  # claims of one transaction, and outcomes
AT_ONCE = 2 * GROUP  # calls in flight of one account: while one group is asked for the next is claimed


@dataclass
class Pace:
    """How many calls of an account are asked for at once; fewer after a 429, and none before it says."""

    most: float = AT_ONCE
    after: float = 0.0  # time.monotonic()
    slowed: float = 0.0
    in_flight: int = 0

    def heard(self, answer: Answered) -> None:
        now = time.monotonic()
        if not answer.limited:
            self.most = min(AT_ONCE, self.most + 1 / self.most)
            return
        self.after = max(self.after, now + max(answer.attempts[-1].retry_after, times.unknown))
        if answer.attempts[-1].began >= self.slowed:  # those that were sent before it was slowed tell nothing new
            self.most = max(1.0, self.most / 2)
            self.slowed = now

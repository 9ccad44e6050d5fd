"""Calls that ring, talk and end by themselves, so that a stand-in someone looks at is never empty and never still."""

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicedash.bandwidth.fake.standin import Fake
from voicedash.bandwidth.fake.world import FakeCall, now


def add_past(
    fake: Fake, account_id: str, calls: int, *, seconds: float = 3600.0, seed: int = 0, until: datetime | None = None
) -> None:
    """So many calls that were over before `until` (now), spread over the `seconds` before: what a busy day leaves."""
    dice, end = random.Random(seed), until or now()
    for number in range(calls):
        start = end - timedelta(seconds=seconds * (1 - number / calls))
        talked = timedelta(seconds=min(dice.lognormvariate(4.5, 0.8), 0.9 * (end - start).total_seconds()))
        outbound = dice.random() < 0.3
        line, customer = f"+1919555{100 + dice.randrange(20):04d}", f"+1704555{100 + dice.randrange(100):04d}"
        fake.add_call(
            account_id,
            state="disconnected",
            direction="outbound" if outbound else "inbound",
            from_=line if outbound else customer,
            to=customer if outbound else line,
            start=start,
            answered=start + talked / 10,
            ended=start + talked,
        )


@dataclass
class _Plan:
    call: FakeCall
    answer_at: float  # monotonic seconds
    end_at: float


class Traffic:
    """Keeps `calls` calls alive in one account; whoever owns it calls `tick()` about once a second.

    `ring` and `talk`: shortest and longest seconds. The same seed brings the same traffic.
    """

    def __init__(
        self,
        fake: Fake,
        account_id: str,
        calls: int,
        *,
        seed: int = 0,
        ring: tuple[float, float] = (2, 10),
        talk: tuple[float, float] = (40, 300),
    ) -> None:
        self._fake, self._account_id = fake, account_id
        self._ring, self._talk = ring, talk
        self._dice = random.Random(seed)
        self._plans = [self._begin(talking=number % 4 != 3) for number in range(calls)]

    @property
    def calls(self) -> list[FakeCall]:
        """The calls that have not ended."""
        return [plan.call for plan in self._plans]

    def tick(self) -> None:
        """Lets happen what is due: someone answers, someone hangs up, and a new call rings in its place."""
        moment = time.monotonic()
        for number, plan in enumerate(self._plans):
            if plan.call.state == "disconnected" or moment >= plan.end_at:
                if plan.call.state != "disconnected":
                    plan.call.hang_up()
                self._plans[number] = self._begin(talking=False)
            elif plan.call.state == "initiated" and moment >= plan.answer_at:
                plan.call.answer()

    def _begin(self, *, talking: bool) -> _Plan:
        moment, ring, talk = time.monotonic(), self._dice.uniform(*self._ring), self._dice.uniform(*self._talk)
        direction = self._dice.choice(["inbound", "inbound", "outbound"])
        if not talking:
            call = self._fake.add_call(self._account_id, state="initiated", direction=direction)
            return _Plan(call, moment + ring, moment + ring + talk)
        talked = self._dice.uniform(0, talk)
        picked_up = now() - timedelta(seconds=talked)
        call = self._fake.add_call(
            self._account_id, direction=direction, start=picked_up - timedelta(seconds=ring), answered=picked_up
        )
        return _Plan(call, moment, moment + talk - talked)

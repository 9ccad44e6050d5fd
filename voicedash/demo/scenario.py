"""Calls that ring, are answered, talk and end at the stand-in for ever, so that the demo's floor is alive."""

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from voicedash.bandwidth.fake import Fake, FakeCall

SEED = 20261202  # the same floor at every start, but for the calls' ids
TICK = 0.5  # seconds between two looks at the floor

# Numbers that are set aside for fiction: 555-0100 to 555-0199 of any area.
AREAS = ("202", "206", "212", "303", "312", "404", "415", "512", "617", "702", "704", "919")


@dataclass(frozen=True)
class Floor:
    """The calls of one Bandwidth account: how many are live at once, and the numbers of its people."""

    account_id: str
    least: int
    most: int
    area: str
    lines: int

    def line(self, number: int) -> str:
        """The number of one person's line."""
        return f"+1{self.area}5550{100 + number:03d}"


# Acme has 12 to 18 calls at once over its two accounts, Globex 5 to 7.
FLOORS = (
    Floor("9900001", least=8, most=12, area="919", lines=20),
    Floor("9900002", least=4, most=6, area="984", lines=10),
    Floor("9900003", least=5, most=7, area="608", lines=12),
)


@dataclass
class Plan:
    """What becomes of one call, and when (monotonic seconds). A call that nobody answers has no `answer_at`."""

    call: FakeCall
    line: int
    answer_at: float | None
    end_at: float


@dataclass
class Scenario:
    """The floors at work. `fill()` once, then `play()` in a thread of its own until `stop()`."""

    fake: Fake
    floors: tuple[Floor, ...] = FLOORS
    plans: dict[str, list[Plan]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(SEED)
        self._over = threading.Event()
        self._next_call = {floor.account_id: 0.0 for floor in self.floors}

    def fill(self) -> None:
        """Puts the calls there that would be there by now: most talk, one of an account still rings."""
        now = time.monotonic()
        for floor in self.floors:
            self.plans[floor.account_id] = []
            for number in range((floor.least + floor.most + 1) // 2):
                self._add(floor, now, talking=number > 0)

    def play(self) -> None:
        """Lets calls come and go until `stop()`."""
        while not self._over.wait(TICK):
            self.move_on(time.monotonic())

    def move_on(self, now: float) -> None:
        """Lets happen what is due at `now` (monotonic seconds)."""
        for floor in self.floors:
            self._move_on(floor, now)

    def stop(self) -> None:
        """Ends `play()` at its next look."""
        self._over.set()

    def _move_on(self, floor: Floor, now: float) -> None:
        plans = self.plans[floor.account_id]
        for plan in list(plans):
            if plan.answer_at is not None and now >= plan.answer_at and plan.call.answered is None:
                plan.call.answer()
            if now >= plan.end_at and len(plans) > floor.least:
                plan.call.hang_up("hangup" if plan.call.answered else "timeout")
                plans.remove(plan)
        if len(plans) < floor.most and now >= self._next_call[floor.account_id]:
            self._add(floor, now)
            self._next_call[floor.account_id] = now + self._random.uniform(5, 20)

    def _add(self, floor: Floor, now: float, *, talking: bool = False) -> None:
        """A call that begins to ring now, or one that has been talking for a while."""
        taken = {plan.line for plan in self.plans[floor.account_id]}
        line = self._random.choice([number for number in range(floor.lines) if number not in taken])
        customer = f"+1{self._random.choice(AREAS)}5550{self._random.randint(100, 199)}"
        outbound = self._random.random() < 0.3
        ringing = self._random.uniform(5, 15)
        length = self._random.lognormvariate(5.9, 0.5)  # seconds of talk: half of them above six minutes
        answered = self._random.random() < 0.93
        began = ringing + self._random.uniform(0.05, 0.6) * length if talking else 0.0  # seconds ago
        start = datetime.now(UTC) - timedelta(seconds=began)
        call = self.fake.add_call(
            floor.account_id,
            state="answered" if talking else "initiated",
            direction="outbound" if outbound else "inbound",
            from_=floor.line(line) if outbound else customer,
            to=customer if outbound else floor.line(line),
            start=start,
            answered=start + timedelta(seconds=ringing) if talking else None,
        )
        self.plans[floor.account_id].append(
            Plan(
                call,
                line,
                answer_at=now + ringing if answered and not talking else None,
                end_at=now - began + ringing + (length if answered or talking else 15),
            )
        )

"""Calls that ring, are answered, talk and end at the stand-in for ever, so that the demo's floor is alive."""

import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from voicedash.bandwidth.fake import Fake, FakeCall
from voicedash.bandwidth.fake.traffic import add_past

SEED = 20261202  # the same floor at every start, but for the calls' ids
TICK = 0.5  # seconds between two looks at the floor

# Numbers that are set aside for fiction: 555-0100 to 555-0199 of any area.
KEPT = 180.0  # seconds for which an ended call can still be listed: the boards look every few
CLEARED = 60.0  # seconds between two times at which the stand-in forgets what it was asked
# A call whose recording is paused goes on: the caller is reading a number out. But not for ever.
READING = 600.0

# How long people talk: out of so many calls, with half of them longer than so many seconds, and how far that spreads.
# Some are over in a minute, so that the floor moves while one looks; some outlast every break.
LENGTHS = ((72, 45.0, 0.5), (25, 150.0, 0.5), (3, 1500.0, 0.3))
LONG = ((1, 2700.0, 0.1),)  # for who shows it to others, or takes pictures: no call ends under the hand

TRANSFERRED = 0.15  # of the calls that come, so many are legs of one that talks already

AREAS = ("202", "206", "212", "303", "312", "404", "415", "512", "617", "702", "704", "919")


@dataclass(frozen=True)
class Floor:
    """The calls of one Bandwidth account: how many are live at once, and the numbers of its people."""

    account_id: str
    least: int
    most: int
    area: str
    lines: int
    past: int  # calls that ended in the hour before

    def line(self, number: int) -> str:
        """The number of one person's line."""
        return f"+1{self.area}5550{100 + number:03d}"


# Acme has 12 to 18 calls at once over its two accounts, Globex 5 to 7.
FLOORS = (
    Floor("9900001", least=8, most=12, area="919", lines=20, past=1200),
    Floor("9900002", least=4, most=6, area="984", lines=10, past=400),
    Floor("9900003", least=5, most=7, area="608", lines=12, past=500),
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
    lengths: tuple[tuple[float, float, float], ...] = LENGTHS
    plans: dict[str, list[Plan]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(SEED)
        self._over = threading.Event()
        self._next_call = {floor.account_id: 0.0 for floor in self.floors}
        self._ended: deque[tuple[float, FakeCall]] = deque()
        self._clear_at = 0.0

    def fill(self) -> None:
        """Puts the calls there that would be there by now: most talk, one of an account still rings, many are over."""
        now = time.monotonic()
        for floor in self.floors:
            add_past(self.fake, floor.account_id, floor.past)
            self.plans[floor.account_id] = []
            for number in range((floor.least + floor.most + 1) // 2 - 1):
                self._add(floor, now, talking=number > 0)
            self._transfer(floor, now)

    def play(self) -> None:
        """Lets calls come and go until `stop()`."""
        while not self._over.wait(TICK):
            self.move_on(time.monotonic())

    def move_on(self, now: float) -> None:
        """Lets happen what is due at `now` (monotonic seconds)."""
        for floor in self.floors:
            self._move_on(floor, now)
        while self._ended and self._ended[0][0] <= now - KEPT:
            self.fake.forget_call(self._ended.popleft()[1])
        if now >= self._clear_at:
            self.fake.clear_requests()
            self._clear_at = now + CLEARED

    def stop(self) -> None:
        """Ends `play()` at its next look."""
        self._over.set()

    def _move_on(self, floor: Floor, now: float) -> None:
        plans = self.plans[floor.account_id]
        for plan in list(plans):
            if plan.answer_at is not None and now >= plan.answer_at and plan.call.answered is None:
                plan.call.answer()
            reads = plan.call.recorder == "paused" and now < plan.end_at + READING
            if now >= plan.end_at and len(plans) > floor.least and not reads:
                plan.call.hang_up("hangup" if plan.call.answered else "timeout")
                self._ended.append((now, plan.call))
                plans.remove(plan)
        if len(plans) < floor.most and now >= self._next_call[floor.account_id]:
            if self._random.random() >= TRANSFERRED or not self._transfer(floor, now):
                self._add(floor, now)
            self._next_call[floor.account_id] = now + self._random.uniform(5, 20)

    def _add(self, floor: Floor, now: float, *, talking: bool = False) -> None:
        """A call that begins to ring now, or one that has been talking for a while."""
        taken = {plan.line for plan in self.plans[floor.account_id]}
        line = self._random.choice([number for number in range(floor.lines) if number not in taken])
        customer = f"+1{self._random.choice(AREAS)}5550{self._random.randint(100, 199)}"
        outbound = self._random.random() < 0.3
        ringing = self._random.uniform(5, 15)
        length = self._length(talking)
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

    def _transfer(self, floor: Floor, now: float) -> bool:
        """One that talks is transferred: a leg of its own rings at a colleague's. False where nobody talks for long."""
        plans = self.plans[floor.account_id]
        legs = {plan.call.call_id for plan in plans if plan.call.parent_call_id} | {
            plan.call.parent_call_id for plan in plans
        }
        talk = [plan for plan in plans if plan.call.answered and plan.end_at > now + 30]
        talk = [plan for plan in talk if plan.call.call_id not in legs]
        if not talk:
            return False
        first = self._random.choice(talk)
        taken = {plan.line for plan in plans}
        line = self._random.choice([number for number in range(floor.lines) if number not in taken])
        leg = self.fake.add_call(
            floor.account_id,
            state="initiated",
            direction="inbound",
            from_=first.call.to if first.call.direction == "outbound" else first.call.from_,
            to=floor.line(line),
            parent_call_id=first.call.call_id,
        )
        ringing = self._random.uniform(5, 15)
        plans.append(Plan(leg, line, answer_at=now + ringing, end_at=now + ringing + self._length(talking=False)))
        return True

    def _length(self, talking: bool) -> float:
        """Seconds of talk. Whoever comes onto a floor finds the long calls there more often than they begin."""
        weights = [share * median if talking else share for share, median, _ in self.lengths]
        _, median, spread = self._random.choices(self.lengths, weights)[0]
        return median * self._random.lognormvariate(0, spread)

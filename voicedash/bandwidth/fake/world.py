"""What is really so behind the stand-in: accounts, tokens, calls, and the recorder of each call at every moment.

A test compares what voicedash claims with what stands here, so every effect happens under one lock with one time.
"""

import bisect
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from voicedash.bandwidth.fake.accounts import Accounts, FakeAccount

KEPT = timedelta(days=7)  # calls stay readable so long after they were hung up
JUST_ENDED = 60.0  # seconds in which the PUT on an ended call says 409, and 404 afterwards (our guess of the boundary)


def now() -> datetime:
    """The time of day in UTC, to the millisecond, which is as fine as Bandwidth tells it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def monotonic_of(moment: datetime) -> float:
    """The monotonic time (seconds) of a moment of the day."""
    return time.monotonic() - (datetime.now(UTC) - moment).total_seconds()


def fresh_id(prefix: str) -> str:
    """An id in the 47-character form that live ids have, such as c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85."""
    return f"{prefix}-{secrets.token_hex(4)}-{uuid.uuid4()}"


@dataclass(frozen=True)
class Told:
    """What GET tells of a call beside what never changes."""

    state: str
    answered: datetime | None
    ended: datetime | None
    cause: str | None
    updated: datetime


@dataclass(frozen=True)
class Recorded:
    """A recording that has ended. `seconds` lacks what was paused."""

    recording_id: str
    start: datetime
    end: datetime
    seconds: float


def _nobody(call: "FakeCall", happening: str) -> None:
    """Whom a call tells of what happens to it, where nobody listens."""


@dataclass(eq=False)
class FakeCall:
    """One call. `timeline` holds (monotonic seconds, recorder) for every change of its recorder.

    `past` holds the same for what GET tells, for when that lags.
    """

    account_id: str
    call_id: str
    state: str
    recorded: bool
    from_: str
    to: str
    direction: str
    parent_call_id: str | None
    created: datetime
    number: int
    known_at: float
    listed_at: float
    lock: threading.RLock = field(repr=False)
    application_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    recording_id: str = field(default_factory=lambda: fresh_id("r"))
    answered: datetime | None = None
    ended: datetime | None = None
    cause: str | None = None
    updated: datetime = field(default_factory=now)
    timeline: list[tuple[float, str]] = field(default_factory=list)
    past: list[tuple[float, Told]] = field(default_factory=list, repr=False)
    recordings: list[Recorded] = field(default_factory=list)  # those that have ended
    tell: Callable[["FakeCall", str], None] = field(default=_nobody, repr=False)

    def __post_init__(self) -> None:
        self._recording_since: datetime | None = None
        self._recorded_before = 0.0
        self.timeline.append((monotonic_of(self.created), "none"))

    @property
    def recorder(self) -> str:
        """What the recorder does now: recording, paused or none."""
        return self.recorder_at(time.monotonic())

    def recorder_at(self, moment: float) -> str:
        """What the recorder did at `moment` (monotonic seconds)."""
        with self.lock:
            return next((state for at, state in reversed(self.timeline) if at <= moment), "none")

    def answer(self, at: datetime | None = None) -> None:
        """Someone picks up, now or at an earlier time of day; a recorded call starts to be recorded."""
        with self.lock:
            self.state, self.answered, self.updated = "answered", at or now(), at or now()
            self.note(at)
            self._turn("recording" if self.recorded else "none", monotonic_of(at) if at else time.monotonic())
            self._recording_since = self.answered if self.recorded else None
        self.tell(self, "answered")

    def hang_up(self, cause: str = "hangup", at: datetime | None = None) -> None:
        """The call ends, now or at an earlier time of day."""
        with self.lock:
            self.state, self.cause, self.ended, self.updated = "disconnected", cause, at or now(), at or now()
            self.note(at)
            self._turn("none", monotonic_of(at) if at else time.monotonic())
            self._end_recording(self.ended)
        self.tell(self, "ended")

    def record_anew(self) -> None:
        """The customer's flow stops the recording and starts another, which is not paused: a transfer may do so."""
        with self.lock:
            self._turn("none", time.monotonic())
            self._end_recording(now())
            self.recording_id, self._recording_since = fresh_id("r"), now()
            self._turn("recording", time.monotonic())
        self.tell(self, "recorded")

    def command(self, wanted: str) -> float | None:
        """Sets the recorder to `wanted`; the monotonic time it took effect, None where there is nothing to set."""
        with self.lock:
            moment = time.monotonic()
            if self.recorder_at(moment) == "none":
                return None
            self._turn(wanted, moment)
            return moment

    def note(self, at: datetime | None = None) -> None:
        """What stands here is what GET tells from now on, or from an earlier time of day."""
        with self.lock:
            moment = monotonic_of(at) if at else time.monotonic()
            self.past.append((moment, self.told))

    @property
    def told(self) -> Told:
        """What GET tells without a lag."""
        return Told(self.state, self.answered, self.ended, self.cause, self.updated)

    def told_at(self, moment: float) -> Told | None:
        """What was so at `moment` (monotonic seconds); None before the call."""
        with self.lock:
            return next((told for at, told in reversed(self.past) if at <= moment), None)

    def refusal(self) -> int | None:
        """The status with which a command is refused now, None when it is not."""
        with self.lock:
            moment = time.monotonic()
            if moment < self.known_at:
                return 404
            if self.state in ("queued", "initiated"):
                return 409
            if self.state == "disconnected":
                over = moment - monotonic_of(self.ended) if self.ended else 0.0
                return 409 if over < JUST_ENDED else 404
            return None

    def recorded_seconds(self) -> float:
        """How long the recorder really ran, the paused times left out."""
        with self.lock:
            ends = [at for at, _ in self.timeline[1:]] + [time.monotonic()]
            spans = zip(self.timeline, ends, strict=True)
            return sum(end - start for (start, state), end in spans if state == "recording")

    def _end_recording(self, end: datetime) -> None:
        if self._recording_since:
            ran = self.recorded_seconds() - self._recorded_before
            self._recorded_before += ran
            self.recordings.append(Recorded(self.recording_id, self._recording_since, end, ran))
        self._recording_since = None

    def _turn(self, state: str, moment: float) -> None:
        if self.timeline[-1][1] != state:
            self.timeline.append((max(moment, self.timeline[-1][0]), state))


class World(Accounts):
    """Everything behind the stand-in."""

    def __init__(self) -> None:
        super().__init__()
        self.lag = 0.0  # seconds by which GET is late, both with what is new and with what has changed
        self._calls: dict[str, dict[str, FakeCall]] = {}
        self._order: dict[str, list[tuple[datetime, int, str]]] = {}  # oldest first
        self._count = 0

    def add_account(self, account: FakeAccount) -> None:
        """Opens an account; raises ValueError for an id that is taken."""
        with self.lock:
            if account.account_id in self.accounts:
                raise ValueError(f"account {account.account_id} is there already")
            self.accounts[account.account_id] = account
            self._calls[account.account_id] = {}
            self._order[account.account_id] = []

    def next_number(self) -> int:
        """A number that rises with every call, which keeps calls of one millisecond in order."""
        with self.lock:
            self._count += 1
            return self._count

    def add_call(self, call: FakeCall) -> None:
        """Puts a call into its account; raises KeyError for an unknown account, ValueError for an id that is taken."""
        with self.lock:
            calls = self._calls[call.account_id]
            if call.call_id in calls:
                raise ValueError(f"call {call.call_id} is there already")
            calls[call.call_id] = call
            bisect.insort(self._order[call.account_id], (call.created, call.number, call.call_id))

    def forget_call(self, call: FakeCall) -> None:
        """Takes a call out of its account, as if it had been long ago; nothing where it is not there."""
        with self.lock:
            if self._calls.get(call.account_id, {}).pop(call.call_id, None):
                self._order[call.account_id].remove((call.created, call.number, call.call_id))

    def find_call(self, account_id: str, call_id: str) -> FakeCall | None:
        """The call of that account, or None."""
        with self.lock:
            return self._calls.get(account_id, {}).get(call_id)

    def calls(self, account_id: str) -> list[FakeCall]:
        """The calls that GET may show of an account now, oldest first."""
        return [call for call, _ in self.listed(account_id)]

    def listed(self, account_id: str, after: tuple[datetime, int] | None = None) -> list[tuple[FakeCall, Told]]:
        """The same, with what it shows; `after`: start and number of a call that was shown."""
        with self.lock:
            order = self._order.get(account_id, [])
            first = bisect.bisect_right(order, (*after, chr(0x10FFFF))) if after else 0
            calls = [self._calls[account_id][call_id] for _, _, call_id in order[first:]]
            return [(call, told) for call in calls if (told := self.shown(call))]

    def shown(self, call: FakeCall) -> Told | None:
        """What GET shows of this call now: nothing in its first moments, nor a week after its end."""
        moment = time.monotonic()
        if moment < call.listed_at or (call.ended is not None and now() - call.ended >= KEPT):
            return None
        return call.told_at(moment - self.lag) if self.lag else call.told

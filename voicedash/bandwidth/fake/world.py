"""What is really so behind the stand-in: accounts, tokens, calls, and the recorder of each call at every moment.

A test compares what voicedash claims with what stands here, so every effect happens under one lock with one time.
"""

import base64
import json
import secrets
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

VOICE_ROLE = "HttpVoice"
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


@dataclass
class FakeAccount:
    """One account and who may use it. The fields may be changed at any time, for instance to rotate a secret."""

    account_id: str
    client_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    roles: list[str] = field(default_factory=lambda: [VOICE_ROLE])
    token_seconds: float = 3600


@dataclass(eq=False)
class FakeCall:
    """One call. `timeline` holds (monotonic seconds, recorder) for every change of its recorder."""

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

    def __post_init__(self) -> None:
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
            self._turn("recording" if self.recorded else "none", monotonic_of(at) if at else time.monotonic())

    def hang_up(self, cause: str = "hangup", at: datetime | None = None) -> None:
        """The call ends, now or at an earlier time of day."""
        with self.lock:
            self.state, self.cause, self.ended, self.updated = "disconnected", cause, at or now(), at or now()
            self._turn("none", monotonic_of(at) if at else time.monotonic())

    def command(self, wanted: str) -> float | None:
        """Sets the recorder to `wanted`; the monotonic time it took effect, None where there is nothing to set."""
        with self.lock:
            moment = time.monotonic()
            if self.recorder_at(moment) == "none":
                return None
            self._turn(wanted, moment)
            return moment

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

    def _turn(self, state: str, moment: float) -> None:
        if self.timeline[-1][1] != state:
            self.timeline.append((max(moment, self.timeline[-1][0]), state))


class World:
    """Everything behind the stand-in."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.accounts: dict[str, FakeAccount] = {}
        self._calls: dict[str, dict[str, FakeCall]] = {}
        self._tokens: dict[str, tuple[frozenset[str], float]] = {}
        self._count = 0

    def add_account(self, account: FakeAccount) -> None:
        """Opens an account; raises ValueError for an id that is taken."""
        with self.lock:
            if account.account_id in self.accounts:
                raise ValueError(f"account {account.account_id} is there already")
            self.accounts[account.account_id] = account
            self._calls[account.account_id] = {}

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

    def find_call(self, account_id: str, call_id: str) -> FakeCall | None:
        """The call of that account, or None."""
        with self.lock:
            return self._calls.get(account_id, {}).get(call_id)

    def calls(self, account_id: str) -> list[FakeCall]:
        """What GET may show of an account now, oldest first."""
        with self.lock:
            shown = [call for call in self._calls.get(account_id, {}).values() if self.shown(call)]
        return sorted(shown, key=lambda call: (call.created, call.number))

    @staticmethod
    def shown(call: FakeCall) -> bool:
        """Whether GET shows this call now: not in its first moments, not a week after its end."""
        return time.monotonic() >= call.listed_at and (call.ended is None or now() - call.ended < KEPT)

    def issue_token(self, client_id: str, secret: str) -> tuple[str, float] | None:
        """A new token and its seconds for a client with the right secret, else None."""
        with self.lock:
            mine = [
                account
                for account in self.accounts.values()
                if account.client_id == client_id and account.secret is not None and account.secret == secret
            ]
            if not mine:
                return None
            reached = [account.account_id for account in mine]
            seconds = min(account.token_seconds for account in mine)
            claims = {
                "sub": client_id,
                "accounts": reached,
                "roles": sorted({role for account in mine for role in account.roles}),
                "exp": int(time.time() + seconds),
                "jti": secrets.token_hex(8),
            }
            token = ".".join([_part({"alg": "none", "typ": "JWT"}), _part(claims), secrets.token_urlsafe(8)])
            self._tokens[token] = (frozenset(reached), time.monotonic() + seconds)
            return token, seconds

    def expire_tokens(self, account_id: str | None = None) -> None:
        """Takes back every token, or those that reach one account."""
        with self.lock:
            self._tokens = {
                token: (accounts, until)
                for token, (accounts, until) in self._tokens.items()
                if account_id is not None and account_id not in accounts
            }

    def accounts_of_token(self, token: str) -> frozenset[str] | None:
        """The accounts a living token reaches; None for a token that is unknown or over."""
        with self.lock:
            accounts, until = self._tokens.get(token, (frozenset(), 0.0))
            return accounts if time.monotonic() < until else None

    def accounts_of_user(self, username: str, password: str) -> frozenset[str] | None:
        """The accounts a username with the right password reaches, else None."""
        with self.lock:
            mine = frozenset(
                account.account_id
                for account in self.accounts.values()
                if account.username == username and account.password is not None and account.password == password
            )
        return mine or None


def _part(value: object) -> str:
    """One part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

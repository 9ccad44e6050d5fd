"""Asks Bandwidth for a claimed command: attempt after attempt, inside one budget of time (docs/truth.md, 4)."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from voicedash.bandwidth.client import Client
from voicedash.bandwidth.errors import (
    BadCredentials,
    BandwidthError,
    NeverReached,
    OutcomeUnknown,
    RateLimited,
    TokenRefused,
    UnknownCall,
)
from voicedash.calls.models import Outcome, Wanted
from voicedash.calls.press import Claim, Made
from voicedash.calls.times import times

logger = logging.getLogger(__name__)

_OUTCOMES = {
    "acknowledged": Outcome.ACKNOWLEDGED,
    "never_reached": Outcome.UNREACHABLE,
    "unknown_call": Outcome.UNKNOWN_CALL,
    "credentials": Outcome.CREDENTIALS,
    "token_refused": Outcome.CREDENTIALS,
    "rate_limited": Outcome.REFUSED,
    "refused": Outcome.REFUSED,
}


@dataclass
class _Asking:
    """How far a command has come."""

    deadline: float
    attempts: list[Made] = field(default_factory=list)
    retry_after: float = 0.0

    def count(self, result: str) -> int:
        return sum(made.result == result for made in self.attempts)

    def outcome(self) -> Outcome:
        """Once an attempt had no readable answer, only a later acknowledgement makes it anything but unknown."""
        if not self.attempts:
            return Outcome.NOT_ASKED
        last = self.attempts[-1].result
        if last != "acknowledged" and self.count("unknown"):
            return Outcome.UNCONFIRMED
        return _OUTCOMES[last]


def ask(
    claim: Claim, client: Client, *, may_go_on: Callable[[], bool], must_yield: Callable[[], bool]
) -> tuple[Outcome, list[Made]]:
    """Asks until acknowledged, refused for good, or out of time; gives the outcome and every attempt.

    `may_go_on` takes the claim again before an attempt; `must_yield` tells during a wait that a
    pause wants its turn.
    """
    asking = _Asking(deadline=claim.until - times.claim + times.asking)
    while True:
        began = time.monotonic()  # before the check: a process suspended after it finds its time used up
        fresh = not asking.attempts and began < claim.until - times.claim + times.fresh
        if not fresh and not may_go_on():
            break
        deadline = min(began + times.attempt, asking.deadline)
        if deadline - began < times.last_attempt:
            break
        asking.attempts.append(_attempt(claim, client, began, deadline, asking))
        wait = _wait(claim, asking)
        if wait is None or not _waited(wait, must_yield):
            break
    return asking.outcome(), asking.attempts


def _attempt(claim: Claim, client: Client, began: float, deadline: float, asking: _Asking) -> Made:
    result, status, reference = "acknowledged", None, ""
    try:
        client.put_recording(
            claim.call_id, "paused" if claim.press.wanted == Wanted.PAUSED else "recording", deadline=deadline
        )
        status = 200
    except BandwidthError as error:
        result, status, reference = _result(error), error.status, error.reference
        if isinstance(error, RateLimited):
            asking.retry_after = error.retry_after
        logger.warning(
            "command %s (%s) of call %s, attempt %s: %s: %s",
            claim.command.pk,
            claim.press.wanted,
            claim.call_id,
            len(asking.attempts) + 1,
            result,
            error,
        )
    return Made(began, time.monotonic(), result, status, reference)


def _result(error: BandwidthError) -> str:
    kinds: list[tuple[type[BandwidthError], str]] = [
        (TokenRefused, "token_refused"),
        (BadCredentials, "credentials"),
        (UnknownCall, "unknown_call"),
        (RateLimited, "rate_limited"),
        (NeverReached, "never_reached"),
        (OutcomeUnknown, "unknown"),
    ]
    return next((result for kind, result in kinds if isinstance(error, kind)), "refused")


def _wait(claim: Claim, asking: _Asking) -> float | None:
    """Seconds until the next attempt; None when there is none."""
    left = asking.deadline - time.monotonic() - times.last_attempt
    if left <= 0:
        return None
    match asking.attempts[-1].result:
        case "unknown":
            wait = times.unknown * 2 ** (asking.count("unknown") - 1)
        case "rate_limited":
            return min(max(asking.retry_after, times.unknown), left)  # "0" is no leave to hammer
        case "never_reached" if asking.count("never_reached") == 1:
            wait = 0.0
        case "token_refused" if asking.count("token_refused") == 1:
            wait = 0.0
        case "unknown_call" if not claim.answered and asking.count("unknown_call") <= len(times.again):
            wait = times.again[asking.count("unknown_call") - 1]
        case _:
            return None
    return wait if wait < left else None


def _waited(seconds: float, must_yield: Callable[[], bool]) -> bool:
    """Waits; False as soon as a pause wants its turn."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if left > times.look * 2 and must_yield():
            return False
        time.sleep(min(left, times.look * 2))
    return True

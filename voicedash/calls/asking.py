"""Asks Bandwidth for a claimed command: attempt after attempt, inside one budget of time (docs/truth.md, 4)."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

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
from voicedash.calls.elsewhere import Place
from voicedash.calls.models import Outcome, Wanted
from voicedash.calls.press import Claim, Made
from voicedash.calls.times import times
from voicedash.tenants.models import BandwidthAccount

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
# Answers of a call's own account after which the others are asked: the call may be theirs.
_LEAD_ON = {"unknown_call", "unknown", "rate_limited"}


class Asked(NamedTuple):
    """What a command came to, and every attempt.

    `silent`: another account that could not say whether the call is its own, where the outcome is what it answered.
    """

    outcome: Outcome
    attempts: list[Made]
    silent: BandwidthAccount | None = None


@dataclass
class _Place:
    """An account that may be asked: what it answered so far, and from when on it may be asked again."""

    account: BandwidthAccount | None  # None: the claim's own
    client: Client | None  # None: its secret cannot be opened
    results: list[str] = field(default_factory=list)
    at: float | None = 0.0  # time.monotonic(); None: not any more by this command

    def count(self, result: str) -> int:
        return self.results.count(result)


@dataclass
class _Asking:
    """How far a command has come. `others`: the tenant's other accounts, where the call may be any one's."""

    deadline: float
    own: _Place
    answered: bool
    others: Callable[[], list[Place]] | None
    attempts: list[Made] = field(default_factory=list)
    places: list[_Place] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.places = [self.own]

    def next(self) -> _Place | None:
        """The account whose turn comes first; None where there is none any more."""
        open_ = [place for place in self.places if place.at is not None]
        return min(open_, key=lambda place: place.at or 0.0, default=None)

    def share(self, place: _Place, began: float) -> float:
        """Seconds for an attempt: what is left is for all accounts that were not asked yet."""
        fresh = sum(not one.results for one in self.places if one.at is not None)
        if place.results or fresh < 2:
            return times.attempt
        return min(times.attempt, max(times.last_attempt, (self.deadline - began) / fresh))

    def note(self, place: _Place, made: Made) -> None:
        """Takes in what came of an attempt: when this account may be asked again, and whether others are."""
        self.attempts.append(made)
        place.results.append(made.result)
        wait = self._wait(place, made.result, made.retry_after)
        place.at = None if wait is None else time.monotonic() + wait
        if self.others and made.result in _LEAD_ON:
            for account, client in self.others():
                # One that cannot sign in could not say, either.
                sealed = _Place(account, None, ["credentials"], at=None)
                self.places.append(_Place(account, client) if client else sealed)
            self.others = None

    def outcome(self) -> tuple[Outcome, BandwidthAccount | None]:
        """Once an attempt had no readable answer, only a later acknowledgement makes it anything but unknown.

        That a call is not known only those can say together that it may belong to.
        """
        if not self.attempts:
            return Outcome.NOT_ASKED, None
        if self.attempts[-1].result == "acknowledged":
            return Outcome.ACKNOWLEDGED, None
        if any(made.doubtful for made in self.attempts):
            return Outcome.UNCONFIRMED, None
        said = [(place, place.results[-1]) for place in self.places if place.results]  # its own account's first
        place, result = next((one for one in said if one[1] != "unknown_call"), said[0])
        return _OUTCOMES[result], place.account

    def _wait(self, place: _Place, result: str, retry_after: float) -> float | None:
        """Seconds until the same account may be asked again; None when it is not."""
        count = place.count(result)
        match result:
            case "unknown":
                return float(times.unknown * 2 ** (count - 1))
            case "rate_limited":  # in time for one more attempt; "0" is no leave to hammer
                left = self.deadline - time.monotonic() - times.last_attempt - times.look
                return max(min(retry_after, left), times.unknown)
            case "never_reached" | "token_refused" if count == 1:
                return 0.0
            case "unknown_call" if not self.answered and count <= len(times.again):
                return times.again[count - 1]
        return None


def ask(
    claim: Claim,
    client: Client,
    *,
    others: Callable[[], list[Place]],
    may_go_on: Callable[[], bool],
    must_yield: Callable[[], bool],
) -> Asked:
    """Asks until acknowledged, refused for good, or out of time.

    Where nobody has told whose call it is, and its account does not know it or cannot say, the tenant's `others` are
    asked in turn, each as often as its own answers allow.
    `may_go_on` takes the claim again before an attempt; `must_yield` tells during a wait that a
    pause wants its turn.
    """
    budget = times.attempt if claim.press.brief else times.asking
    own = _Place(None, client)
    asking = _Asking(claim.until - times.claim + budget, own, claim.answered, None if claim.placed else others)
    place: _Place | None = own
    while place is not None and place.client is not None:
        began = time.monotonic()  # before the check: a process suspended after it finds its time used up
        fresh = not asking.attempts and began < claim.until - times.claim + times.fresh
        if not fresh and not may_go_on():
            break
        deadline = min(began + asking.share(place, began), asking.deadline)
        if deadline - began < times.last_attempt:
            break
        made = _attempt(claim, place.account, place.client, began, deadline, len(asking.attempts) + 1)
        asking.note(place, made)
        # Of a bulk the whole account waits, not each of its calls, and none is held meanwhile.
        limited = bool(claim.press.item) and made.result == "rate_limited"
        if made.result == "acknowledged" or limited:
            break
        place = asking.next()
        wait = max(0.0, (place.at or 0.0) - time.monotonic()) if place else 0.0
        if time.monotonic() + wait > asking.deadline - times.last_attempt or (wait and claim.press.brief):
            break
        if not _waited(wait, must_yield):
            break
    outcome, silent = asking.outcome()
    return Asked(outcome, asking.attempts, silent)


def _attempt(
    claim: Claim, elsewhere: BandwidthAccount | None, client: Client, began: float, deadline: float, number: int
) -> Made:
    """One request."""
    result, status, reference, retry_after = "acknowledged", None, "", 0.0
    try:
        client.put_recording(
            claim.call_id, "paused" if claim.press.wanted == Wanted.PAUSED else "recording", deadline=deadline
        )
        status = 200
    except BandwidthError as error:
        result, status, reference = _result(error), error.status, error.reference
        if isinstance(error, RateLimited):
            retry_after = error.retry_after
        logger.warning(
            "command %s (%s) of call %s, attempt %s%s: %s: %s",
            claim.command.pk,
            claim.press.wanted,
            claim.call_id,
            number,
            f" (account {elsewhere.pk})" if elsewhere else "",
            result,
            error,
        )
    return Made(began, time.monotonic(), result, status, reference, elsewhere, retry_after)


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


def _waited(seconds: float, must_yield: Callable[[], bool]) -> bool:
    """Waits; False as soon as a pause wants its turn."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if left > times.look * 2 and must_yield():
            return False
        time.sleep(min(left, times.look * 2))
    return True

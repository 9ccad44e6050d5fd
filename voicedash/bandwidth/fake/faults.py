"""Everything that can go wrong between a request and its answer, by script (each once, in order) or at random.

One shape serves all: when the request takes effect, how long it waits, what is answered instead, how it ends.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal, TypedDict

from voicedash.bandwidth.fake.messages import Request

On = Literal["put", "list", "get", "recordings", "token", "any"]
HTML = b"<!doctype html><html><head><title>Gateway</title></head><body><h1>Sorry</h1></body></html>"
GARBAGE = b'{"state": "pau\xff\x00 this is no JSON'


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. With status None the true answer is given, if the ending gives one."""

    name: str
    apply: Literal["before", "after", "never"] = "never"  # before or after the delay
    delay: float = 0.0  # seconds
    status: int | None = None
    body: bytes | None = None  # None: Bandwidth's own text for that status
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    ending: Literal["answer", "close", "reset", "truncate", "trickle"] = "answer"
    closes_first: bool = False  # the connection goes before the delay, not after it
    expires_tokens: bool = False


def failing(
    status: int = 429,
    *,
    retry_after: str | None = None,
    body: bytes | None = None,
    content_type: str = "application/json",
    delay: float = 0.0,
) -> Fault:
    """An HTTP status instead of doing it, after `delay` seconds."""
    headers = (("Retry-After", retry_after),) if retry_after is not None else ()
    return Fault(
        str(status), status=status, body=body, content_type=content_type if body else "", headers=headers, delay=delay
    )


def delaying(seconds: float, apply: Literal["before", "after"] = "before") -> Fault:
    """The true answer, `seconds` late; it takes effect before or after the delay."""
    return Fault("delay", apply=apply, delay=seconds)


def hanging(*, apply: bool = False, seconds: float = 60.0) -> Fault:
    """No answer: the connection stays open for `seconds`, then closes."""
    return Fault(
        "hang_applied" if apply else "hang", apply="before" if apply else "never", delay=seconds, ending="close"
    )


def dropping(*, apply: bool = False, reset: bool = False) -> Fault:
    """No answer: the connection closes at once, with FIN or with RST."""
    return Fault(
        "drop_after" if apply else "drop_before",
        apply="before" if apply else "never",
        ending="reset" if reset else "close",
    )


def late(seconds: float, *, hang: bool = False) -> Fault:
    """No answer: the connection closes now (or with `hang`, afterwards), the effect comes `seconds` later."""
    return Fault("late", apply="after", delay=seconds, ending="close", closes_first=not hang)


def garbage(*, apply: bool = True) -> Fault:
    """200 with a body that says it is JSON and is not."""
    return Fault(
        "garbage", apply="before" if apply else "never", status=200, body=GARBAGE, content_type="application/json"
    )


def html(status: int = 200, *, apply: bool = False) -> Fault:
    """A page of some gateway."""
    return Fault("html", apply="before" if apply else "never", status=status, body=HTML, content_type="text/html")


def truncating(*, apply: bool = True) -> Fault:
    """200 whose Content-Length promises more than comes before the connection closes."""
    return Fault(
        "truncate",
        apply="before" if apply else "never",
        status=200,
        body=b'{"state',
        content_type="application/json",
        ending="truncate",
    )


def redirecting(status: int = 307, location: str | None = None) -> Fault:
    """A redirect to `location`, by default to the same address: whoever follows it is seen to ask twice."""
    headers = (("Location", location),) if location is not None else ()
    return Fault("redirect", status=status, body=b"", headers=headers)


def trickling(seconds: float, *, apply: bool = True) -> Fault:
    """The true answer, one byte at a time over `seconds`."""
    return Fault("trickle", apply="before" if apply else "never", delay=seconds, ending="trickle")


# What a storm may bring: each takes the dice and the longest time it may last.
STORM: dict[str, Callable[[Random, float], Fault]] = {
    "429": lambda dice, longest: failing(429, retry_after="1"),
    "429_garbage": lambda dice, longest: failing(429, retry_after="string"),
    "500": lambda dice, longest: failing(500),
    "503": lambda dice, longest: failing(503),
    "404": lambda dice, longest: failing(404),
    "409": lambda dice, longest: failing(409),
    "html": lambda dice, longest: html(),
    "redirect": lambda dice, longest: redirecting(),
    "garbage": lambda dice, longest: garbage(),
    "drop_before": lambda dice, longest: dropping(reset=dice.random() < 0.5),
    "drop_after": lambda dice, longest: dropping(apply=True, reset=dice.random() < 0.5),
    "hang": lambda dice, longest: hanging(seconds=dice.uniform(0, longest)),
    "hang_applied": lambda dice, longest: hanging(apply=True, seconds=dice.uniform(0, longest)),
    "delay": lambda dice, longest: delaying(dice.uniform(0, longest), "before" if dice.random() < 0.5 else "after"),
    "truncate": lambda dice, longest: truncating(),
    "token_expiry": lambda dice, longest: Fault("token_expiry", apply="before", expires_tokens=True),
    "late": lambda dice, longest: late(dice.uniform(0, longest), hang=dice.random() < 0.5),
}


class Where(TypedDict, total=False):
    """Which requests a scripted fault waits for, and how many of them it takes."""

    on: On
    account: str | None
    call_id: str | None
    times: int


@dataclass
class _Scripted:
    fault: Fault
    on: On
    account: str | None
    call_id: str | None

    def matches(self, request: Request) -> bool:
        return (
            self.on in (request.kind, "any")
            and self.account in (None, request.account_id)
            and self.call_id in (None, request.call_id)
        )


@dataclass
class Faults:
    """What still is to go wrong."""

    storm_seconds: float = 5.0
    late_seconds: float | None = None  # the longest that "late" may last; None: as long as the others
    _script: list[_Scripted] = field(default_factory=list)
    _token: Fault | None = None
    _rates: dict[str, float] = field(default_factory=dict)
    _dice: Random = field(default_factory=Random)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def script(
        self,
        fault: Fault,
        *,
        on: On = "put",
        account: str | None = None,
        call_id: str | None = None,
        times: int = 1,
    ) -> None:
        """Puts a fault at the end of the script, for the next `times` requests that fit."""
        with self._lock:
            self._script += [_Scripted(fault, on, account, call_id) for _ in range(times)]

    def forget(self) -> None:
        """Takes off what no request has met."""
        with self._lock:
            self._script.clear()

    def spoil_tokens(self, fault: Fault | None) -> None:
        """Every token request has this fault from now on; None ends it."""
        with self._lock:
            self._token = fault

    def storm(self, rates: dict[str, float] | None, seed: int) -> None:
        """Random faults for the PUT from now on; None is calm. Raises ValueError for a rate that cannot be."""
        rates = rates or {}
        if unknown := set(rates) - set(STORM):
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        if min(rates.values(), default=0) < 0 or sum(rates.values()) > 1 + 1e-9:
            raise ValueError("the rates must be at least 0 and at most 1 together")
        with self._lock:
            self._rates, self._dice = dict(rates), Random(seed)

    def take(self, request: Request) -> Fault | None:
        """The fault of this request, taken off the script; None when all goes well."""
        with self._lock:
            for number, scripted in enumerate(self._script):
                if scripted.matches(request):
                    return self._script.pop(number).fault
            if request.kind == "token":
                return self._token
            if request.kind != "put" or not self._rates:
                return None
            throw = self._dice.random()
            for name, rate in self._rates.items():
                throw -= rate
                if throw < 0:
                    own = self.late_seconds if name == "late" else None
                    longest = self.storm_seconds if own is None else own
                    return replace(STORM[name](self._dice, longest), name=name)
            return None

    def left(self) -> int:
        """How many scripted faults have not been met yet."""
        with self._lock:
            return len(self._script)

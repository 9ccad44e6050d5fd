"""Sends callbacks as Bandwidth does: bare first, then by challenge; once more on connection errors only.

With a weather of its own: what is lost, sent twice, late and so out of order, or comes with a wrong password.
"""

import base64
import heapq
import itertools
import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, TypedDict, Unpack
from urllib.parse import urlencode, urlsplit

from voicedash.bandwidth.fake import events
from voicedash.bandwidth.fake.world import FakeCall, World

TIMEOUT = 15.0  # seconds, Bandwidth's own if nothing else is asked for
THREADS = 4
KEPT = 20_000  # deliveries that are remembered


@dataclass(frozen=True)
class Weather:
    """What goes wrong on the way, by its share; `late`: the most seconds by which an event is late."""

    lose: float = 0.0
    repeat: float = 0.0
    wrong: float = 0.0  # comes with a wrong password, and again with the right one
    junk: float = 0.0  # beside it comes what is no event
    late: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Delivery:
    """One callback that was sent: its body and the statuses it met, none where nobody answered."""

    body: bytes
    statuses: tuple[int, ...]
    right: bool  # the password it came with

    @property
    def taken(self) -> bool:
        return bool(self.statuses) and 200 <= self.statuses[-1] < 300


def deliver(
    url: str, username: str, password: str, body: bytes, *, method: str = "POST", timeout: float = TIMEOUT
) -> tuple[int, ...]:
    """Sends one callback; the statuses of its requests, of which the second came by challenge.

    A 401 that does not name Basic is not answered. Raises OSError, HTTPException.
    """
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=timeout)
    path = parts.path or "/"
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if method == "GET":
        fields = {name: value for name, value in json.loads(body).items() if isinstance(value, str | int)}
        path, body, headers = f"{path}?{urlencode(fields)}", b"", {}

    def ask(more: dict[str, str]) -> tuple[int, str]:
        connection.request(method, path, body or None, headers | more)
        with connection.getresponse() as answer:
            answer.read()
            return answer.status, answer.getheader("WWW-Authenticate", "")

    try:
        status, challenge = ask({})
        if status != 401 or not username or not challenge.lower().startswith("basic"):
            return (status,)
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        return status, ask({"Authorization": f"Basic {pair}"})[0]
    finally:
        connection.close()


@dataclass(order=True)
class _Due:
    at: float  # monotonic
    number: int
    event: "Event" = field(compare=False)
    right: bool = field(compare=False, default=True)


# Fields, or what makes them when they are sent, or bytes that are no event.
Event = dict[str, Any] | Callable[[], dict[str, Any]] | bytes


class Outbox:
    """Where one account's callbacks go, and how they get there."""

    def __init__(self, url: str, news: Callable[[], None], how: "How") -> None:
        self.forward = how.get("forward", True)
        self.recording_after = how.get("recording_after", 0.5)
        self.sent: deque[Delivery] = deque(maxlen=KEPT)
        self.lost = 0
        self._to = (url, how.get("username", ""), how.get("password", ""))
        self._weather = how.get("weather", Weather())
        self._method = how.get("method", "POST")
        self._news = news
        self._dice = random.Random(self._weather.seed)
        self._numbers = itertools.count()
        self._due: list[_Due] = []
        self._busy = 0
        self._changed = threading.Condition()
        self._over = False
        for _ in range(THREADS):
            threading.Thread(target=self._work, name="callbacks", daemon=True).start()

    def put(self, event: Event, after: float = 0.0) -> None:
        """Has an event sent, in `after` seconds at the earliest, as the weather lets it."""
        weather = self._weather
        with self._changed:
            if self._dice.random() < weather.lose:
                self.lost += 1
                return
            self._add(event, after)
            if self._dice.random() < weather.repeat:
                self._add(event, after)
            if self._dice.random() < weather.wrong:
                self._add(event, after, right=False)
            if self._dice.random() < weather.junk:
                self._add(self._dice.choice(JUNK), after)

    @property
    def waiting(self) -> int:
        """How many are not sent yet."""
        with self._changed:
            return len(self._due) + self._busy

    @property
    def taken(self) -> list[dict[str, Any]]:
        """The events that were taken, oldest first, those sent twice twice."""
        return [json.loads(one.body) for one in list(self.sent) if one.taken and one.body not in JUNK]

    def stop(self) -> None:
        """Sends nothing more."""
        with self._changed:
            self._over = True
            self._due.clear()
            self._changed.notify_all()

    def _add(self, event: Event, after: float, *, right: bool = True) -> None:
        at = time.monotonic() + after + self._dice.uniform(0, self._weather.late)
        heapq.heappush(self._due, _Due(at, next(self._numbers), event, right))
        self._changed.notify()

    def _work(self) -> None:
        while (due := self._next()) is not None:
            url, username, password = self._to
            body = due.event if isinstance(due.event, bytes) else json.dumps(_made(due.event)).encode()
            statuses: tuple[int, ...] = ()
            for _ in range(2):
                try:
                    statuses = deliver(url, username, password if due.right else "wrong", body, method=self._method)
                    break
                except (OSError, HTTPException):
                    continue
            self.sent.append(Delivery(body, statuses, due.right))
            with self._changed:
                self._busy -= 1
            self._news()

    def _next(self) -> _Due | None:
        with self._changed:
            while not self._over:
                if self._due and (left := self._due[0].at - time.monotonic()) <= 0:
                    self._busy += 1
                    return heapq.heappop(self._due)
                self._changed.wait(left if self._due else None)
            return None


class How(TypedDict, total=False):
    """How an account's callbacks are sent.

    `forward`: the customer's application passes on what comes to it, too. `recording_after`: seconds in which a
    recording is processed. `method`: POST or GET.
    """

    username: str
    password: str
    forward: bool
    recording_after: float
    weather: Weather
    method: str


class Desk:
    """Turns what happens to calls into events, and puts them into the outbox of their account."""

    def __init__(self, world: World, base: Callable[[], str], news: Callable[[], None]) -> None:
        self._world, self._base, self._news = world, base, news
        self.outboxes: dict[str, Outbox] = {}

    def open(self, account_id: str, url: str, **how: Unpack[How]) -> Outbox:
        """From now on the account's events go to `url`, and no longer to where they went before."""
        if former := self.outboxes.pop(account_id, None):
            former.stop()
        outbox = self.outboxes[account_id] = Outbox(url, self._news, how)
        return outbox

    def came(self, call: FakeCall) -> None:
        """A call is there, and what happens to it is told from now on."""
        call.tell = self.happened
        for happening, true in (("came", True), ("answered", call.answered), ("ended", call.ended)):
            if true:
                self.happened(call, happening)

    def happened(self, call: FakeCall, happening: str) -> None:
        outbox = self.outboxes.get(call.account_id)
        if outbox is None:
            return
        parent = self._world.find_call(call.account_id, call.parent_call_id or "")
        for event in events.of(call, happening, parent, self._base()):
            if outbox.forward or event["eventType"] in events.STRAIGHT:
                outbox.put(event)
        if happening in (events.ENDED, events.RECORDED) and call.recordings:
            # Made when it is sent, as its eventTime tells when the processing was done.
            recorded, base = call.recordings[-1], self._base()
            outbox.put(cache(lambda: events.recording_available(call, recorded, base)), outbox.recording_after)

    def stop(self) -> None:
        """Sends nothing more."""
        for outbox in self.outboxes.values():
            outbox.stop()
        self.outboxes.clear()


JUNK = (b"", b"not JSON", b"[]", b'{"eventType": 7}', b'{"eventType": "somethingNew", "callId": null}', b"\xff" * 300)


def _made(event: dict[str, Any] | Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return event() if callable(event) else event

"""What those who watch one tenant with one role are told, and what is kept of it for who comes a little later."""

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field

from voicedash.calls.board import MOST_NEWS
from voicedash.live import events
from voicedash.live.looking import Ask, News, Seen

QUEUE = 64  # events that wait for a slow reader; after that he is to fetch anew
QUEUE_BYTES = 512 * 1024
KEPT = 256  # changes of a channel
KEPT_BYTES = 1024 * 1024
_NOTHING_YET = 2**62  # no version is newer
_WHEN = re.compile(r' data-(?:version|as-of)="[^"]*"')


class Stream:
    """One open stream: what waits to be sent to one browser."""

    def __init__(self, since: int | None) -> None:
        self.since = since  # the version that the browser has; None: none that we know of
        self.waiting: deque[bytes] = deque()
        self.bytes = 0
        self.over = False  # nothing comes after what waits
        self._wake = asyncio.Event()

    def put(self, event: bytes, anew: bytes) -> None:
        """Queues an event; for one who does not keep up, instead of all that waits, that he fetch `anew`.

        Nothing once the stream is over: its last word stays the last.
        """
        if self.over:
            return
        if len(self.waiting) >= QUEUE or (self.waiting and self.bytes + len(event) > QUEUE_BYTES):
            self.waiting.clear()
            self.bytes = 0
            event = anew
        self.waiting.append(event)
        self.bytes += len(event)
        self._wake.set()

    def end(self, last: bytes = b"") -> None:
        """Nothing comes any more after `last`."""
        if last and not self.over:
            self.waiting.append(last)
        self.over = True
        self._wake.set()

    async def next(self) -> list[bytes]:
        """What waits, as soon as something does; nothing once the stream is over."""
        if not self.waiting and not self.over:
            self._wake.clear()
            await self._wake.wait()
        taken = list(self.waiting)
        self.waiting.clear()
        self.bytes = 0
        return taken


@dataclass
class Channel:
    """The streams of one tenant and role. All of them are told the same bytes."""

    tenant: int
    presses: bool
    streams: set[Stream] = field(default_factory=set)
    joining: list[Stream] = field(default_factory=list)  # wait for the next look
    left_at: float = 0.0  # monotonic: when the last stream went
    version: int | None = None  # up to which the streams were told everything; None: nothing was read yet
    floor: int = 0  # the oldest version from which what is kept leads to `version`
    undrawn_since: float | None = None  # monotonic: when the last look began before those that could not be drawn
    said: str = ""  # beat or stale
    say_at: float = 0.0  # monotonic: when to say so again
    _kept: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)  # rows, and the version they lead to
    _bytes: int = 0
    _counts: str = ""
    _accounts: str = ""
    _bulks: str = ""
    _incidents: str = ""
    _asked: list[Stream] = field(default_factory=list)
    _newer: Ask | None = None
    _older: Ask | None = None

    @property
    def empty(self) -> bool:
        return not self.streams and not self.joining

    def asks(self) -> list[Ask]:
        """What a look is to read, for those who are there now."""
        self._asked = list(self.joining)
        self._newer = self._older = None
        known = [stream.since for stream in self._asked if stream.since is not None]
        if self.version is None:
            self._older = Ask(self.tenant, self.presses, min(known, default=_NOTHING_YET), always=True)
        else:
            self._newer = Ask(self.tenant, self.presses, self.version)
            if before := [since for since in known if since < self.floor]:
                self._older = Ask(self.tenant, self.presses, min(before), always=True)
        return [ask for ask in (self._newer, self._older) if ask]

    def take(self, seen: Seen) -> bytes:
        """Takes in what a look found; gives the event for those who were here before it, if there is any."""
        now = seen.versions[self.tenant]
        newer = seen.news.get(self._newer) if self._newer else None
        older = seen.news.get(self._older) if self._older else None
        event = b""
        if self.version is not None and now < self.version:  # an older database took this one's place
            event = self._lose(now)
        elif newer:
            event = self._follow(newer)
        if older:
            self._reach_back(older)
        return event

    def trouble(self, seen: Seen) -> Exception | None:
        """Why a look could not draw what is newer here; None where it could."""
        return next((seen.undrawn[ask] for ask in (self._newer, self._older) if ask in seen.undrawn), None)

    def admit(self) -> list[tuple[Stream, bytes]]:
        """Those for whom the last look was made join the others; what each of them missed."""
        admitted = [stream for stream in self._asked if stream in self.joining and self.version is not None]
        self.joining = [stream for stream in self.joining if stream not in admitted]
        self.streams.update(admitted)
        self._asked = []
        return [(stream, self.missed(stream.since)) for stream in admitted]

    def leads_from(self, since: int | None) -> bool:
        """Whether what is kept is all that is newer than `since`, a version that this channel has told of."""
        return since is not None and self.version is not None and self.floor <= since <= self.version

    def missed(self, since: int | None) -> bytes:
        """The event that brings a board at the version `since` up to date; empty where it is."""
        version = self.version
        if version is None or since is None or not self.leads_from(since):
            return events.anew(version)
        if since == version:
            return b""
        rows: dict[str, str] = {}
        for at, changed in self._kept:
            if at > since:
                rows |= changed
        if len(rows) > MOST_NEWS:
            return events.anew(version)
        return events.changes(version, [*rows.values(), self._counts, self._accounts, self._bulks, self._incidents])

    def _follow(self, news: News) -> bytes:
        """From `version` on to that of the news."""
        if news.since > (self.version or 0):  # too much, or rows were taken away
            self._parts_of(news)
            return self._lose(news.version)
        changed = self._parts_of(news)
        self.version = news.version
        self._keep(news.version, news.rows)
        if not news.rows and not changed:
            return b""
        # The counts each time: between two looks a browser may have read others.
        changed["counts"] = news.counts
        return events.changes(news.version, [*news.rows.values(), *changed.values()])

    def _reach_back(self, news: News) -> None:
        """Makes what is kept begin earlier, for those who join."""
        if self.version is None:
            self.version = self.floor = news.version
            self._parts_of(news)
        if news.version < self.floor:  # what was kept was dropped since: they wait for the next look
            return
        self._kept.appendleft((self.floor, news.rows))
        self._bytes += _size(news.rows)
        self.floor = min(news.since, self.floor)
        self._trim()

    def _lose(self, version: int) -> bytes:
        """What is kept leads nowhere any more: everybody fetches anew."""
        self._kept.clear()
        self._bytes = 0
        self.version = self.floor = version
        return events.anew(version)

    def _keep(self, version: int, rows: dict[str, str]) -> None:
        if rows:
            self._kept.append((version, rows))
            self._bytes += _size(rows)
            self._trim()

    def _trim(self) -> None:
        while len(self._kept) > KEPT or self._bytes > KEPT_BYTES:
            self.floor, rows = self._kept.popleft()
            self._bytes -= _size(rows)

    def _parts_of(self, news: News) -> dict[str, str]:
        """Takes over the parts; gives those that say something else than before."""
        changed = {}
        if _undated(news.counts) != _undated(self._counts):
            changed["counts"] = news.counts
        if _undated(news.accounts) != _undated(self._accounts):
            changed["accounts"] = news.accounts
        if _undated(news.bulks) != _undated(self._bulks):
            changed["bulks"] = news.bulks
        if _undated(news.incidents) != _undated(self._incidents):
            changed["incidents"] = news.incidents
        self._counts, self._accounts, self._bulks = news.counts, news.accounts, news.bulks
        self._incidents = news.incidents
        return changed


def _size(rows: dict[str, str]) -> int:
    return sum(map(len, rows.values()))


def _undated(part: str) -> str:
    """A part without the version and the time as of which it was drawn."""
    return _WHEN.sub("", part)

"""The one place of a web process that looks at the database for all its open boards, and tells each what changed.

Everything here runs on the event loop but the look itself, which has a thread of its own. How long a press takes
does not depend on how many boards are open: no page's thread and no page's connection is used.
"""

import asyncio
import logging
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from django.db import Error as DatabaseProblem
from django.db import connections

from voicedash.live import events
from voicedash.live.channels import Channel, Stream
from voicedash.live.looking import Pulse, look

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How often what is done, in seconds; tests may hurry."""

    look: float = 0.1
    share: float = 2.0  # of its own cost the hub rests at least so many times before it looks again: a third of a core
    rest: float = 1.0  # but never for longer
    beat: float = 5.0
    good: float = 2.0  # the last good read may be so old for a beat
    keep: float = 60.0  # how long a channel without streams stays, for pages that are loaded anew
    again: float = 60.0  # how often it is asked whether somebody may still listen
    drop: float = 30.0  # who takes nothing for so long is gone


SLICE = 50  # streams that are told something before a press has its turn


class Hub:
    """Looks at the boards that are open, and tells their streams."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.channels: dict[tuple[int, bool], Channel] = {}
        self.looking = False
        self._pulse: Pulse | None = None
        self._good = 0.0  # monotonic: when the last read began that went well, or that somebody needed one
        self._thread = ThreadPoolExecutor(1, "hub")
        self._tasks: list[asyncio.Task[None]] = []
        self._joined = asyncio.Event()
        self._telling = asyncio.Lock()  # an event's id says that all before it was told: one at a time
        self._troubled = False

    def join(self, tenant: int, presses: bool, since: int | None) -> Stream:
        """A new stream: at once among the others where what it missed is at hand, else with the next look."""
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._look_on()), loop.create_task(self._beat_on())]
        self._forget()
        if self._idle:
            self._good = time.monotonic()  # until now nobody needed a read
        channel = self.channels.setdefault((tenant, presses), Channel(tenant, presses))
        stream = Stream(since)
        if channel.streams and channel.leads_from(since):
            channel.streams.add(stream)
            self._welcome(channel, stream, channel.missed(since))
        else:
            channel.joining.append(stream)
        self._joined.set()
        return stream

    def leave(self, tenant: int, presses: bool, stream: Stream) -> None:
        channel = self.channels[tenant, presses]
        channel.streams.discard(stream)
        if stream in channel.joining:
            channel.joining.remove(stream)
        if channel.empty:
            channel.left_at = time.monotonic()
            channel.undrawn_since = None  # nobody looks any more

    def version(self, tenant: int, presses: bool) -> int | None:
        """The id of an event for a stream; None where nothing was read yet."""
        return self.channels[tenant, presses].version

    @property
    def _idle(self) -> bool:
        return all(channel.empty for channel in self.channels.values())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=False)

    # ---- Looking ---------------------------------------------------------------------------------

    async def _look_on(self) -> None:
        costs: deque[float] = deque(maxlen=5)
        while True:
            began = time.monotonic()
            try:
                await self._wait_for_listeners()
                began = time.monotonic()
                await self._look()
                self._troubled = False
            except DatabaseProblem as error:
                if not self._troubled:  # once, not ten times a second
                    logger.warning("open boards are not live: %s", str(error).strip())
                self._troubled = True
            except Exception:
                logger.exception("a look for the open boards failed")
            costs.append(time.monotonic() - began)
            # The usual cost: one look that had to wait for the machine is no reason to be late twice.
            cost = sorted(costs)[len(costs) // 2]
            await asyncio.sleep(min(max(self.pace.look, self.pace.share * cost), self.pace.rest))

    async def _wait_for_listeners(self) -> None:
        while self._idle:
            self._joined.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.pace.keep if self.channels else None):
                    await self._joined.wait()
            self._forget()

    async def _look(self) -> None:
        watched = [channel for channel in self.channels.values() if not channel.empty]
        asks = [ask for channel in watched for ask in channel.asks()]
        tenants = {channel.tenant for channel in watched}
        due = self._pulse is None or time.monotonic() - self._pulse.at > self.pace.beat * 0.9
        self.looking = True
        try:
            seen = await asyncio.get_running_loop().run_in_executor(self._thread, look, tenants, asks, due)
        finally:
            self.looking = False
        self._pulse = seen.pulse or self._pulse
        for channel in watched:
            self._judge(channel, channel.trouble(seen))
        self._good = seen.at
        for channel in watched:
            if channel.tenant not in seen.versions:  # deleted
                self._end(channel)
                continue
            async with self._telling:
                others = list(channel.streams)
                event = channel.take(seen)
                for stream, missed in channel.admit():
                    self._welcome(channel, stream, missed)
                if event:
                    await self._tell(others, event, channel.version)

    def _judge(self, channel: Channel, trouble: Exception | None) -> None:
        """One that cannot be drawn grows old by itself; the others go on."""
        if trouble is None:
            channel.undrawn_since = None
        elif channel.undrawn_since is None:  # once, not ten times a second
            logger.error("tenant %s: its open boards cannot be drawn", channel.tenant, exc_info=trouble)
            channel.undrawn_since = self._good

    def _welcome(self, channel: Channel, stream: Stream, missed: bytes) -> None:
        kind, data = self._state(channel)
        stream.put(missed + events.pulse(kind, channel.version, data), events.anew(channel.version))

    async def _tell(self, streams: list[Stream], event: bytes, version: int | None) -> None:
        anew = events.anew(version)
        for at, stream in enumerate(streams, start=1):
            stream.put(event, anew)
            if at % SLICE == 0:
                await asyncio.sleep(0)

    def _end(self, channel: Channel) -> None:
        for stream in [*channel.streams, *channel.joining]:
            stream.end(events.bye(channel.version, "not-yours"))

    def _forget(self) -> None:
        past = time.monotonic() - self.pace.keep
        for key, channel in list(self.channels.items()):
            if channel.empty and channel.left_at <= past:
                del self.channels[key]

    # ---- Beats -----------------------------------------------------------------------------------

    async def _beat_on(self) -> None:
        """Says every few seconds that what was told is all there is, or since when that is not known.

        At once where the one takes the place of the other.
        """
        while True:
            await asyncio.sleep(self.pace.beat / 20)
            try:
                await self._beat()
            except Exception:
                logger.exception("the open boards could not be told how live they are")
                await asyncio.sleep(self.pace.beat / 5)

    async def _beat(self) -> None:
        now = time.monotonic()
        for channel in list(self.channels.values()):
            kind, data = self._state(channel)
            if not kind or (kind == channel.said and now < channel.say_at):
                continue
            async with self._telling:
                await self._tell(list(channel.streams), events.pulse(kind, channel.version, data), channel.version)
                if kind == "stale":
                    # Who joins waits for a look: while there is none, that is all there is to say. No version,
                    # for they were not told what leads to it.
                    await self._tell(list(channel.joining), events.pulse(kind, None, data), None)
            channel.said, channel.say_at = kind, now + self.pace.beat

    def _state(self, channel: Channel) -> tuple[str, str]:
        age = time.monotonic() - (self._good if channel.undrawn_since is None else channel.undrawn_since)
        if age >= self.pace.good:
            return "stale", events.stale(age)
        if self._pulse:
            # The database's time of the last good read, whose clock was asked some seconds ago.
            now = self._pulse.now + timedelta(seconds=self._good - self._pulse.at)
            return "beat", events.beat(now, self._pulse.worker)
        return "", ""  # nothing was read yet, and nobody has waited for long

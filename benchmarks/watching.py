"""Looks at a board all through a storm and counts lies, and afterwards holds the log against what Bandwidth got.

A lie: a row that shows Paused and is not resuming, while the stand-in records, for more than
2 s, with no doubt open.
"""

import re
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

import requests

from tests.serving import Visitor
from voicedash.audit.models import Entry
from voicedash.bandwidth.fake import Fake
from voicedash.bandwidth.fake.world import monotonic_of

ROW = re.compile(r"<li id=\"call-(\d+)\"[^>]*>")
_DATA = re.compile(r"data-([a-z-]+)=\"([^\"]*)\"")
LIE_SECONDS = 2.0
_ENDS = {"recording.answered", "recording.answered_late", "recording.sender_vanished"}
_SENT_NOTHING = {"never_reached", "credentials"}  # results of attempts of which no PUT can have arrived
_CLOCKS = 0.05  # seconds by which the database's clock and the stand-in's may be read apart


def data_of(row: re.Match[str]) -> dict[str, str]:
    """The `data-` attributes of a row."""
    return dict(_DATA.findall(row[0]))


@dataclass
class Watch:
    """What the samples showed. Times are time.monotonic()."""

    fake: Fake
    call_ids: dict[int, str]
    lie_seconds: float
    samples: int = 0
    rows: int = 0
    unconfirmed: int = 0
    failed: int = 0
    longest: float = 0.0  # between two samples: what happened inside is not seen
    lies: list[str] = field(default_factory=list)
    _since: dict[int, float] = field(default_factory=dict)
    _told: set[int] = field(default_factory=set)

    def look(self, visitor: Visitor) -> dict[int, dict[str, str]]:
        asked = time.monotonic()
        try:
            answer = visitor.get("/t/acme/", headers={"X-Background": "1"})
        except requests.RequestException:
            self.failed += 1
            return {}
        rows = {int(m[1]): data_of(m) for m in ROW.finditer(answer.text)}
        if answer.status_code != 200 or not rows:
            self.failed += 1
            return {}
        self.samples += 1
        for pk, row in rows.items():
            self.rows += 1
            self.unconfirmed += row["recording"] == "unconfirmed"
            claims = row["recording"] == "paused" and row["asking"] != "recording"
            # The page was true at some moment between asking and reading: only what recorded at both counts.
            theirs = self.fake.call(self.call_ids[pk])
            records = {theirs.recorder_at(asked), theirs.recorder} == {"recording"}
            if claims and records and "doubt-until" not in row:
                since = self._since.setdefault(pk, asked)
                if asked - since > self.lie_seconds and pk not in self._told:
                    self._told.add(pk)
                    self.lies.append(f"call {pk} shows Paused for {asked - since:.1f} s while it records: {row}")
            else:
                self._since.pop(pk, None)
                self._told.discard(pk)
        return rows

    def all_through(self, visitor: Visitor, stop: threading.Event) -> None:
        before = time.monotonic()
        while not stop.wait(0.05):
            self.look(visitor)
            now = time.monotonic()
            self.longest, before = max(self.longest, now - before), now


@dataclass
class Report:
    """The figures of a run."""

    presses: int
    seconds: float
    outcomes: Counter[str]
    answers_untrue: int
    puts: int
    late: int
    asked_again: int  # by voicedash itself
    unreadable: int
    unlogged: list[str]
    in_flight: int
    watch: Watch
    still_unconfirmed: int
    chain: str | None
    wrong_at_the_end: list[str] = field(default_factory=list)
    ended: int = 0  # pauses that ended by themselves
    outlived: list[str] = field(default_factory=list)  # … and those that should have
    weather: str = ""
    incidents: int = 0  # that were opened
    unfit: list[str] = field(default_factory=list)  # failures without one, and those without a failure

    @property
    def unconfirmed_share(self) -> float:
        return self.watch.unconfirmed / max(1, self.watch.rows)

    @property
    def unreadable_share(self) -> float:
        return self.unreadable / max(1, self.puts)

    @property
    def holds(self) -> bool:
        """No lie, nothing missing; and it was looked at: a run that saw nothing shows nothing."""
        bad = (
            self.outlived
            or self.unfit
            or self.watch.lies
            or self.wrong_at_the_end
            or self.unlogged
            or self.in_flight
            or self.answers_untrue
        )
        pressed = self.outcomes["pause acknowledged"] > self.presses / 10
        looked = self.watch.longest < 2 * LIE_SECONDS and self.watch.failed < self.watch.samples / 10
        return not (bad or self.chain) and pressed and looked and self.unconfirmed_share <= 3 * self.unreadable_share

    def lines(self) -> list[str]:
        watch = self.watch
        return [
            f"presses            {self.presses} in {self.seconds:.0f} s: {dict(self.outcomes.most_common())}",
            *([f"weather            {self.weather}"] if self.weather else []),
            f"PUTs               {self.puts}, of them {self.unreadable} without a readable answer, "
            f"{self.late} done late; "
            f"{self.asked_again} times voicedash asked again of itself",
            f"samples            {watch.samples} boards, {watch.rows} rows, at most {watch.longest:.2f} s apart, "
            f"{watch.failed} failed",
            f"lies               {len(watch.lies)}",
            *[f"  {lie}" for lie in watch.lies[:5]],
            f"wrong at the end   {len(self.wrong_at_the_end)} (the calm board says otherwise than the stand-in does)",
            *[f"  {row}" for row in self.wrong_at_the_end[:5]],
            f"pauses that ended  {self.ended} by themselves; {len(self.outlived)} have outlived their end",
            *[f"  {row}" for row in self.outlived[:5]],
            f"incidents          {self.incidents} opened; {len(self.unfit)} missing, or open for nothing",
            *[f"  {one}" for one in self.unfit[:5]],
            f"answers untrue     {self.answers_untrue} (said Paused, and nothing was paused while it was asked)",
            f"PUTs without entry {len(self.unlogged)}",
            *[f"  {put}" for put in self.unlogged[:5]],
            f"left in flight     {self.in_flight}",
            f"unconfirmed        {self.unconfirmed_share:.1%} of sampled rows "
            f"({self.unreadable_share:.1%} of PUTs were unreadable); {self.still_unconfirmed} at the end",
            f"log                {self.chain or 'whole'}",
        ]


@dataclass
class _Logged:
    """A command as the log tells it: from when to when it may have sent, and how often at most."""

    began: datetime
    ended: datetime | None = None
    attempts: int = 0
    vanished: bool = False  # its sender died: how often it had sent, nobody can have written down

    def covers(self, at: float) -> bool:
        inside = monotonic_of(self.began) - _CLOCKS <= at
        return inside and (self.ended is None or at <= monotonic_of(self.ended) + _CLOCKS)


def unlogged(fake: Fake) -> list[str]:
    """The PUTs that no command in the log accounts for, by call, state and time, each attempt used once."""
    commands: dict[int, _Logged] = {}
    of: dict[tuple[str, str], list[_Logged]] = defaultdict(list)
    for entry in Entry.objects.filter(verb__startswith="recording.").order_by("id").iterator():
        number = entry.data["command"]
        if entry.verb == "recording.asked":
            commands[number] = _Logged(entry.at)
            of[entry.call_id, entry.data["wanted"]].append(commands[number])
        elif number in commands and entry.verb in _ENDS:
            command = commands[number]
            command.ended = entry.at
            command.attempts += sum(
                made["result"] not in _SENT_NOTHING or made["status"] is not None
                for made in entry.data.get("attempts", [])
            )
            command.vanished |= entry.verb == "recording.sender_vanished"
    missing = []
    for put in sorted(fake.puts, key=lambda put: put.at):
        fitting = [c for c in of[put.call_id, put.state] if c.covers(put.at) and (c.attempts or c.vanished)]
        if not fitting:
            missing.append(f"{put.state} of {put.call_id} at {put.at:.3f}")
            continue
        command = min(fitting, key=lambda c: c.vanished)
        command.attempts = max(0, command.attempts - 1)
    return missing

"""Lets the demo run for half an hour with boards open and somebody pressing, and judges it.

    python -m benchmarks.soak                 30 minutes
    python -m benchmarks.soak --minutes 6     shorter: the last third against the first, both after a minute's warm-up

The bars: not one error in its log, neither web nor worker started anew, both tenants' floors moving all the time, and
the memory of each process in minute 30 at most 1.05 times that of minute 10. Ends with 1 where one is missed.
"""

import argparse
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import requests

from tests.demo.running import WEB, WORKER, Demo, Visitor, hear_welcome, launch

MOST_GROWTH = 1.05
EVERY = 5.0  # seconds between two samples
WARM_UP = 1.0  # minutes until everything was loaded and used once
STANDS_STILL = 240.0  # seconds without an arrival and an end at a tenant: nobody would call that a living floor
BOARDS = (("ana", "acme"), ("ana", "acme"), ("vic", "acme"), ("mia", "acme"), ("omar", "globex"))
PRESSES = 15.0  # seconds between a pause and the resume after it, and again
_WRONG = re.compile(r"\b(ERROR|CRITICAL)\b|Traceback")


@dataclass
class Seen:
    """What was seen of the demo while it ran."""

    log: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    memory: dict[str, list[tuple[float, int]]] = field(default_factory=dict)  # name: (seconds, kB resident)
    restarts: list[str] = field(default_factory=list)
    moves: dict[str, list[float]] = field(default_factory=dict)  # tenant: seconds at which a call came or ended
    began: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        return time.monotonic() - self.began

    @property
    def errors(self) -> list[str]:
        return [line for line in self.log if _WRONG.search(line)]

    def between(self, name: str, first: float, last: float) -> float:
        """The memory between two minutes, in MB; the median of its samples."""
        return statistics.median(kb for at, kb in self.memory[name] if first <= at / 60 <= last) / 1024


def windows(minutes: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """What is compared: an early time and a late one, each from a minute to a minute."""
    if minutes >= 30:
        return (9, 10), (29, 30)
    third = (minutes - WARM_UP) / 3
    return (WARM_UP, WARM_UP + third), (minutes - third, minutes)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    minutes: float = parser.parse_args().minutes
    if minutes < 3:
        parser.error("three minutes at least: the first of them is warm-up")
    with tempfile.TemporaryDirectory(prefix="voicedash-soak-") as folder:
        seen = soak(Path(folder), minutes)
    return judge(seen, minutes)


def soak(data: Path, minutes: float) -> Seen:
    """Runs it all, and ends it."""
    seen, over = Seen(), threading.Event()
    process = launch(data)
    assert process.stderr is not None
    threading.Thread(target=_keep, args=(process.stderr, seen.log), daemon=True).start()
    try:
        demo = Demo(process, *hear_welcome(process), 0.0)
        seen.began = time.monotonic()
        seen.moves = {tenant: [] for _, tenant in BOARDS}
        assert process.stdout is not None
        threading.Thread(target=_keep, args=(process.stdout, seen.log), daemon=True).start()
        for who, tenant in BOARDS:
            threading.Thread(target=_watch, args=(demo, who, tenant, seen, over), daemon=True).start()
        threading.Thread(target=_press, args=(demo, seen, over), daemon=True).start()
        _sample(demo, seen, minutes * 60)
    finally:
        over.set()
        process.terminate()
        process.wait(30)
    return seen


def judge(seen: Seen, minutes: float) -> int:
    """Prints what was seen; 0 where every bar is met."""
    wrong = [f"{name} was started again" for name in seen.restarts]
    wrong += [f"in the log: {line}" for line in seen.errors[:10]]
    print(f"\nThe demo for {minutes:g} minutes with {len(BOARDS)} boards open, MB resident")
    print(f"  {'minute':<8}" + "".join(f"{name:>9}" for name in seen.memory))
    for minute in sorted({1, *range(5, int(minutes), 5), int(minutes)}):
        print(f"  {minute:<8}" + "".join(f"{seen.between(name, minute - 1, minute):>9.1f}" for name in seen.memory))
    early, late = windows(minutes)
    for name in seen.memory:
        before, after = seen.between(name, *early), seen.between(name, *late)
        told = f"{before:.1f} MB in minutes {early[0]:.3g}–{early[1]:.3g}, {after:.1f} in {late[0]:.3g}–{late[1]:.3g}"
        print(f"  {name}: {told}: {after / before:.3f} times (at most {MOST_GROWTH})")
        if after > MOST_GROWTH * before:
            wrong.append(f"{name} grew {after / before:.3f} times")
    for tenant, times in seen.moves.items():
        still = max(later - earlier for earlier, later in pairwise([0.0, *times, minutes * 60]))
        print(f"  {tenant}: {len(times)} arrivals and ends were shown, {still:.0f} s at most between two")
        if still > STANDS_STILL:
            wrong.append(f"{tenant} stood still for {still:.0f} s")
    print("  " + ", ".join(f"{number} {what}" for what, number in sorted(seen.counts.items())))
    if not seen.counts["presses acknowledged"]:
        wrong.append("no press was acknowledged")
    warnings = [line for line in seen.log if " WARNING " in line]
    print(f"  {len(seen.log)} lines in the log: {len(seen.errors)} errors, {len(warnings)} warnings")
    print("".join(f"    {line}\n" for line in warnings[:5]), end="")
    print("\n".join(["MISSED:", *wrong]) if wrong else "met")
    return 1 if wrong else 0


def _sample(demo: Demo, seen: Seen, seconds: float) -> None:
    pids = {"web": demo.child(WEB), "worker": demo.child(WORKER)}
    told_at = 0.0
    while (at := seen.age) < seconds:
        if demo.process.poll() is not None:
            raise SystemExit(f"the demo ended with {demo.process.returncode}: " + "\n".join(seen.log[-20:]))
        for name, pid in pids.items():
            asked = ["ps", "-o", "rss=", "-p", str(pid)]
            told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
            if told:
                seen.memory.setdefault(name, []).append((at, int(told)))
            elif name not in seen.restarts:
                seen.restarts.append(name)
        if at - told_at >= 60:  # for whoever watches, or where it is broken off
            told_at = at
            now = ", ".join(f"{name} {seen.memory[name][-1][1] / 1024:.1f} MB" for name in seen.memory)
            print(f"minute {at / 60:.0f}: {now}; {len(seen.errors)} errors", file=sys.stderr, flush=True)
        time.sleep(EVERY)


def _watch(demo: Demo, who: str, tenant: str, seen: Seen, over: threading.Event) -> None:
    """A person's open board: the page once, then its stream, taken up again where it ends."""
    visitor = Visitor(demo.address, who)
    version, known = "", dict[str, str]()
    while not over.is_set():
        try:
            if not version:
                page = visitor.get(f"/t/{tenant}/")
                version = re.findall(r'id="board"[^>]*data-version="(\d+)"', page)[0]
                known |= dict(_rows(page))
            where = f"{demo.address}/t/{tenant}/live/"
            with visitor.session.get(where, params={"since": version}, stream=True, timeout=30) as answer:
                answer.raise_for_status()
                for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
                    if over.is_set():
                        return
                    if line.startswith("id: "):
                        version = line.removeprefix("id: ")
                    elif line.startswith("event: "):
                        event = line.removeprefix("event: ")
                        seen.counts[f"events {event!r}"] += 1
                        if event == "anew":
                            version = ""
                            break
                    for call, state in _rows(line):
                        ended = state == "disconnected"
                        if known.get(call) != state and (call not in known or ended):
                            seen.counts["ends shown" if ended else "arrivals shown"] += 1
                            seen.moves[tenant].append(seen.age)
                        known[call] = state
        except requests.RequestException:
            if not over.is_set():
                seen.counts["streams that broke"] += 1
                over.wait(1)


def _rows(text: str) -> Iterable[tuple[str, str]]:
    for attributes in re.findall(r'<li id="call-\d+"([^>]*)>', text):
        told = dict(re.findall(r'data-(call|state)="([^"]*)"', attributes))
        if len(told) == 2:
            yield told["call"], told["state"]


def _press(demo: Demo, seen: Seen, over: threading.Event) -> None:
    """Somebody who pauses a call, and resumes it a while later."""
    ana = Visitor(demo.address, "ana")
    while not over.wait(PRESSES):
        with suppress(requests.RequestException):
            talking = [row for row in ana.rows("acme").values() if row["state"] == "answered"]
            if not talking:
                continue
            pk = random.choice(talking)["pk"]
            for verb in ("pause", "resume"):
                answer = ana.session.post(
                    f"{demo.address}/t/acme/calls/{pk}/{verb}/",
                    data={
                        "csrfmiddlewaretoken": next(c.value for c in ana.session.cookies if c.name.endswith("_csrf"))
                    },
                    headers={"HX-Request": "true"},
                    timeout=30,
                )
                outcome = re.findall(r'data-outcome="(\w+)"', answer.text)
                seen.counts[f"presses {outcome[0] if outcome else answer.status_code}"] += 1
                over.wait(PRESSES)


def _keep(lines: Iterable[str], log: list[str]) -> None:
    for line in lines:
        log.append(line.rstrip())


if __name__ == "__main__":
    sys.exit(main())

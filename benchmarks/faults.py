"""Random presses under every scripted fault, sampled all through: does a row ever say Paused while it records?

A lie: a row that shows Paused and is not resuming, while the stand-in records, for more
than 2 s, with no doubt open. Run: `python -m benchmarks.faults --presses 500`.
"""

import argparse
import random
import re
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks import stage
from tests.serving import Node, Visitor
from voicedash.audit import log
from voicedash.audit.models import Entry
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.models import Membership, Role, Tenant, User

# Chance of each fault at a PUT: about a third of them meet one. All but late application, which waits
# for the worker's re-asserts.
RATES = {
    "429": 0.02,
    "429_garbage": 0.02,
    "500": 0.03,
    "503": 0.02,
    "404": 0.02,
    "409": 0.02,
    "html": 0.02,
    "redirect": 0.01,
    "garbage": 0.02,
    "drop_before": 0.03,
    "drop_after": 0.03,
    "hang": 0.02,
    "hang_applied": 0.02,
    "delay": 0.04,
    "truncate": 0.02,
    "token_expiry": 0.005,
}
LIE_SECONDS = 2.0
_ROW = re.compile(r"<li id=\"call-(\d+)\"[^>]*>")
_DATA = re.compile(r"data-([a-z-]+)=\"([^\"]*)\"")


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
        answer = visitor.get("/t/acme/", headers={"X-Background": "1"})
        rows = {int(m[1]): dict(_DATA.findall(m[0])) for m in _ROW.finditer(answer.text)}
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
    unreadable: int
    unlogged: int
    in_flight: int
    watch: Watch
    still_unconfirmed: int
    chain: str | None

    @property
    def holds(self) -> bool:
        return not (self.watch.lies or self.unlogged or self.in_flight or self.answers_untrue or self.chain)

    def lines(self) -> list[str]:
        watch = self.watch
        return [
            f"presses            {self.presses} in {self.seconds:.0f} s: {dict(self.outcomes.most_common())}",
            f"PUTs               {self.puts}, of them {self.unreadable} without a readable answer",
            f"samples            {watch.samples} boards, {watch.rows} rows, at most {watch.longest:.2f} s apart, "
            f"{watch.failed} failed",
            f"lies               {len(watch.lies)}",
            *[f"  {lie}" for lie in watch.lies[:5]],
            f"answers untrue     {self.answers_untrue} (said Paused, and nothing was paused while it was asked)",
            f"PUTs without entry {self.unlogged}",
            f"left in flight     {self.in_flight}",
            f"unconfirmed        {watch.unconfirmed / max(1, watch.rows):.1%} of sampled rows "
            f"({self.unreadable / max(1, self.puts):.1%} of PUTs were unreadable); {self.still_unconfirmed} at the end",
            f"log                {self.chain or 'whole'}",
        ]


def supervisors(tenant: Tenant, number: int) -> list[User]:
    people = [User.objects.create_user(f"supervisor{n}", name=f"Supervisor {n}") for n in range(number)]
    Membership.objects.bulk_create(Membership(tenant=tenant, user=user, role=Role.SUPERVISOR) for user in people)
    return people


def run(
    nodes: list[Node],
    fake: Fake,
    people: list[User],
    watcher: User,
    calls: list[Call],
    *,
    presses: int,
    seed: int,
    scale: float = 1.0,
) -> Report:
    """Presses at random until `presses` were made, then waits for calm, and counts. `scale` is the nodes'."""
    fake.storm_seconds = 6.0 * scale
    fake.storm(RATES, seed=seed)
    watch = Watch(fake, {call.pk: call.call_id for call in calls}, LIE_SECONDS * max(scale, 0.5))
    stop = threading.Event()
    sampler = threading.Thread(target=watch.all_through, args=(nodes[0].browser_of(watcher), stop))
    sampler.start()
    began = time.monotonic()
    outcomes: Counter[str] = Counter()
    untrue = 0
    with ThreadPoolExecutor(len(people)) as pool:
        visitors = [nodes[n % len(nodes)].browser_of(person) for n, person in enumerate(people)]
        share = [presses // len(people) + (n < presses % len(people)) for n in range(len(people))]
        for counted, wrong in pool.map(
            lambda n: _one_person(visitors[n], fake, calls, share[n], random.Random(seed + n), scale),
            range(len(people)),
        ):
            outcomes += counted
            untrue += wrong
    seconds = time.monotonic() - began
    fake.storm(None)
    _until_calm(watch, nodes[0].browser_of(watcher), 60 * scale)
    stop.set()
    sampler.join()
    final = watch.look(nodes[0].browser_of(watcher))
    return Report(
        presses=presses,
        seconds=seconds,
        outcomes=outcomes,
        answers_untrue=untrue,
        puts=len(fake.puts),
        unreadable=Attempt.objects.filter(result="unknown").count(),
        unlogged=_unlogged(fake),
        in_flight=Command.objects.exclude(state=Command.State.CLOSED).count(),
        watch=watch,
        still_unconfirmed=sum(row["recording"] == "unconfirmed" for row in final.values()),
        chain=log.fault_in(log.of_tenant(calls[0].tenant_id)),
    )


def _one_person(
    visitor: Visitor, fake: Fake, calls: list[Call], presses: int, dice: random.Random, scale: float
) -> tuple[Counter[str], int]:
    outcomes: Counter[str] = Counter()
    untrue = 0
    for _ in range(presses):
        call = dice.choice(calls)
        verb = dice.choice(["pause", "pause", "resume"])
        began = time.monotonic()
        answer = visitor.post(f"/t/acme/calls/{call.pk}/{verb}/", data={"anyway": "1"})
        row = _ROW.search(answer.text)
        outcome = dict(_DATA.findall(row[0]))["outcome"] if row else f"HTTP {answer.status_code}"
        outcomes[f"{verb} {outcome}"] += 1
        if verb == "pause" and outcome == "acknowledged":
            untrue += not _was_paused(fake, call.call_id, began, time.monotonic())
        time.sleep(dice.uniform(0, 0.3) * scale)
    return outcomes, untrue


def _was_paused(fake: Fake, call_id: str, began: float, ended: float) -> bool:
    call = fake.call(call_id)
    inside = [state for at, state in call.timeline if began <= at <= ended]
    return "paused" in inside or call.recorder_at(began) == "paused"


def _until_calm(watch: Watch, visitor: Visitor, seconds: float) -> None:
    """Waits until nothing is in flight and every claim that was left has had time to expire."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        rows = watch.look(visitor)
        if rows and not any(row["asking"] or "doubt-until" in row for row in rows.values()):
            return
        time.sleep(0.1)


def _unlogged(fake: Fake) -> int:
    """PUTs of which no entry tells: more requests for a call and state than its commands' attempts account for."""
    told: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    for entry in Entry.objects.filter(verb__startswith="recording.").iterator():
        place = (entry.call_id, entry.data["wanted"])
        if entry.verb == "recording.asked":
            asked[place] += 1
        told[place] += len(entry.data.get("attempts", [])) + (entry.verb == "recording.sender_vanished")
    made = Counter((put.call_id or "", put.state or "") for put in fake.puts)
    return sum(max(0, count - told[place]) if asked[place] else count for place, count in made.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=500)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    stage.database()
    with Fake(latency=0.05) as fake:
        cast = stage.company(fake)
        people = supervisors(cast.acme, options.users)
        calls = stage.calls(fake, cast, options.calls)
        with Node(voice_url=fake.voice_url, token_url=fake.token_url) as node:
            report = run([node], fake, people, cast.vic, calls, presses=options.presses, seed=options.seed)
    print(f"{options.users} users, {options.calls} calls, seed {options.seed}; {stage.machine()}")
    print("\n".join(report.lines()))
    print("HOLDS" if report.holds else "DOES NOT HOLD")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())

"""What it costs to follow an account with 100,000 calls in the last day and 100 live ones, and how soon boards know.

Cycles run in this process, so that every statement is counted; the last rows are those of a real worker, with lists
that are 5 s late. Run: `python -m benchmarks.sync` (TEST_DATABASE_URL for PostgreSQL, `--calls 20000`, `--minutes 2`).
"""

import argparse
import random
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from uuid import uuid4

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from benchmarks import stage
from benchmarks.standin import StandIn
from tests import cast as people
from tests.serving import WorkerNode
from voicedash.calls.models import Call, Sync
from voicedash.tenants.models import BandwidthAccount, Board
from voicedash.worker import duties, sync
from voicedash.worker.models import Duty

LIVE = 100
SPREAD = 1500.0  # seconds in which the live ones began
LAG = INTERVAL = 5.0
CYCLES = 100
SOON = LAG + 1.5 * INTERVAL
BUSY, QUIET = "9900001", "9900002"


@dataclass
class Cycle:
    """What one cycle did."""

    seconds: float
    cpu: float
    statements: list[str]
    requests: int
    versions: int

    @property
    def written(self) -> int:
        """Statements that write calls."""
        return sum(sql.startswith(("INSERT", "UPDATE", "DELETE")) and "calls_call" in sql for sql in self.statements)


@dataclass
class Line:
    """One line of the table, and whether it holds."""

    name: str
    told: str
    bar: str = ""
    holds: bool = True

    def __str__(self) -> str:
        return (
            f"{self.name:64}{self.told:>22}  {self.bar:14}{'' if not self.bar else 'holds' if self.holds else 'MISSED'}"
        )


@dataclass
class Followed:
    """An account that is followed cycle by cycle, in this thread."""

    account: BandwidthAccount
    stand_in: StandIn
    cycles: list[Cycle] = field(default_factory=list)

    def turn(self) -> Cycle:
        name = f"{sync.PREFIX}{self.account.pk}"
        duties.make_known(name)
        Duty.objects.filter(pk=name).update(due_at=Now(), lease_until=None)
        self.stand_in.asked(self.account.account_id)
        before = self.version
        began, cpu = time.perf_counter(), time.process_time()
        with CaptureQueriesContext(connection) as captured:
            sync.follow(self.account.pk, uuid4(), threading.Event())
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        statements = [str(query["sql"]) for query in captured if not query["sql"].startswith(("BEGIN", "COMMIT"))]
        requests = self.stand_in.asked(self.account.account_id)
        return Cycle(seconds, cpu, statements, requests, self.version - before)

    @property
    def state(self) -> Sync:
        return Sync.objects.get(account=self.account)

    @property
    def version(self) -> int:
        return Board.objects.get(tenant=self.account.tenant_id).version

    @property
    def live(self) -> int:
        return Call.objects.filter(account=self.account, ended_at=None).count()


def begin(followed: Followed) -> list[Line]:
    """From nothing to a board with every live call, and twelve hours of the past read."""
    began = time.perf_counter()
    followed.turn()
    first, shown = time.perf_counter() - began, followed.live
    turns = requests = 0
    whole = 0.0
    while followed.state.back_to is not None:
        cycle = followed.turn()
        turns, requests = turns + 1, requests + cycle.requests
        if followed.live == LIVE and not whole:
            whole = time.perf_counter() - began
    took = time.perf_counter() - began
    return [
        Line(f"first cycle: {shown} of {LIVE} live calls are on the board", f"{first:.2f} s"),
        Line("all of them", f"{whole:.2f} s", "all", followed.live == LIVE),
        Line(f"twelve hours of the past, in {turns} cycles and {requests} requests", f"{took:.1f} s"),
    ]


def quiet(followed: Followed, number: int, *, deep: bool) -> list[Line]:
    """Cycles without news: the usual, or those that go back a quarter of an hour."""
    cycles = []
    for _ in range(number):
        Sync.objects.filter(account=followed.account).update(deep_at=None if deep else Now())
        cycles.append(followed.turn())
    ordered = sorted(cycle.seconds * 1000 for cycle in cycles)
    spent = sum(cycle.cpu for cycle in cycles) / number
    kind = "cycle that goes back 15 min" if deep else "cycle"
    requests = sum(cycle.requests for cycle in cycles) / number
    statements = [len(cycle.statements) for cycle in cycles]
    return [
        Line(f"{kind}, without news (n={number}): p50 / p99", f"{at(ordered, 0.5):.0f} / {at(ordered, 0.99):.0f} ms"),
        Line(f"{kind}: CPU, of a core every {INTERVAL:.0f} s", f"{spent * 1000:.0f} ms, {spent / INTERVAL:.1%}"),
        Line(f"{kind}: requests; statements", f"{requests:.1f}; {min(statements)} to {max(statements)}"),
        Line(
            f"{kind}: statements that write calls",
            f"{sum(c.written for c in cycles)}",
            "0",
            not _any(cycles, "written"),
        ),
        Line(f"{kind}: versions", f"{sum(c.versions for c in cycles)}", "0", not _any(cycles, "versions")),
    ]


def _any(cycles: list[Cycle], name: str) -> bool:
    return any(getattr(cycle, name) for cycle in cycles)


def at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def soon(account: BandwidthAccount, stand_in: StandIn, minutes: float) -> list[Line]:
    """Calls begin and end at random while a worker follows: how long until the board's database knows."""
    new: list[float] = []
    over: list[float] = []
    dice = random.Random(1)
    with WorkerNode(voice_url=stand_in.voice_url, token_url=stand_in.token_url, SYNC_SECONDS=INTERVAL):
        wait_for(lambda: Sync.objects.filter(account=account, heard_at__isnull=False).exists(), 60)
        until = time.monotonic() + minutes * 60
        began: dict[str, float] = {}
        ended: dict[str, float] = {}
        due = time.monotonic()
        while time.monotonic() < until or began or ended:
            if time.monotonic() >= due and time.monotonic() < until:
                began[stand_in.begin(account.account_id)] = time.monotonic()
                due += dice.expovariate(1.0)
            known = dict(Call.objects.filter(call_id__in=[*began, *ended]).values_list("call_id", "ended_at"))
            now = time.monotonic()
            for call_id in [one for one in began if one in known]:
                new.append(now - began.pop(call_id))
                stand_in.end(call_id)
                ended[call_id] = time.monotonic()
            for call_id in [one for one in ended if known.get(one)]:
                over.append(now - ended.pop(call_id))
            if now > until + 60:
                break
            time.sleep(0.02)
    lost = len(began) + len(ended)
    return [
        Line(
            f"a new call is there, lists {LAG:.0f} s late (n={len(new)}): p50 / last",
            told(new),
            f"≤ {SOON} s",
            most(new),
        ),
        Line(f"one that ended is grey (n={len(over)}): p50 / last", told(over), f"≤ {SOON} s", most(over)),
        Line("calls that never came or never went", str(lost), "0", not lost),
    ]


def told(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{at(ordered, 0.5):.1f} / {ordered[-1]:.1f} s" if ordered else "none"


def most(seconds: list[float]) -> bool:
    return bool(seconds) and max(seconds) <= SOON


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("it did not come to be")
        time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000, help="in the last day")
    parser.add_argument("--cycles", type=int, default=CYCLES)
    parser.add_argument("--minutes", type=float, default=2.0, help="in which calls come and go")
    options = parser.parse_args()
    stage.database()
    tenants = [people.tenant("busy", "Busy"), people.tenant("quiet", "Quiet")]
    accounts = [people.account(of, account_id) for of, account_id in zip(tenants, (BUSY, QUIET), strict=True)]
    with ExitStack() as up:
        few = max(1, options.calls // 100)
        sides = []
        for account, past in zip(accounts, (options.calls, few), strict=True):
            made = StandIn([account.account_id], calls=LIVE, latency=0.0, spread=SPREAD, past=past)
            sides.append(Followed(account, up.enter_context(made)))
        lines = []
        for side, past in zip(sides, (options.calls, few), strict=True):
            settings.VOICE_URL, settings.TOKEN_URL = side.stand_in.voice_url, side.stand_in.token_url
            lines += [Line(f"--- {past:,} calls in the last day, {LIVE} live", "")]
            lines += begin(side)
            for deep in (False, True):
                lines += quiet(side, options.cycles if not deep else max(1, options.cycles // 4), deep=deep)
        lines += [Line("--- as a person sees it", "")]
        late = StandIn([BUSY], calls=LIVE, latency=0.1, spread=SPREAD, past=options.calls, lag=LAG)
        with late:
            Sync.objects.all().delete()
            Call.objects.all().delete()
            lines += soon(accounts[0], late, options.minutes)
    print(f"sync; {stage.machine()}")
    for line in lines:
        print(line)
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())

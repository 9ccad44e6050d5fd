"""From the commit of a change to the last open board that shows it; and what open boards cost that show nothing new.

1,000 boards over 20 tenants on one web process, of the browsers only the sockets. Run: `python -m benchmarks.live`
(TEST_DATABASE_URL for PostgreSQL, `--nodes 2`, `--idle 300` for the five minutes of the bar).
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from django.db import connections

from benchmarks import boards, stage
from benchmarks.boards import Board as OpenBoard
from tests.serving import Node
from voicedash.calls.models import Call
from voicedash.tenants.board import writing
from voicedash.tenants.models import BandwidthAccount

CALLS = 100  # of a tenant, live
NOBODY = "http://127.0.0.1:9"  # Bandwidth is not asked
PATIENCE = 10.0  # seconds after which a change counts as lost


@dataclass
class Line:
    """One line of the table."""

    name: str
    value: float
    bar: float
    unit: str

    @property
    def holds(self) -> bool:
        return self.value <= self.bar

    def __str__(self) -> str:
        return (
            f"{self.name:58}{self.value:9.1f} {self.unit:3}  ≤ {self.bar:5.1f}  {'holds' if self.holds else 'MISSED'}"
        )


class Changes:
    """Who writes: a thread, as presses are written by threads of other processes."""

    def __init__(self, accounts: list[BandwidthAccount]) -> None:
        self.accounts = accounts
        self.calls = {one.pk: list(Call.objects.filter(account=one).values_list("pk", flat=True)) for one in accounts}
        self.dice = random.Random(1)
        self.done: list[tuple[str, int, float]] = []  # tenant, version, when it was committed

    def one(self) -> None:
        account = self.dice.choice(self.accounts)
        state = self.dice.choice(["paused", "recording", "assumed"])
        with writing(account.tenant_id) as stamp:
            pk = self.dice.choice(self.calls[account.pk])
            Call.objects.filter(pk=pk).update(version=stamp.version, **{"recording": state})
        self.done.append((account.tenant.slug, stamp.version, time.perf_counter()))


async def measure(
    options: argparse.Namespace, nodes: list[Node], accounts: list[BandwidthAccount], places: list[tuple[str, str]]
) -> list[Line]:
    loop = asyncio.get_running_loop()
    changes = Changes(accounts)
    urls = [node.url for node in nodes]
    # Each node's first board loads what all of them need.
    warm = [(urls[at], *places[-1 - at]) for at in range(len(nodes))]
    await boards.open_all(warm)
    await asyncio.sleep(1)
    before = [boards.memory_of(node.process.pid) for node in nodes]
    began = time.perf_counter()
    # Boards of a tenant are spread over the nodes.
    spread = [(urls[at // options.tenants % len(urls)], *place) for at, place in enumerate(places[: options.boards])]
    watching = await boards.open_all(spread)
    opened = time.perf_counter() - began
    await asyncio.sleep(1)
    grown = sum(boards.memory_of(node.process.pid) for node in nodes) - sum(before)

    cpu, busy = time.process_time(), [boards.cpu_of(node.process.pid) for node in nodes]
    whole = boards.cpu_of_all()
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as writer:
        due = time.perf_counter()
        for _ in range(options.changes):
            due += changes.dice.expovariate(options.rate)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await loop.run_in_executor(writer, changes.one)
        writer.submit(connections.close_all)
    await asyncio.sleep(2)
    lasted = time.perf_counter() - began
    used = [boards.cpu_of(node.process.pid) - was for node, was in zip(nodes, busy, strict=True)]
    cpu = time.process_time() - cpu
    others = boards.cpu_of_all() - whole - sum(used) - cpu
    delays = arrivals(changes, watching)

    grew = sum(boards.memory_of(node.process.pid) for node in nodes) - sum(before)
    idle = await resting(options.idle, nodes)
    deliveries = sum(len(board.versions) for board in watching)
    other = Counter(kind for board in watching for kind in board.other)
    lost = sum(board.lost for board in watching)
    print(
        f"{options.boards} boards of {options.tenants} tenants opened in {opened:.1f} s; {options.nodes} web processes"
    )
    print(f"{len(delays)} changes, {options.rate:.0f}/s at random, {deliveries} deliveries; {stage.machine()}")
    print(
        f"of a core: web processes {', '.join(f'{one / lasted:.0%}' for one in used)}; generator {cpu / lasted:.0%}; "
        f"all else on this machine, a database server included, {others / lasted:.0%}"
    )
    slowest = sorted(zip(delays, changes.done, strict=True), reverse=True)[:6]
    first = changes.done[0][2]
    print("slowest: " + ", ".join(f"{delay * 1000:.0f} ms at {at - first:.1f} s" for delay, (_, _, at) in slowest))
    print(f"not changes: {dict(other) or 'none'}; connections lost: {lost}")
    ordered = sorted(delays)
    return [
        Line("commit to the last screen, p50", ordered[len(ordered) // 2] * 1000, 200, "ms"),
        Line("commit to the last screen, p99", ordered[int(len(ordered) * 0.99)] * 1000, 400, "ms"),
        Line("memory of an open board, opened", grown / options.boards / 1024, 30, "KB"),
        Line("memory of an open board, after the changes", grew / options.boards / 1024, 30, "KB"),
        Line(f"idle for {options.idle} s, of a core (busiest web process)", idle * 100, 3, "%"),
        Line("streams that were not told every change", other.total() + lost, 0, ""),
    ]


def arrivals(changes: Changes, watching: list[OpenBoard]) -> list[float]:
    """Of each change, the seconds from its commit until the last board of its tenant showed it, or something newer."""
    of_tenant: dict[str, list[OpenBoard]] = defaultdict(list)
    for board in watching:
        of_tenant[board.slug].append(board)
    delays = []
    for slug, version, committed in changes.done:
        reached = [board.reached(version) for board in of_tenant[slug]]
        delays.append(max(PATIENCE if at is None else at - committed for at in reached))
    return delays


async def resting(seconds: int, nodes: list[Node]) -> float:
    before = [boards.cpu_of(node.process.pid) for node in nodes]
    await asyncio.sleep(seconds)
    return max(boards.cpu_of(node.process.pid) - was for node, was in zip(nodes, before, strict=True)) / seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=1000)
    parser.add_argument("--tenants", type=int, default=20)
    parser.add_argument("--changes", type=int, default=300)
    parser.add_argument("--rate", type=float, default=10, help="changes a second, arriving at random")
    parser.add_argument("--nodes", type=int, default=1, help="web processes, each with its share of the boards")
    parser.add_argument("--idle", type=int, default=60, help="seconds in which nothing happens")
    options = parser.parse_args()
    company = boards.company(options.tenants, options.boards + options.nodes, CALLS)
    with ExitStack() as up:
        nodes = [
            up.enter_context(Node(voice_url="http://127.0.0.1:9", token_url="http://127.0.0.1:9"))
            for _ in range(options.nodes)
        ]
        lines = asyncio.run(measure(options, nodes, *company))
        for node in nodes:
            print("\n".join(line for line in node.log if "WARNING" in line or "ERROR" in line))
    for line in lines:
        print(line)
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())

"""What a board costs in a tenant with 10,000 live calls against one with 100: its first page, and what is read later.

All in one run, interleaved, through one web process; both first pages hold equally many rows. The other rows of the
table have no bar but that of equally many queries. Run: `python -m benchmarks.board` (TEST_DATABASE_URL for PostgreSQL,
`--past 100000` for more ended calls behind the live ones).
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, connections
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks import boards, stage
from benchmarks.press import Work, at, one_at_a_time
from tests.serving import Node, Visitor
from voicedash.calls.models import Attempt, Call, Command
from voicedash.live.looking import Ask, look
from voicedash.tenants.board import writing
from voicedash.tenants.models import BandwidthAccount, Board, Membership, Role, User

FEW = 100  # live calls of the tenant that is compared with
BAR = 1.5
AT_ONCE = 500
NOBODY = "http://127.0.0.1:9"  # Bandwidth is not asked


@dataclass
class Row:
    """One line of the table: milliseconds of both tenants, and how many queries each asks."""

    name: str
    many: list[float]
    few: list[float]
    queries: tuple[int, int]  # of few, of many
    bar: float = math.inf

    @property
    def ratio(self) -> float:
        return at(self.many, 0.5) / at(self.few, 0.5)

    @property
    def holds(self) -> bool:
        return self.ratio <= self.bar and self.queries[0] == self.queries[1]

    def __str__(self) -> str:
        few, many = self.queries
        times = "".join(f"{at(side, share):9.1f}" for share in (0.5, 0.99) for side in (self.few, self.many))
        bar = f"≤ {self.bar:.2f}" if self.bar < math.inf else "–"
        verdict = "holds" if self.holds else "MISSED"
        return f"{self.name:34}{len(self.many):>6}{times}{self.ratio:9.2f}  {bar:8}{few:>4} :{many:>3}  {verdict}"


HEAD = f"{'':34}{'size':>6}{'p50 ms: few, many':>18}{'p99 ms: few, many':>18}{'ratio':>9}  {'bar':8}{'queries':>9}"


def fill(account: BandwidthAccount, live: int, past: int) -> None:
    """So many calls, a pause and a resume behind each; of the oldest live ones some are paused or need a person."""
    calls = [
        Call(
            tenant=account.tenant,
            account=account,
            call_id=f"c-{account.pk}-{number:06}",
            state="answered" if number < live else "disconnected",
            from_address="+19195550123",
            to_address=f"+1919555{number % 10000:04}",
            direction="inbound",
            start_time=account.created,
            added_at=account.created,
            ended_at=None if number < live else account.created - timedelta(hours=2),
            numbers_erased_at=None,
            version=number + 1,
            **_shown(number) if number < live else {},
        )
        for number in range(live + past)
    ]
    for first in range(0, len(calls), AT_ONCE):
        some = Call.objects.bulk_create(calls[first : first + AT_ONCE])
        commands = Command.objects.bulk_create(
            _asked(call, wanted) for call in some for wanted in ("paused", "recording")
        )
        Attempt.objects.bulk_create(
            Attempt(command=command, number=1, began_at=command.asked_at, result="acknowledged") for command in commands
        )
        for call, command in zip(some, commands[::2], strict=True):
            if call.recording != "assumed":
                Call.objects.filter(pk=call.pk).update(acknowledged=command, last_pause=command)
    Board.objects.filter(tenant=account.tenant).update(version=len(calls))


def _shown(number: int) -> dict[str, object]:
    if number >= FEW or number % 10:
        return {}
    return {"recording": "unconfirmed" if number % 50 == 0 else "paused", "recording_since": Now()}


def _asked(call: Call, wanted: str) -> Command:
    return Command(
        call=call,
        wanted=wanted,
        state="closed",
        outcome="acknowledged",
        asked_at=call.added_at,
        expires_at=call.added_at,
        closed_at=call.added_at,
        version=1,
    )


def reads(visitor: Visitor, tenant: str, query: str, *, whole: bool = False) -> Work:
    headers = {"HX-Request": "" if whole else "true", "X-Background": "" if whole else "1"}

    def read(number: int) -> None:
        answer = visitor.get(f"/t/{tenant}/{query}", headers=headers)
        assert answer.status_code == 200, answer.status_code

    return read


def changes(account: BandwidthAccount) -> Work:
    """What the hub of a web process does for the open boards of a tenant when one call changes."""
    pk = account.calls.earliest("pk").pk

    def change(number: int) -> None:
        with writing(account.tenant_id) as stamp:
            Call.objects.filter(pk=pk).update(version=stamp.version)
        look(
            [account.tenant_id],
            [Ask(account.tenant_id, presses, stamp.version - 1) for presses in (True, False)],
            False,
        )

    return change


def queries(work: Callable[[], object]) -> int:
    """How many a piece of work asks, without those that only begin and end transactions."""
    with ExitStack() as all_of_them:
        aliases = ["default", "snapshot"] if connection.vendor == "sqlite" else ["default"]
        captured = [all_of_them.enter_context(CaptureQueriesContext(connections[alias])) for alias in aliases]
        work()
    asked = [str(query["sql"]) for one in captured for query in one.captured_queries]
    return sum(not sql.startswith(("BEGIN", "COMMIT", "SET ")) for sql in asked)


def asked_by(user: User, path: str, *, whole: bool = False) -> int:
    client = Client(SERVER_NAME="127.0.0.1", headers={} if whole else {"X-Background": "1"})
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    client.get(path)  # what a process reads once

    def read() -> None:
        assert client.get(path).status_code == 200

    return queries(read)


PAGES = [
    ("first page", "", True, BAR),
    ("first page anew, in the background", "", False, BAR),
    ("what is newer, nothing", "?since={version}", False, math.inf),
    ("only those that need somebody", "?show=needs", False, math.inf),
    ("a search that finds nothing", "?q=nobody", False, math.inf),
]


def measure(options: argparse.Namespace, node: Node, sides: list[tuple[BandwidthAccount, User]]) -> list[Row]:
    """`sides`: the tenant with many calls and the one with few, each with somebody who looks."""
    rows = []
    for name, query, whole, bar in PAGES:
        works, counts = [], []
        for account, user in sides:
            tenant = account.tenant.slug
            told = query.format(version=Board.objects.get(tenant=account.tenant).version)
            works.append(reads(node.browser_of(user), tenant, told, whole=whole))
            counts.append(asked_by(user, f"/t/{tenant}/{told}", whole=whole))
        many, few = one_at_a_time(options.reads, *works)
        rows.append(Row(name, many, few, (counts[1], counts[0]), bar))
    drawing = [changes(account) for account, _ in sides]
    many, few = one_at_a_time(options.reads, *drawing)
    counts = [queries(lambda work=work: work(0)) for work in drawing]  # type: ignore[misc]
    return [*rows, Row("a change, drawn by the hub", many, few, (counts[1], counts[0]))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", type=int, default=10_000, help="live calls of the tenant that has many")
    parser.add_argument("--past", type=int, default=20_000, help="ended calls that it keeps behind them")
    parser.add_argument("--reads", type=int, default=200, help="of each page, a side")
    options = parser.parse_args()
    accounts, _ = boards.company(2, 2, 0)
    for account, (live, past) in zip(accounts, [(options.live, options.past), (FEW, FEW)], strict=True):
        fill(account, live, past)
    if connection.vendor == "postgresql":  # as its own housekeeping does soon after so much was written
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    people = [User.objects.get(memberships__tenant=account.tenant) for account in accounts]
    Membership.objects.update(role=Role.SUPERVISOR)  # whoever may press is shown more
    cpu, began = time.process_time(), time.monotonic()
    with Node(voice_url=NOBODY, token_url=NOBODY) as node:
        rows = measure(options, node, list(zip(accounts, people, strict=True)))
    cpu, took = time.process_time() - cpu, time.monotonic() - began
    print(f"{options.live} live calls with {options.past} ended ones behind them : {FEW}; {stage.machine()}")
    print(f"generator, which also does the last row, {cpu:.1f} s CPU in {took:.0f} s")
    print(HEAD)
    for row in rows:
        print(row)
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

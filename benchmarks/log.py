"""What a page of the log costs with 1,000,000 entries against one with 1,000, and what memory an export takes.

Both logs are in one database, filled alike, and read in turn through one web process; each pair of pages holds equally
many lines. Run: `python -m benchmarks.log` (TEST_DATABASE_URL for PostgreSQL; `--entries` for fewer).
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks import board, boards, stage
from benchmarks.board import NOBODY, Row, asked_by, reads
from benchmarks.press import one_at_a_time
from tests.serving import Node, Visitor
from voicedash.audit import log
from voicedash.audit.models import Entry, Head
from voicedash.tenants.models import BandwidthAccount, Membership, Reason, Role, Tenant, User

FEW = 1_000
BAR = 2.0
AT_ONCE = 10_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=20)
MEGABYTES = 24  # that the process may grow by while it exports the long log, beyond what the short one took
_COLUMNS = "chain, seq, at, verb, actor, call_id, data, key, previous, digest"


def entries(tenant: Tenant, number: int, people: list[int], reasons: list[int]) -> Iterator[tuple[Any, ...]]:
    """A log as presses make it: of ten entries nine are of commands, two for each, and one is of another sort."""
    chain = log.of_tenant(tenant.pk)
    for seq in range(1, number + 1):
        at, command = BEGAN + seq * STEP, seq // 2
        actor, call_id = people[command % len(people)], f"c-{tenant.pk}-{command // 60:08}"
        data: dict[str, Any] = {"command": command, "wanted": "paused" if command % 2 else "recording"}
        data |= {"source": "person", "reason": reasons[command % len(reasons)]}
        verb = "recording.asked"
        if seq % 20 in (18, 19):
            verb, call_id, data = "reason.changed", "", {"id": reasons[0], "fields": ["name"]}
        elif seq % 2:
            outcome = "refused" if command % 8 == 0 else "acknowledged"
            attempt = {"result": outcome, "status": 200 if outcome == "acknowledged" else 400, "reference": ""}
            verb, data = "recording.answered", data | {"outcome": outcome, "attempts": [attempt], "took_ms": 213}
        # Nothing here proves the log: signatures as long as real ones do.
        yield chain, seq, at, verb, actor, call_id, data, "0badcafe", f"{seq - 1:064x}", f"{seq:064x}"


def fill(tenant: Tenant, number: int) -> None:
    chain = log.of_tenant(tenant.pk)
    people = list(Membership.objects.filter(tenant=tenant).order_by("pk").values_list("user", flat=True))
    reasons = list(Reason.objects.filter(tenant=tenant).order_by("pk").values_list("pk", flat=True))
    made = entries(tenant, number, people, reasons)
    Head.objects.create(chain=chain, seq=number, digest=f"{number:064x}")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")  # a million at once, and later their VACUUM
        with connection.cursor() as cursor, cursor.copy(f"COPY audit_entry ({_COLUMNS}) FROM STDIN") as copy:
            for row in made:
                copy.write_row([*row[:6], json.dumps(row[6]), *row[7:]])
        return
    rows: list[Entry] = []
    names = _COLUMNS.split(", ")
    for row in made:
        rows.append(Entry(**dict(zip(names, row, strict=True))))
        if len(rows) == AT_ONCE:
            Entry.objects.bulk_create(rows)
            rows = []
    Entry.objects.bulk_create(rows)


def pages(account: BandwidthAccount, number: int) -> dict[str, str]:
    """The page unfiltered, by each single field, the oldest, and one entry: by name, as the tenant's log is asked."""
    tenant = account.tenant
    member = Membership.objects.filter(tenant=tenant).order_by("pk").values_list("user", flat=True)[0]
    reason = Reason.objects.filter(tenant=tenant).order_by("pk").values_list("pk", flat=True)[0]
    middle = BEGAN + number // 2 * STEP
    first, last = middle - 250 * STEP, middle + 250 * STEP
    return {
        "unfiltered": "log/",
        "the next page": f"log/?before={number - 200}",
        "the oldest page": "log/?before=120",
        "from": f"log/?from={middle:%Y-%m-%dT%H:%M:%S}",
        "until": f"log/?to={middle:%Y-%m-%dT%H:%M:%S}",
        "from and until": f"log/?from={first:%Y-%m-%dT%H:%M:%S}&to={last:%Y-%m-%dT%H:%M:%S}",
        "person": f"log/?who={member}",
        "call": f"log/?call=c-{tenant.pk}-{number // 240:08}",
        "reason": f"log/?reason={reason}",
        "outcome": "log/?outcome=refused",
        "kind": "log/?what=change",
        "one entry": f"log/{number // 4 * 2 + 1}/",
    }


def memory(pid: int) -> float:
    """MB of the process that are its own; a mapped database file is not counted."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:"))) / 1024


def export(node: Node, visitor: Visitor, slug: str) -> tuple[float, float, int, float]:
    """Reads an export to its end: seconds, MB that came, its lines, and the most MB the process had meanwhile."""
    over, most = threading.Event(), [0.0]

    def watch() -> None:
        while not over.wait(0.05):
            most[0] = max(most[0], memory(node.process.pid))

    watching = threading.Thread(target=watch)
    watching.start()
    began, size, lines = time.monotonic(), 0, 0
    with visitor.session.get(f"{node.url}/t/{slug}/log/export/", stream=True, timeout=60) as answer:
        assert answer.status_code == 200, answer.status_code
        for piece in answer.iter_content(65536):
            size += len(piece)
            lines += piece.count(b"\n")
    over.set()
    watching.join()
    return time.monotonic() - began, size / 2**20, lines, most[0]


def measure(options: argparse.Namespace, node: Node, sides: list[tuple[BandwidthAccount, User, int]]) -> list[Row]:
    rows = []
    asked = [pages(account, number) for account, _, number in sides]
    for name in asked[0]:
        works, counts, lines = [], [], set()
        for (account, user, _), queries in zip(sides, asked, strict=True):
            slug, visitor = account.tenant.slug, node.browser_of(user)
            works.append(reads(visitor, slug, queries[name], whole=True))
            counts.append(asked_by(user, f"/t/{slug}/{queries[name]}", whole=True))
            page = visitor.get(f"/t/{slug}/{queries[name]}", headers={"HX-Request": ""}).text
            lines.add(page.count("data-entry=") or page.count('class="card piece"'))
        assert len(lines) == 1, f"{name}: the pages are not alike, {lines} lines"
        many, few = one_at_a_time(options.reads, *works)
        rows.append(Row(f"{name} ({lines.pop()} lines)", many, few, (counts[1], counts[0]), BAR))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the long log")
    parser.add_argument("--reads", type=int, default=200, help="of each page, a side")
    options = parser.parse_args()
    accounts, _ = boards.company(2, 2, 0)
    sides = []
    for account, number in zip(accounts, [options.entries, FEW], strict=True):
        tenant = account.tenant
        Reason.objects.bulk_create(Reason(tenant=tenant, name=name) for name in ("Card", "Health", "Objects", "Other"))
        for place in range(4):
            person = User.objects.create_user(f"{tenant.slug}-{place}")
            Membership.objects.create(tenant=tenant, user=person, role=Role.SUPERVISOR)
        began = time.monotonic()
        fill(tenant, number)
        print(f"{number:,} entries written in {time.monotonic() - began:.0f} s", flush=True)
        sides.append((account, person, number))
    if connection.vendor == "postgresql":  # as its own housekeeping does soon after so much was written
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    cpu, began = time.process_time(), time.monotonic()
    with Node(voice_url=NOBODY, token_url=NOBODY) as node:
        rows = measure(options, node, sides)
        visitors = [(account.tenant.slug, node.browser_of(person)) for account, person, _ in sides]
        exports = [export(node, visitor, slug) for slug, visitor in reversed(visitors)]
    cpu, took = time.process_time() - cpu, time.monotonic() - began
    print(f"{options.entries:,} entries : {FEW:,}; {stage.machine()}; generator {cpu:.1f} s CPU in {took:.0f} s")
    print(board.HEAD)
    for row in rows:
        print(row)
    for seconds, size, lines, most in exports:
        print(f"export of {lines - 1:,} lines, {size:.1f} MB: {seconds:.1f} s; the process had {most:.1f} MB at most")
    grown = exports[1][3] - exports[0][3]
    holds = grown <= MEGABYTES
    print(f"grown by {grown:.1f} MB, bar ≤ {MEGABYTES}: {'holds' if holds else 'MISSED'}")
    return 0 if holds and all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

"""1,000 pauses end within 20 s, two workers resume them, and one of them is killed with -9 in the middle.

They are spread over 20 tenants with an account each, as 1,000 callers at once are no single floor's: a worker asks for
four calls of an account at once (`worker.loop.AN_ACCOUNT`), so one account alone would not have 50 a second resumed at
100 ms each. A third worker takes the dead one's place after five seconds, as a supervisor of processes would start
it. Late is counted to the moment at which the request came to the stand-in, which is at work in a process of its own.
Run: `python -m benchmarks.leases` (TEST_DATABASE_URL for PostgreSQL, `--leases 1000`, `--seconds 20`, `--no-kill`).
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime, timedelta

from django.db.models import F

from benchmarks import stage
from benchmarks.standin import StandIn
from benchmarks.sync import Line, at, wait_for
from tests import cast as people
from tests.serving import WorkerNode
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.board import database_time
from voicedash.tenants.models import BandwidthAccount, User

TENANTS = 20
LATENCY = 0.1  # seconds of the stand-in
AHEAD = 8.0  # seconds from the start of the workers to the first end
HOLDS = 5  # calls that both together are at, at least, when one is killed
AGAIN = 5.0  # seconds until a killed worker is started anew
ON_TIME, OF_THE_DEAD = 1.0, 25.0  # seconds late at most


def accounts() -> list[BandwidthAccount]:
    return [people.account(people.tenant(f"t{n}", f"Tenant {n}"), f"99{n:05}") for n in range(TENANTS)]


def paused(theirs: list[BandwidthAccount], ids: dict[str, list[str]], by: User, first: datetime, seconds: float) -> int:
    """Every call of the stand-in is paused, and the pauses end evenly from `first` on for so many seconds."""
    number = sum(map(len, ids.values()))
    ends = (first + timedelta(seconds=seconds * n / number) for n in range(number))
    for place in range(number // len(theirs)):  # one of each tenant after the other
        for account in theirs:
            end = next(ends)
            call = Call.objects.create(
                tenant=account.tenant,
                account=account,
                call_id=ids[account.account_id][place],
                state="answered",
                added_at=account.created,
                recording="paused",
                recording_since=first,
                lease_from=first,
                lease_ends_at=end,
                lease_due_at=end,
                lease_seconds=180,
                lease_limit=3,
                lease_reason="Card details",
            )
            pause = Command.objects.create(
                call=call,
                wanted="paused",
                by=by,
                state="closed",
                outcome="acknowledged",
                asked_at=account.created,
                closed_at=account.created,
                expires_at=account.created,
                reason_name="Card details",
                lease=180,
                version=1,
            )
            Call.objects.filter(pk=call.pk).update(acknowledged=pause, last_pause=pause, asserted_at=account.created)
    return number


def lateness(stand_in: StandIn, ends: dict[str, datetime]) -> tuple[dict[str, float], Counter[str]]:
    """By call how many seconds after its end the newest resume came that Bandwidth acknowledged; and how many came."""
    late: dict[str, float] = {}
    asked: Counter[str] = Counter()
    for came, call_id, state in stand_in.puts():
        if state == "recording":
            late.setdefault(call_id, came - ends[call_id].timestamp())
            asked[call_id] += 1
    return late, asked


def told(seconds: Iterable[float]) -> str:
    ordered = sorted(seconds)
    if not ordered:
        return "none"
    return f"{at(ordered, 0.5):.2f} / {at(ordered, 0.99):.2f} / {ordered[-1]:.2f} s"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leases", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0, help="within which they end")
    parser.add_argument("--no-kill", action="store_true")
    options = parser.parse_args()
    stage.database()
    theirs = accounts()
    by = people.person("ana", "Ana Ruiz")
    names = [account.account_id for account in theirs]
    with StandIn(names, calls=options.leases // TENANTS, latency=LATENCY) as stand_in, ExitStack() as up:
        first = database_time() + timedelta(days=1)
        number = paused(theirs, stand_in.call_ids, by, first, options.seconds)

        def start() -> WorkerNode:
            return up.enter_context(WorkerNode(voice_url=stand_in.voice_url, token_url=stand_in.token_url))

        workers = [start(), start()]
        shift = database_time() + timedelta(seconds=AHEAD) - first
        Call.objects.update(lease_ends_at=F("lease_ends_at") + shift, lease_due_at=F("lease_due_at") + shift)
        ends = {call.call_id: call.lease_ends_at for call in Call.objects.all() if call.lease_ends_at}
        killed = None
        if not options.no_kill:
            middle = min(ends.values()) + timedelta(seconds=options.seconds / 2)
            time.sleep(max(0.0, (middle - database_time()).total_seconds()))
            wait_for(lambda: Command.objects.filter(state="claimed").count() >= HOLDS, options.seconds)
            workers[0].kill()
            killed = database_time()
            time.sleep(AGAIN)
            start()
        wait_for(lambda: not Call.objects.exclude(recording="recording").exists(), options.seconds + AHEAD + 60)
        late, asked = lateness(stand_in, ends)
        held = set(Attempt.objects.filter(result="vanished").values_list("command__call__call_id", flat=True))
    timers = Command.objects.filter(source=Command.Source.TIMER)
    again = [
        call_id
        for call_id, times in asked.items()
        if timers.filter(call__call_id=call_id, outcome="acknowledged").count() > 1
        or (times > 1 and call_id not in held)
    ]
    on_time = [seconds for call_id, seconds in late.items() if call_id not in held]
    # What the dead one had asked for had come before it died; what it had not is asked for by another.
    settled = [
        (command.closed_at - ends[command.call.call_id]).total_seconds()
        for command in timers.filter(call__call_id__in=held, outcome="acknowledged").select_related("call")
        if command.closed_at
    ]
    print(
        f"{number} pauses of {TENANTS} tenants end within {options.seconds:.0f} s, upstream {LATENCY * 1000:.0f} ms, "
        f"2 workers{', one killed -9' if killed else ''}; {stage.machine()}"
    )
    lines = [
        Line("resumed", f"{len(late)}", f"{number}", len(late) == number),
        Line(
            f"late, to the request (n={len(on_time)}): p50 / p99 / last",
            told(on_time),
            f"≤ {ON_TIME} s",
            bool(on_time) and max(on_time) <= ON_TIME,
        ),
        Line("before their end", str(sum(s < 0 for s in late.values())), "0", min(late.values(), default=0) >= 0),
        Line(
            f"late, of those the dead one held (n={len(settled)})",
            told(settled),
            f"≤ {OF_THE_DEAD:.0f} s",
            max(settled, default=0.0) <= OF_THE_DEAD,
        ),
        Line("asked again after an acknowledgement", str(len(again)), "0", not again),
        Line(
            "left in flight",
            str(Command.objects.exclude(state="closed").count()),
            "0",
            not Command.objects.exclude(state="closed").exists(),
        ),
    ]
    for line in lines:
        print(line)
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())

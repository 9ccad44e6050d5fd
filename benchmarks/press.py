"""What a press costs through the whole dashboard, against the bare PUT that it sends on a warm connection.

Four rows: one at a time; 20 presses a second arriving at random; against a script on the official SDK
with a client per call; presses on one account while another one hangs. All in one run, interleaved or
in alternating blocks. Run: `python -m benchmarks.press` (TEST_DATABASE_URL for PostgreSQL, `--nodes 2`).
"""

import argparse
import itertools
import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import requests
from bandwidth import ApiClient, Configuration, RecordingsApi, UpdateCallRecording

from benchmarks import stage
from benchmarks.standin import StandIn
from benchmarks.watching import ROW, data_of
from tests import cast as people
from tests.cast import Cast
from tests.serving import Node, Visitor
from voicedash.bandwidth.credentials import OAuth2
from voicedash.calls.models import Call
from voicedash.tenants.models import BandwidthAccount

CALLS = 200  # of an account: enough that no two presses under way meet on one
CROWD = 24  # people who keep pressing on the account that hangs, which has 16 places
BLOCK = 100  # presses in a row before the other side has its turn

Work = Callable[[int], None]


def at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@dataclass
class Row:
    """One line of the table: two sides in milliseconds, and the most that their ratio may be."""

    name: str
    ours: list[float]
    theirs: list[float]
    p50: float
    p99: float | None = None

    @property
    def holds(self) -> bool:
        return self.ratio(0.5) <= self.p50 and (self.p99 is None or self.ratio(0.99) <= self.p99)

    def ratio(self, share: float) -> float:
        return at(self.ours, share) / at(self.theirs, share)

    def __str__(self) -> str:
        figures = "".join(f"{at(side, share):9.1f}" for share in (0.5, 0.99) for side in (self.theirs, self.ours))
        bars = f"≤ {self.p50:.2f}" + (f" / {self.p99:.2f}" if self.p99 else "")
        count = f"{len(self.ours)}:{len(self.theirs)}"
        ratios = f"{self.ratio(0.5):6.2f} / {self.ratio(0.99):.2f}"
        return f"{self.name:44}{count:>11}{figures}{ratios:>16}  {bars:14}{'holds' if self.holds else 'MISSED'}"


HEAD = f"{'':44}{'sizes':>11}{'p50 ms: other, press':>18}{'p99 ms: other, press':>20}{'ratio':>13}  bar"


@dataclass
class Desks:
    """Signed-in sessions, each used by one thread at a time."""

    free: "queue.Queue[Visitor]" = field(default_factory=queue.Queue)

    @contextmanager
    def one(self) -> Iterator[Visitor]:
        visitor = self.free.get()
        try:
            yield visitor
        finally:
            self.free.put(visitor)


def presses(desks: Desks, calls: list[Call], tenant: str) -> Work:
    """The n-th press: every call in turn is paused, then every one resumed, and so on."""

    def press(number: int) -> None:
        call = calls[number % len(calls)]
        verb = "resume" if number // len(calls) % 2 else "pause"
        with desks.one() as visitor:
            answer = visitor.post(f"/t/{tenant}/calls/{call.pk}/{verb}/", data={"anyway": "1"})
        row = ROW.search(answer.text)
        outcome = data_of(row)["outcome"] if row else f"HTTP {answer.status_code}"
        if outcome != "acknowledged":
            raise AssertionError(f"{verb}: {outcome}")

    return press


def puts(voice_url: str, token: str, account: BandwidthAccount, calls: list[Call]) -> Work:
    """The bare PUT of the n-th press, on a connection that is a thread's own and stays open."""
    own = threading.local()

    def put(number: int) -> None:
        if not hasattr(own, "session"):
            own.session = requests.Session()
            own.session.headers["Authorization"] = f"Bearer {token}"
        url = f"{voice_url}/accounts/{account.account_id}/calls/{calls[number % len(calls)].call_id}/recording"
        assert own.session.put(url, json={"state": "paused"}, timeout=5).status_code == 200

    return put


def scripts(stand_in: StandIn, account: BandwidthAccount, calls: list[Call]) -> Work:
    """What a short script on the official SDK does: a client, a token and a connection for each call."""

    def run(number: int) -> None:
        configuration = Configuration(
            host=stand_in.voice_url,
            ignore_operation_servers=True,
            client_id=account.client_id,
            client_secret=f"secret-{account.account_id}",
            access_token_url=stand_in.token_url,
        )
        call_id = calls[number % len(calls)].call_id
        api = RecordingsApi(ApiClient(configuration))
        api.update_call_recording_state(account.account_id, call_id, UpdateCallRecording(state="paused"))

    return run


def timed(work: Work, number: int) -> float:
    began = time.perf_counter()
    work(number)
    return (time.perf_counter() - began) * 1000


def one_at_a_time(count: int, *works: Work) -> list[list[float]]:
    """Each work `count` times, in turn; the first ten of each warm up."""
    took: list[list[float]] = [[] for _ in works]
    for number in range(count + 10):
        for work, times in zip(works, took, strict=True):
            times.append(timed(work, number))
    return [times[10:] for times in took]


def at_random(count: int, rate: float, *works: Work) -> list[list[float]]:
    """Each work `count` times, arriving at random at `rate` a second, in alternating blocks.

    A time runs from the arrival to the end: whatever waits for its turn is counted.
    """
    dice = random.Random(1)
    took: list[list[float]] = [[] for _ in works]
    numbers = [itertools.count() for _ in works]

    def arrive(work: Work, number: int, due: float) -> float:
        work(number)
        return (time.perf_counter() - due) * 1000

    with ThreadPoolExecutor(32) as pool:
        for _ in range(0, count, BLOCK):
            for work, number, times in zip(works, numbers, took, strict=True):
                arriving = []
                due = time.perf_counter()
                for _ in range(BLOCK):
                    due += dice.expovariate(rate)
                    time.sleep(max(0.0, due - time.perf_counter()))
                    arriving.append(pool.submit(arrive, work, next(number), due))
                times += [one.result() for one in arriving]
    return took


def beside_a_hanging_account(
    count: int, press: Work, stand_in: StandIn, crowd: list[Visitor], hanging: BandwidthAccount, calls: list[Call]
) -> tuple[list[float], list[float]]:
    """Presses while a crowd presses on an account that gives no answer, and while nobody else does."""
    over = threading.Event()

    def keep_pressing(person: int) -> int:
        asked = 0
        while not over.is_set():
            call = calls[(person + asked * len(crowd)) % len(calls)]
            answer = crowd[person].post(f"/t/globex/calls/{call.pk}/pause/")
            assert answer.status_code == 200, answer.status_code
            asked += 1
            over.wait(1)  # as a person would who reads what came back
        return asked

    quiet: list[float] = []
    beside: list[float] = []
    for first in range(0, count, BLOCK):
        block = range(first, first + BLOCK)
        quiet += [timed(press, number) for number in block]
        over.clear()
        stand_in.hold(hanging.account_id)
        with ThreadPoolExecutor(len(crowd)) as pool:
            pressing = [pool.submit(keep_pressing, person) for person in range(len(crowd))]
            time.sleep(2)  # until the places of the account are taken
            beside += [timed(press, number) for number in block]
            over.set()
            stand_in.release(hanging.account_id)
            assert all(one.result() for one in pressing)
    return beside, quiet


def company(stand_in: StandIn) -> tuple[Cast, dict[str, list[Call]]]:
    cast = people.assemble()
    made = {}
    for account in (cast.acme_account, cast.globex_account):
        ids = stand_in.call_ids[account.account_id]
        for first in range(0, len(ids), 100):
            Call.objects.bulk_create(
                Call(
                    tenant=account.tenant, account=account, call_id=call_id, state="answered", added_at=account.created
                )
                for call_id in ids[first : first + 100]
            )
        made[account.account_id] = list(account.calls.order_by("pk"))
    return cast, made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=1000, help="a side, in the first two rows")
    parser.add_argument("--rate", type=float, default=20, help="presses a second that arrive at random")
    parser.add_argument("--upstream", type=float, default=100, help="milliseconds that Bandwidth takes")
    parser.add_argument("--nodes", type=int, default=1, help="web processes, pressed on in turn")
    options = parser.parse_args()
    stage.database()
    with StandIn(["9900001", "9900002"], calls=CALLS, latency=options.upstream / 1000) as stand_in, ExitStack() as up:
        cast, calls = company(stand_in)
        acme, globex = cast.acme_account, cast.globex_account
        nodes = [
            up.enter_context(Node(voice_url=stand_in.voice_url, token_url=stand_in.token_url))
            for _ in range(options.nodes)
        ]
        desks = Desks()
        for number in range(32):
            desks.free.put(nodes[number % len(nodes)].browser_of(cast.ana))
        crowd = [nodes[number % len(nodes)].browser_of(cast.omar) for number in range(CROWD)]
        press = presses(desks, calls[acme.account_id], "acme")
        token = OAuth2(stand_in.token_url, acme.client_id, f"secret-{acme.account_id}").token(time.monotonic() + 5)
        put = puts(stand_in.voice_url, token, acme, calls[acme.account_id])
        script = scripts(stand_in, acme, calls[acme.account_id])
        cpu, began = time.process_time(), time.monotonic()
        bare, whole = one_at_a_time(options.presses, put, press)
        by_script, beside_script = one_at_a_time(options.presses // 5, script, press)
        bare_crowd, crowded = at_random(options.presses, options.rate, put, press)
        beside, quiet = beside_a_hanging_account(
            options.presses // 5, press, stand_in, crowd, globex, calls[globex.account_id]
        )
        cpu, took = time.process_time() - cpu, time.monotonic() - began
    rows = [
        Row("a press : the bare PUT, one at a time", whole, bare, 1.15, 1.25),
        Row(f"a press : the bare PUT, {options.rate:.0f}/s at random", crowded, bare_crowd, 1.3, 1.6),
        Row("a press : an SDK script, client per call", beside_script, by_script, 0.999),
        Row("a press beside a hanging account : alone", beside, quiet, 1.2),
    ]
    print(f"upstream {options.upstream:.0f} ms, {options.nodes} web processes; {stage.machine()}")
    print(f"generator {cpu:.1f} s CPU in {took:.0f} s")
    print(HEAD)
    for row in rows:
        print(row)
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

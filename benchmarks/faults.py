"""Random presses under every scripted fault, sampled all through: does a row ever say Paused while it records?

With `--nodes 2` two web processes share the database (PostgreSQL by TEST_DATABASE_URL); `--kill 10`
kills one of them every 10 s, `--stop 45` suspends one for 20 s every 45 s. The board is looked at
through a web process of its own, which nothing happens to.
Run: `python -m benchmarks.faults --presses 5000 --kill 10 --stop 45`.
"""

import argparse
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import requests

from benchmarks import stage
from benchmarks.watching import LIE_SECONDS, ROW, Report, Watch, data_of, unlogged
from benchmarks.weather import Weather
from tests.serving import Node, Visitor
from voicedash.audit import log, proof
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.models import Membership, Role, Tenant, User

# Chance of each fault at a PUT: about a third of them meet one. All but "late", which waits for the worker's
# re-asserts; a "delay" of up to 6 s may take effect after its attempt was given up.
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


def supervisors(tenant: Tenant, number: int) -> list[User]:
    people = [User.objects.create_user(f"supervisor{n}", name=f"Supervisor {n}") for n in range(number)]
    Membership.objects.bulk_create(Membership(tenant=tenant, user=user, role=Role.SUPERVISOR) for user in people)
    return people


def run(
    nodes: list[Node],
    fake: Fake,
    people: list[User],
    watcher: Visitor,
    calls: list[Call],
    *,
    presses: int,
    seed: int,
    scale: float = 1.0,
    weather: Weather | None = None,
) -> Report:
    """Presses at random until `presses` were made, then waits for calm, and counts. `scale` is the nodes'."""
    fake.storm_seconds = 6.0 * scale
    fake.storm(RATES, seed=seed)
    watch = Watch(fake, {call.pk: call.call_id for call in calls}, LIE_SECONDS * max(scale, 0.5))
    stop = threading.Event()
    sampler = threading.Thread(target=watch.all_through, args=(watcher, stop))
    sampler.start()
    began = time.monotonic()
    outcomes: Counter[str] = Counter()
    untrue = 0
    with weather or ExitStack(), ThreadPoolExecutor(len(people)) as pool:
        pressing = [
            pool.submit(
                _one_person,
                nodes[n % len(nodes)],
                nodes[n % len(nodes)].browser_of(person),
                fake,
                calls,
                presses // len(people) + (n < presses % len(people)),
                random.Random(seed + n),
                scale,
            )
            for n, person in enumerate(people)
        ]
        for counted, false in (one.result() for one in pressing):
            outcomes += counted
            untrue += false
    seconds = time.monotonic() - began
    fake.storm(None)
    stop.set()
    sampler.join()
    _until_calm(watch, watcher, 60 * scale)
    final = watch.look(watcher)
    wrong = [
        f"call {pk}: {row}"
        for pk, row in final.items()
        if row["recording"] == "paused" and fake.call(watch.call_ids[pk]).recorder == "recording"
    ]
    return Report(
        presses=presses,
        seconds=seconds,
        outcomes=outcomes,
        answers_untrue=untrue,
        puts=len(fake.puts),
        unreadable=Attempt.objects.filter(result="unknown").count(),
        unlogged=unlogged(fake),
        in_flight=Command.objects.exclude(state=Command.State.CLOSED).count(),
        watch=watch,
        still_unconfirmed=sum(row["recording"] == "unconfirmed" for row in final.values()),
        wrong_at_the_end=wrong,
        chain=proof.fault_in(log.of_tenant(calls[0].tenant_id)),
        weather=f"{weather.killed} kill -9, {weather.stopped} times suspended for {weather.stop_for:.0f} s"
        if weather
        else "",
    )


def _one_person(
    node: Node, visitor: Visitor, fake: Fake, calls: list[Call], presses: int, dice: random.Random, scale: float
) -> tuple[Counter[str], int]:
    outcomes: Counter[str] = Counter()
    untrue = 0
    for _ in range(presses):
        call = dice.choice(calls)
        verb = dice.choice(["pause", "pause", "resume"])
        began = time.monotonic()
        outcome = _pressed(node, visitor, call, verb)
        outcomes[f"{verb} {outcome}"] += 1
        if verb == "pause" and outcome == "acknowledged":
            untrue += not _was_paused(fake, call.call_id, began, time.monotonic())
        time.sleep(dice.uniform(0, 0.3) * scale)
    return outcomes, untrue


def _pressed(node: Node, visitor: Visitor, call: Call, verb: str) -> str:
    """The outcome in the row that came back, or what came instead of one. A killed node is waited for first."""
    while not node.url:
        time.sleep(0.05)
    visitor.url = node.url
    try:
        answer = visitor.post(f"/t/acme/calls/{call.pk}/{verb}/", data={"anyway": "1"})
    except requests.RequestException:
        return "no answer"
    row = ROW.search(answer.text)
    return data_of(row)["outcome"] if row else f"HTTP {answer.status_code}"


def _was_paused(fake: Fake, call_id: str, began: float, ended: float) -> bool:
    call = fake.call(call_id)
    inside = [state for at, state in call.timeline if began <= at <= ended]
    return "paused" in inside or call.recorder_at(began) == "paused"


def _until_calm(watch: Watch, watcher: Visitor, seconds: float) -> None:
    """Waits until nothing is in flight and every claim that was left has had time to expire."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        rows = watch.look(watcher)
        if rows and not any(row["asking"] or "doubt-until" in row for row in rows.values()):
            return
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=500)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--kill", type=float, default=0, help="seconds between two kill -9")
    parser.add_argument("--stop", type=float, default=0, help="seconds between two suspensions of 20 s")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    stage.database()
    with Fake(latency=0.05) as fake, ExitStack() as running:
        cast = stage.company(fake)
        people = supervisors(cast.acme, options.users)
        calls = stage.calls(fake, cast, options.calls)
        watched, *nodes = [
            running.enter_context(Node(voice_url=fake.voice_url, token_url=fake.token_url))
            for _ in range(options.nodes + 1)
        ]
        weather = (
            Weather(nodes, options.kill, options.stop, seed=options.seed) if options.kill or options.stop else None
        )
        report = run(
            nodes,
            fake,
            people,
            watched.browser_of(cast.vic),
            calls,
            presses=options.presses,
            seed=options.seed,
            weather=weather,
        )
    print(
        f"{options.users} users, {options.calls} calls, {options.nodes} web processes, seed {options.seed}; "
        f"{stage.machine()}"
    )
    print("\n".join(report.lines()))
    print("HOLDS" if report.holds else "DOES NOT HOLD")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())

"""Random presses under every scripted fault, sampled all through: does a row ever say Paused while it records?

With `--nodes 2` two web processes share the database (PostgreSQL by TEST_DATABASE_URL); `--kill 10`
kills one of them every 10 s, `--stop 45` suspends one for 20 s every 45 s. With `--workers 2` so many
workers run beside them, and are killed and suspended like them. With `--late` requests without an answer
take effect up to 24 s later, which is about as long as a doubt lasts: what is asked again by a worker has
to put that right. With `--lease 4` every pause ends by itself after so many seconds, people keep some of
them paused, and none may have outlived its end when all is calm. With `--everyone 20` somebody pauses or resumes all
calls at once every 20 s. In the end every failure that was not put
right has its incident, and no other is open. The board is looked at through a web
process of its own, which nothing happens to.
Run: `python -m benchmarks.faults --presses 5000 --kill 10 --stop 45 --late --workers 2`.
"""

import argparse
import itertools
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime

import requests

from benchmarks import judging, stage
from benchmarks.watching import LIE_SECONDS, ROW, Report, Watch, data_of, unlogged
from benchmarks.weather import Weather
from tests.serving import Node, Visitor, WorkerNode
from voicedash.audit import log, proof
from voicedash.bandwidth.fake import Fake
from voicedash.calls.incidents.models import Incident
from voicedash.calls.models import Attempt, Bulk, Call, Command
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Membership, Reason, Role, Tenant, User

# Chance of each fault at a PUT: about a third of them meet one. A "delay" of up to 6 s may take effect after its
# attempt was given up.
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
LATE = {"late": 0.04}
LATEST = 24.0  # seconds from a request's arrival; it is in doubt until 25 s after its connection was closed


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
    late: bool = False,
    lease: int = 0,
    everyone: float = 0.0,
    weather: Weather | None = None,
    workers: bool = False,
) -> Report:
    """Presses at random until `presses` were made, then waits for calm, and counts. `scale` is the nodes'.

    `lease`: after so many seconds every pause ends by itself; 0: only a person ends it. `late`: some requests without
    an answer take effect long after they were given up. `everyone`: every so many seconds somebody pauses or resumes
    all calls at once; 0: never. `workers`: there are some, and see to incidents.
    """
    tenant_id = calls[0].tenant_id
    Reason.objects.filter(tenant=tenant_id).update(lease=lease or None)
    verbs = ["pause", "pause", "resume", *(["renew"] if lease else [])]
    fake.storm_seconds = 6.0 * scale
    fake.storm(RATES | (LATE if late else {}), seed=seed, late_seconds=LATEST * scale)
    watch = Watch(fake, {call.pk: call.call_id for call in calls}, LIE_SECONDS * max(scale, 0.5))
    stop = threading.Event()
    sampler = threading.Thread(target=watch.all_through, args=(watcher, stop))
    sampler.start()
    began = time.monotonic()
    outcomes: Counter[str] = Counter()
    untrue = 0
    over = threading.Event()
    with weather or ExitStack(), ThreadPoolExecutor(len(people) + 1) as pool:
        all_at_once = pool.submit(_on_everyone, nodes, people[0], everyone * scale, seed, over) if everyone else None
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
                verbs,
            )
            for n, person in enumerate(people)
        ]
        for counted, false in (one.result() for one in pressing):
            outcomes += counted
            untrue += false
        over.set()
        outcomes += all_at_once.result() if all_at_once else Counter()
    seconds = time.monotonic() - began
    fake.storm(None)
    stop.set()
    sampler.join()
    _until_calm(watch, watcher, 60 * scale)
    final = watch.look(watcher)
    wrong = [
        f"call {pk}: {row}"
        for pk, row in final.items()
        if row["recording"] in {"paused", "recording"} and fake.call(watch.call_ids[pk]).recorder != row["recording"]
    ]
    return Report(
        presses=presses,
        seconds=seconds,
        outcomes=outcomes,
        answers_untrue=untrue,
        puts=len(fake.puts),
        late=sum(put.fault == "late" for put in fake.puts),
        asked_again=Command.objects.exclude(source=Command.Source.PERSON).count(),
        unreadable=Attempt.objects.filter(result="unknown").count(),
        unlogged=unlogged(fake),
        in_flight=Command.objects.exclude(state=Command.State.CLOSED).count(),
        watch=watch,
        still_unconfirmed=sum(row["recording"] == "unconfirmed" for row in final.values()),
        wrong_at_the_end=wrong,
        chain=proof.fault_in(log.of_tenant(tenant_id)),
        ended=Command.objects.filter(source=Command.Source.TIMER, outcome="acknowledged").count(),
        outlived=[f"call {pk}: {row}" for pk, row in final.items() if _has_outlived(row, 2 * scale)],
        unfit=judging.unfit_incidents(workers=workers),
        incidents=Incident.objects.count(),
        weather=f"{weather.killed} kill -9, {weather.stopped} times suspended for {weather.stop_for:.0f} s"
        if weather
        else "",
    )


def _one_person(
    node: Node,
    visitor: Visitor,
    fake: Fake,
    calls: list[Call],
    presses: int,
    dice: random.Random,
    scale: float,
    verbs: list[str],
) -> tuple[Counter[str], int]:
    outcomes: Counter[str] = Counter()
    untrue = 0
    for _ in range(presses):
        call = dice.choice(calls)
        verb = dice.choice(verbs)
        began = time.monotonic()
        outcome = _pressed(node, visitor, call, verb)
        outcomes[f"{verb} {outcome}"] += 1
        if verb == "pause" and outcome == "acknowledged":
            untrue += not _was_paused(fake, call.call_id, began, time.monotonic())
        time.sleep(dice.uniform(0, 0.3) * scale)
    return outcomes, untrue


def _on_everyone(nodes: list[Node], person: User, every: float, seed: int, over: threading.Event) -> Counter[str]:
    """Pauses and resumes all calls by turns, now here and now there."""
    dice, outcomes = random.Random(seed), Counter[str]()
    visitor = nodes[0].browser_of(person)
    verbs = itertools.cycle(["pause-all", "resume-all"])
    while not over.wait(every):
        node, verb = dice.choice(nodes), next(verbs)
        if not node.url:
            continue
        visitor.url = node.url
        try:
            outcomes[f"{verb} HTTP {visitor.post(f'/t/acme/{verb}/', data={'sure': '1'}).status_code}"] += 1
        except requests.RequestException:
            outcomes[f"{verb} no answer"] += 1
    return outcomes


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
        at_work = Bulk.objects.filter(finished_at=None).exists()
        if (
            rows
            and not at_work
            and not any(row["asking"] or "doubt-until" in row or _has_outlived(row) for row in rows.values())
        ):
            return
        time.sleep(0.1)


def _has_outlived(row: dict[str, str], seconds: float = 0.0) -> bool:
    """Its pause ended so long ago, and it has not been resumed."""
    ends = row.get("lease-ends")
    return bool(ends) and (database_time() - datetime.fromisoformat(str(ends))).total_seconds() > seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=500)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--lease", type=int, default=0, help="seconds after which every pause ends by itself")
    parser.add_argument("--everyone", type=float, default=0, help="seconds between two presses on all calls at once")
    parser.add_argument("--late", action="store_true", help="some requests take effect long after they were given up")
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
        workers = [
            running.enter_context(WorkerNode(voice_url=fake.voice_url, token_url=fake.token_url))
            for _ in range(options.workers)
        ]
        weather = None
        if options.kill or options.stop:
            weather = Weather([*nodes, *workers], options.kill, options.stop, seed=options.seed)
        report = run(
            nodes,
            fake,
            people,
            watched.browser_of(cast.vic),
            calls,
            presses=options.presses,
            seed=options.seed,
            late=options.late,
            lease=options.lease,
            everyone=options.everyone,
            weather=weather,
            workers=bool(workers),
        )
    print(
        f"{options.users} users, {options.calls} calls, {options.nodes} web processes, {options.workers} workers, "
        f"seed {options.seed}; {stage.machine()}"
    )
    print("\n".join(report.lines()))
    print("HOLDS" if report.holds else "DOES NOT HOLD")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())

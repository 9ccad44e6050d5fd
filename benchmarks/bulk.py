"""What pausing 100 calls at once costs, against one press through the same dashboard, upstream 100 ms.

From the press to the last acknowledgement, as it stands in the database; pauses and resumes of all in turn, and single
presses between them, through a real web process. The stand-in is at work in a process of its own.
Run: `python -m benchmarks.bulk` (TEST_DATABASE_URL for PostgreSQL, `--calls 100`, `--rounds 10`).
"""

import argparse
import sys
import time
from contextlib import ExitStack

from benchmarks import stage
from benchmarks.press import Desks, Row, presses
from benchmarks.standin import StandIn
from tests import cast as people
from tests.serving import Node, Visitor
from voicedash.calls.models import Bulk, Call, Command

LATENCY = 0.1  # seconds of the stand-in
BAR = 5.0


def everyone(visitor: Visitor, verb: str, number: int) -> tuple[float, float]:
    """Milliseconds from the press until the last call was acknowledged, and until its answer came."""
    newest = Bulk.objects.order_by("-id").first()
    began = time.time()
    answer = visitor.post(f"/t/acme/{verb}-all/", data={"sure": "1", "team": "Support"})
    answered = time.time()
    assert answer.status_code == 202, answer.text
    while True:
        bulk = Bulk.objects.filter(pk__gt=newest.pk if newest else 0, finished_at__isnull=False).first()
        if bulk:
            break
        assert time.time() < began + 60, "it did not end"
        time.sleep(0.02)
    done = Command.objects.filter(items__bulk=bulk, outcome="acknowledged").order_by("closed_at")
    closed = [at.timestamp() for at in done.values_list("closed_at", flat=True) if at]
    assert len(closed) == number, f"{len(closed)} of {number} acknowledged"
    return (closed[-1] - began) * 1000, (answered - began) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=10, help="of a pause and a resume of all")
    options = parser.parse_args()
    stage.database()
    cast = people.assemble()
    account = cast.acme_account
    with StandIn([account.account_id], calls=options.calls + 1, latency=LATENCY) as stand_in, ExitStack() as up:
        made = [
            Call.objects.create(
                tenant=cast.acme,
                account=account,
                call_id=call_id,
                state="answered",
                added_at=account.created,
                team="Support" if number else "",
            )
            for number, call_id in enumerate(stand_in.call_ids[account.account_id])
        ]
        node = up.enter_context(Node(voice_url=stand_in.voice_url, token_url=stand_in.token_url))
        visitor = node.browser_of(cast.ana)
        desks = Desks()
        desks.free.put(visitor)
        single = presses(desks, made[:1], "acme")
        for number in range(10):
            single(number)
        all_took: list[float] = []
        answers: list[float] = []
        one_took: list[float] = []
        for turn in range(options.rounds * 2 + 2):
            took, answered = everyone(visitor, "resume" if turn % 2 else "pause", options.calls)
            if turn >= 2:  # the first of each warm up
                all_took.append(took)
                answers.append(answered)
            for number in range(10):
                began = time.perf_counter()
                single(number)
                one_took.append((time.perf_counter() - began) * 1000)
    print(f"pause or resume of {options.calls} calls at once, upstream {LATENCY * 1000:.0f} ms; {stage.machine()}")
    row = Row(f"all {options.calls} acknowledged, against one press", all_took, one_took, BAR)
    print(row)
    print(f"the answer to the press on all: median {sorted(answers)[len(answers) // 2]:.0f} ms")
    return 0 if row.holds else 1


if __name__ == "__main__":
    sys.exit(main())

"""The stand-in for Bandwidth in a process of its own, so that its threads do not slow the one that measures.

Its token endpoint takes as long as its API does: both are as far away.
"""

import json
import multiprocessing
import time
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Self

from voicedash.bandwidth.fake import Fake
from voicedash.bandwidth.fake.faults import delaying
from voicedash.bandwidth.fake.traffic import add_past
from voicedash.bandwidth.fake.world import now

_spawn = multiprocessing.get_context("spawn")


class StandIn:
    """Accounts `account_ids`, each with the client id and secret of the tests' cast and `calls` answered calls.

    They began within the last `spread` seconds; `past` calls of the last day are over. `lag`: of what GET tells.
    """

    def __init__(
        self,
        account_ids: list[str],
        *,
        calls: int,
        latency: float,
        spread: float = 0.0,
        past: int = 0,
        lag: float = 0.0,
    ) -> None:
        self._ours, theirs = _spawn.Pipe()
        world = (account_ids, calls, spread, past)
        self._process = _spawn.Process(target=_run, args=(theirs, world, latency, lag), daemon=True)
        self.voice_url = self.token_url = ""
        self.call_ids: dict[str, list[str]] = {}

    def __enter__(self) -> Self:
        self._process.start()
        self.voice_url, self.token_url, self.call_ids = self._ours.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def hold(self, account_id: str) -> None:
        """Lets no PUT on this account have an answer until it is released."""
        self._told("hold", account_id)

    def begin(self, account_id: str) -> str:
        """A call begins to ring now; gives its id."""
        return self._told("begin", account_id)

    def end(self, call_id: str) -> None:
        self._told("end", call_id)

    def asked(self, account_id: str) -> int:
        """How many requests for calls came since this was asked last."""
        return int(self._told("asked", account_id))

    def puts(self) -> list[tuple[float, str, str]]:
        """Every PUT on a recording: when it came (seconds of the epoch), of which call, and the state it asked for."""
        return [(at, call_id, state) for at, call_id, state in json.loads(self._told("puts", ""))]

    def release(self, account_id: str) -> None:
        self._told("release", account_id)

    def _told(self, *words: str) -> str:
        self._ours.send(words)
        return str(self._ours.recv())


def _run(pipe: Connection, world: tuple[list[str], int, float, int], latency: float, lag: float) -> None:
    account_ids, calls, spread, past = world
    with Fake(latency=latency) as fake:
        fake.lag = lag
        fake.token_fault(delaying(latency))
        made: dict[str, list[str]] = {}
        for account_id in account_ids:
            fake.add_account(account_id, client_id=f"CLI-{account_id}", secret=f"secret-{account_id}")
            add_past(fake, account_id, past, seconds=24 * 3600.0)
            starts = [now() - timedelta(seconds=spread * number / calls) for number in range(calls)]
            made[account_id] = [fake.add_call(account_id, state="answered", start=start).call_id for start in starts]
        pipe.send((fake.voice_url, fake.token_url, made))
        while True:
            pipe.send(_obey(fake, *pipe.recv()))


def _obey(fake: Fake, word: str, about: str) -> str:
    match word:
        case "hold":
            fake.hold(about, on="put")
        case "release":
            fake.release(about)
        case "begin":
            return fake.add_call(about, state="initiated").call_id
        case "end":
            fake.call(about).hang_up()
        case "puts":
            since = time.time() - time.monotonic()
            return json.dumps([(since + put.at, put.call_id, put.state) for put in fake.puts])
        case "asked":
            asked = sum(request.kind in ("list", "get") for request in fake.requests)
            fake.clear_requests()
            return str(asked)
    return "done"

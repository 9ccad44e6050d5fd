"""The stand-in for Bandwidth in a process of its own, so that its threads do not slow the one that measures.

Its token endpoint takes as long as its API does: both are as far away.
"""

import multiprocessing
from multiprocessing.connection import Connection
from typing import Self

from voicedash.bandwidth.fake import Fake
from voicedash.bandwidth.fake.faults import delaying

_spawn = multiprocessing.get_context("spawn")


class StandIn:
    """Accounts `account_ids`, each with the client id and secret of the tests' cast and `calls` answered calls."""

    def __init__(self, account_ids: list[str], *, calls: int, latency: float) -> None:
        self._ours, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_run, args=(theirs, account_ids, calls, latency), daemon=True)
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

    def release(self, account_id: str) -> None:
        self._told("release", account_id)

    def _told(self, *words: str) -> None:
        self._ours.send(words)
        self._ours.recv()


def _run(pipe: Connection, account_ids: list[str], calls: int, latency: float) -> None:
    with Fake(latency=latency) as fake:
        fake.token_fault(delaying(latency))
        made: dict[str, list[str]] = {}
        for account_id in account_ids:
            fake.add_account(account_id, client_id=f"CLI-{account_id}", secret=f"secret-{account_id}")
            made[account_id] = [fake.add_call(account_id, state="answered").call_id for _ in range(calls)]
        pipe.send((fake.voice_url, fake.token_url, made))
        while True:
            word, account_id = pipe.recv()
            if word == "hold":
                fake.hold(account_id, on="put")
            else:
                fake.release(account_id)
            pipe.send("done")

"""Bad weather for web processes and workers: killed as by a power cut, suspended as by a sleeping host, begun anew."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.serving import Node, WorkerNode


@dataclass
class Weather:
    """Kills one of them every `kill_every` seconds, and now and then suspends one for `stop_for`, until it is over."""

    nodes: Sequence[Node | WorkerNode]
    kill_every: float = 0.0  # seconds; 0: never
    stop_every: float = 0.0
    stop_for: float = 20.0
    seed: int = 1
    killed: int = 0
    stopped: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Weather":
        for every, strike in ((self.kill_every, self._kill), (self.stop_every, self._suspend)):
            if every:
                self._threads.append(threading.Thread(target=self._blow, args=(every, strike)))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _blow(self, every: float, strike: Callable[[Node | WorkerNode], None]) -> None:
        dice = random.Random(self.seed)
        due = time.monotonic() + every
        while not self._over.wait(max(0.0, due - time.monotonic())):
            strike(dice.choice(self.nodes))
            due += every

    def _kill(self, node: Node | WorkerNode) -> None:
        node.kill()
        self.killed += 1
        node.__enter__()  # as a supervisor of processes would, at a new port

    def _suspend(self, node: Node | WorkerNode) -> None:
        process = node.process  # a kill in between ends this one, and what starts after it must not be woken
        node.suspend()
        self.stopped += 1
        self._over.wait(self.stop_for)
        if process is node.process:
            node.wake()

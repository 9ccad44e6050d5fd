"""The demo's processes: started apart from the terminal, so that one Ctrl-C stops them in order."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from voicedash.demo.surroundings import HOUSE, Trouble

PATIENCE = 11.0  # seconds until a process that was asked to end is ended: the server ends its own within nine


class Child:
    """One process of ours. Its errors go to the terminal, its output to `say` (nowhere without one).

    `inherits`: descriptors of ours that it gets under the same numbers.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        environment: Mapping[str, str],
        say: Callable[[str], None] | None = None,
        *,
        inherits: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=HOUSE,
            env=dict(environment),
            # Held open and never written to: a child that reads it learns when we are gone.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if say else subprocess.DEVNULL,
            text=True,
            pass_fds=inherits,
            start_new_session=True,
        )
        if say:
            threading.Thread(target=self._relay, args=(say,), daemon=True).start()

    def check(self) -> None:
        """Raises Trouble when the process has ended."""
        code = self.process.poll()
        if code is not None:
            how = f"with status {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
            raise Trouble(f"The {self.name} ended {how}: see above.")

    def stop(self) -> None:
        """Ends the process and whatever it started; at most PATIENCE seconds and a little."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def _relay(self, say: Callable[[str], None]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            say(line.rstrip("\n"))


def wait_for(condition: Callable[[], bool], *, alive: list[Child], seconds: float, what: str) -> None:
    """Waits until `condition`. Raises Trouble when a child of `alive` ends, or after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        for child in alive:
            child.check()
        if time.monotonic() > deadline:
            raise Trouble(f"{what} did not come within {seconds:.0f} seconds.")
        time.sleep(0.05)

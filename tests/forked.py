"""Processes of Python for tests: real ones with ids of their own, without each importing a hundred libraries anew.

A server that has `tests.preloaded` in its memory forks them. They read settings and load voicedash by themselves, as
any process does; that takes a third of the time. Looks like the part of `subprocess.Popen` that tests use.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.reduction import DupFd
from typing import Any

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["tests.preloaded"])


class Forked:
    """`python -m MODULE ARGUMENTS`, whose words on both of its outputs come through `stdout`."""

    def __init__(self, module: str, arguments: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> None:
        reading, writing = os.pipe()
        self.stdout = open(reading, encoding="utf-8", errors="replace")  # noqa: SIM115  closed with the process
        self._process = _forking.Process(
            target=_run, args=(module, list(arguments), cwd, dict(env), _Passed(writing)), daemon=True
        )
        self._process.start()
        os.close(writing)
        self.pid = int(self._process.pid or 0)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its status, once it has ended; raises TimeoutExpired."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Passed:
    """A descriptor that goes to the process with its arguments."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (DupFd(self.number),)


def _received(passed: Any) -> int:
    return int(passed.detach())


def _run(module: str, arguments: list[str], cwd: str, env: dict[str, str], out: int) -> None:
    """In the new process: what `python -m` finds, and the module."""
    for number in (1, 2):
        os.dup2(out, number)
    os.close(out)
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[0] = cwd
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)

"""Processes of Python for tests: real ones with ids of their own, without each importing a thousand modules anew.

A server that has `tests.preloaded` in its memory forks them. Each forgets what settings were read there and reads its
own, as any process does; that takes a tenth of the time of a start. Looks like the part of `subprocess` that tests use.
How a machine starts each program is tested with `subprocess` itself.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait as wait_for
from multiprocessing.reduction import DupFd
from typing import Any, TextIO

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["tests.preloaded"])
# Whoever asks first how a process ended takes the answer out of its pipe: two threads must not ask at once.
_one_asks = threading.Lock()


class Forked:
    """`python ARGUMENTS`, which are `-m MODULE …`, `-c CODE …` or `FILE …`.

    What it writes on either output comes through `stdout`; its errors through `stderr` where they are to be `apart`,
    or into the file that is given for them.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: str | os.PathLike[str],
        env: Mapping[str, str],
        apart: bool = False,
        errors: TextIO | None = None,
    ) -> None:
        self.stdout, out = _pipe()
        self.stderr: TextIO | None = None
        if apart:
            self.stderr, err = _pipe()
        else:
            err = os.dup(errors.fileno()) if errors else os.dup(out)
        passed = (_Passed(out), _Passed(err))
        self._process = _forking.Process(
            target=_run, args=(list(arguments), os.fspath(cwd), dict(env), *passed), daemon=True
        )
        with _one_asks:
            self._process.start()
        os.close(out)
        os.close(err)
        self.pid = int(self._process.pid or 0)

    @property
    def returncode(self) -> int | None:
        with _one_asks:
            return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its status, once it has ended; raises TimeoutExpired."""
        wait_for([self._process.sentinel], timeout)
        status = self.returncode
        if status is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return status

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it still says until it ends, on its output and on its errors. Raises TimeoutExpired."""
        said = ["", ""]

        def read(place: int, source: TextIO) -> None:
            with source:
                said[place] = source.read()

        sources = [source for source in (self.stdout, self.stderr) if source and not source.closed]
        readers = [
            threading.Thread(target=read, args=(place, source), daemon=True) for place, source in enumerate(sources)
        ]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return said[0], said[1]

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    arguments: Sequence[str], *, cwd: str | os.PathLike[str], env: Mapping[str, str], timeout: float = 180.0
) -> "subprocess.CompletedProcess[str]":
    """The same to its end, with what it said. Raises TimeoutExpired; then it is ended."""
    process = Forked(arguments, cwd=cwd, env=env, apart=True)
    try:
        out, errors = process.communicate(timeout)
        return subprocess.CompletedProcess(list(arguments), process.wait(), out, errors)
    finally:
        process.kill()


def _pipe() -> tuple[TextIO, int]:
    reading, writing = os.pipe()
    return open(reading, encoding="utf-8", errors="replace"), writing


class _Passed:
    """A descriptor that goes to the process with its arguments."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (DupFd(self.number),)


def _received(passed: Any) -> int:
    return int(passed.detach())


def _run(arguments: list[str], cwd: str, env: dict[str, str], out: int, err: int) -> None:
    """In the new process: what `python` finds at its start, and what it was told to run."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[0] = cwd
    sys.modules["tests.preloaded"].forget_settings()
    try:
        _go(arguments)
    except SystemExit:
        raise
    except BaseException:
        sys.excepthook(*sys.exc_info())  # which voicedash may have replaced
        sys.exit(1)


def _go(arguments: list[str]) -> None:
    kind, *rest = arguments
    if kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = list(arguments)
        runpy.run_path(kind, run_name="__main__")

"""Web server and worker under one roof: each a process of its own, started again when it dies, ended with this one."""

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from voicedash.live.child import HOUSE

logger = logging.getLogger(__name__)

STARTS = 60.0  # seconds in which a part that says when it is ready has to
PATIENCE = 9.0  # seconds in which a part that was told to end has to: the web gives its requests five
FIRST, LONGEST = 0.5, 15.0  # seconds before a part is started again; doubled each time
LASTING = 30.0  # seconds after which a part that lived is started as if for the first time


@dataclass
class Part:
    """A command of manage.py in a process of its own.

    `ready_option`: the option that names a descriptor to it, to write to once it serves; none: it does not tell.
    """

    name: str
    command: Sequence[str]
    ready_option: str = ""
    inherits: Sequence[int] = ()
    process: "subprocess.Popen[bytes] | None" = None
    ready: int | None = None  # where it writes that it serves; None once it has
    began: float = 0.0
    due: float = 0.0  # when it is to be started
    wait: float = field(default=FIRST)

    def start(self) -> None:
        """Raises OSError where there is no room for another process."""
        command = [sys.executable, "-P", "-m", "voicedash.live.child", *self.command]
        inherits = list(self.inherits)
        told = None
        if self.ready_option:
            self.ready, told = os.pipe()
            inherits.append(told)
            command += [self.ready_option, str(told)]
        path = os.pathsep.join([str(HOUSE), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.began = time.monotonic()
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # held, so that it learns when we are gone
                env=os.environ | {"PYTHONPATH": path},
                pass_fds=inherits,
                start_new_session=True,  # Ctrl-C in a terminal is for us: we end them in order
            )
        except OSError:
            self.heard()
            raise
        finally:
            if told is not None:
                os.close(told)

    def heard(self) -> None:
        """There is nothing more to hear from it."""
        if self.ready is not None:
            os.close(self.ready)
            self.ready = None

    def ended(self) -> str:
        """How it ended, "" while it runs."""
        code = self.process.poll() if self.process else None
        if code is None:
            return ""
        return f"with status {code}" if code >= 0 else f"by {signal.Signals(-code).name}"

    def let_go(self) -> None:
        """Forgets a process that has ended."""
        self.heard()
        if self.process and self.process.stdin:
            self.process.stdin.close()
        self.process = None


class Supervisor:
    """Keeps `parts` alive until this process is told to end."""

    def __init__(self, parts: Iterable[Part], *, on_ready: Callable[[], None]) -> None:
        self.parts = list(parts)
        self.on_ready = on_ready
        self._told_ready = False
        self._stopping = False
        self._selector = selectors.DefaultSelector()

    def run(self, listener: socket.socket) -> None:
        """Returns when SIGTERM or SIGINT came and every part has ended. `listener` is closed first."""
        # Bytes arrive here for every signal, so that one wait serves children, signals and times alike.
        heard, woken = socket.socketpair()
        with heard, woken, self._selector:
            for end in (heard, woken):
                end.setblocking(False)
            self._selector.register(heard, selectors.EVENT_READ)
            before = signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._stop)
            signal.signal(signal.SIGCHLD, lambda *_: None)
            try:
                while not self._stopping:
                    self._look()
                    self._wait(heard)
                listener.close()
                self._end(heard)
            finally:
                signal.set_wakeup_fd(before)
                for part in self.parts:
                    if part.process and part.process.poll() is None:
                        part.process.kill()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _look(self) -> None:
        now = time.monotonic()
        for part in self.parts:
            if part.process is None:
                if now >= part.due:
                    self._start(part)
            elif how := part.ended():
                self._again(part, f"ended {how}")
            elif part.ready is not None and now >= part.began + STARTS:
                part.process.kill()
                part.process.wait()
                self._again(part, f"did not serve within {STARTS:.0f} s, and was ended")

    def _start(self, part: Part) -> None:
        try:
            part.start()
        except OSError as error:
            self._again(part, f"could not be started ({error.strerror})")
        else:
            if part.ready is not None:
                self._selector.register(part.ready, selectors.EVENT_READ, part)

    def _again(self, part: Part, what: str) -> None:
        self._deafen(part)
        part.let_go()
        now = time.monotonic()
        if now - part.began >= LASTING:
            part.wait = FIRST
        part.due = now + part.wait
        logger.error("The %s %s: it is started again in %.1f s", part.name, what, part.wait)
        part.wait = min(part.wait * 2, LONGEST)

    def _deafen(self, part: Part) -> None:
        if part.ready is not None:
            with suppress(KeyError):
                self._selector.unregister(part.ready)

    def _wait(self, heard: socket.socket, until: float | None = None) -> None:
        """Until a signal, a word of a part, or the next time at which something is due."""
        times = [part.due for part in self.parts if part.process is None]
        times += [part.began + STARTS for part in self.parts if part.ready is not None]
        times += [until] if until is not None else []
        timeout = max(0.0, min(times) - time.monotonic()) if times else None
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                with suppress(BlockingIOError):
                    heard.recv(4096)
            else:
                self._hear(key.data)

    def _hear(self, part: Part) -> None:
        assert part.ready is not None
        serves = os.read(part.ready, 1) != b""
        self._deafen(part)
        part.heard()
        if serves and not self._told_ready:
            self._told_ready = True
            self.on_ready()

    def _end(self, heard: socket.socket) -> None:
        for part in self.parts:
            self._deafen(part)
            part.heard()
            if part.process:
                part.process.terminate()
        until = time.monotonic() + PATIENCE
        while running := [part for part in self.parts if part.process and part.process.poll() is None]:
            if time.monotonic() >= until:
                for part in running:
                    assert part.process
                    logger.error("The %s did not end within %.0f s, and was killed", part.name, PATIENCE)
                    part.process.kill()
                    part.process.wait()
                break
            self._wait_for_end(heard, until)

    def _wait_for_end(self, heard: socket.socket, until: float) -> None:
        if self._selector.select(max(0.0, until - time.monotonic())):
            with suppress(BlockingIOError):
                heard.recv(4096)

"""One HTTP request under one deadline: name look-up, token, connect, send and answer included.

A plain timeout of requests restarts with every byte and does not cover the name look-up, and a
request that was given up can still be sent once the look-up returns. So each request runs in a
thread of its own, and its connection passes a gate, under a lock, before its first byte: at the
deadline the gate closes, and what has not passed it can no longer be sent.
"""

import contextvars
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as broken
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from voicedash.bandwidth.errors import BandwidthError, NeverReached, OutcomeUnknown

T = TypeVar("T")
_current = threading.local()  # the gate of the request that this thread is making


class GateClosed(Exception):
    """The deadline passed before the first byte: nothing was sent."""


@dataclass
class Gate:
    """Decides, once and for all, whether the request it guards has left."""

    deadline: float  # time.monotonic()
    sent: bool = False
    _closed: bool = False
    _socket: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pass_through(self, connected: Any) -> None:
        """Called with the connected socket before each write; raises GateClosed from the deadline on."""
        with self._lock:
            if not self.sent and (self._closed or time.monotonic() >= self.deadline):
                self._closed = True
                raise GateClosed
            if not self.sent:
                self.sent, self._socket = True, connected

    def close(self) -> bool:
        """Gives the request up; True when it had left, and may have been done."""
        with self._lock:
            self._closed = True
            if self._socket is not None:
                try:
                    # Wakes the thread that reads. The plain socket's own shutdown: that of an SSLSocket first
                    # forgets its encryption, and a write in that moment would go out in the clear.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                except OSError:
                    pass
            return self.sent

    def let_go(self) -> bool:
        """The answer is whole, and the connection may serve another request; False: it has been shut."""
        with self._lock:
            self._socket = None
            return not self._closed

    def left(self) -> float:
        return max(0.001, self.deadline - time.monotonic())


class _Gated:
    """Mixed into urllib3's connections: what they send passes the gate of the running request."""

    def send(self, data: Any) -> None:
        if getattr(self, "sock", None) is None:
            self.connect()  # type: ignore[attr-defined]
        _current.gate.pass_through(self.sock)  # type: ignore[attr-defined]
        super().send(data)  # type: ignore[misc]


class _GatedHTTP(_Gated, HTTPConnection):
    pass


class _GatedHTTPS(_Gated, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _GatedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _GatedHTTPS


class _Adapter(HTTPAdapter):
    """Pooled connections, shared by all threads; no retries (urllib3's would repeat a PUT unseen)."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


_adapter: _Adapter | None = None
_making = threading.Lock()


def _pool() -> _Adapter:
    """The process's one pool, made at first use: a fork must not share its sockets."""
    global _adapter
    with _making:
        if _adapter is None:
            _adapter = _Adapter(pool_connections=32, pool_maxsize=64, max_retries=0)
        return _adapter


@dataclass(frozen=True)
class Response:
    """An answer that was read: status, lower-case headers, body."""

    status: int
    headers: dict[str, str]
    body: bytes


def exchange(request: requests.Request, gate: Gate, *, most: int = 64 * 1024) -> Response:
    """Sends `request` in this thread, within `gate`, and reads at most `most` bytes of its answer.

    The adapter is used without a Session: so there are no redirects, no cookies, no proxies or
    netrc of the environment. Raises NeverReached or OutcomeUnknown; any answer whose status line
    was read is returned, a 4xx even where its body broke off.
    """
    _current.gate = gate
    request.headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "voicedash",
        **(request.headers or {}),
    }
    try:
        answer = _pool().send(request.prepare(), stream=True, timeout=(gate.left(), gate.left()), verify=True)
    except GateClosed:
        raise NeverReached("the deadline passed before anything was sent") from None
    except (requests.RequestException, broken.HTTPError, OSError, ValueError) as error:
        if gate.sent:
            raise OutcomeUnknown(f"no answer: {_told(error)}") from None
        raise NeverReached(f"not sent: {_told(error)}") from None
    # urllib3 would give the connection back in the middle of the last read, while our gate can still shut it:
    # so it is ours until the answer is whole.
    connection: Any = answer.raw._connection
    answer.raw._connection = None
    try:
        if answer.status_code < 200:  # the real answer is still to come, and must not be read as another's
            raise OutcomeUnknown(f"only an interim {answer.status_code} came", status=answer.status_code)
        body = b""
        # Only the read that finds nothing more tells whether the body was whole.
        while len(body) <= most and (part := answer.raw.read(most + 1 - len(body))):
            body += part
        wrong = f"with more than {most} bytes" if len(body) > most else ""
    except (broken.HTTPError, OSError, ValueError) as error:
        wrong = f"then its body broke off: {_told(error)}"
    except OutcomeUnknown:
        connection.close()
        raise
    if gate.let_go() and not wrong:
        answer.raw._connection = connection
        answer.raw.release_conn()
    else:
        connection.close()
    if wrong:
        if not 400 <= answer.status_code < 500:
            raise OutcomeUnknown(f"{answer.status_code}, {wrong}", status=answer.status_code)
        body = b""
    return Response(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body)


def within(deadline: float, work: Callable[[Gate], T]) -> T:
    """Runs `work` in a thread of its own and waits for it until `deadline` (time.monotonic()).

    The deadline is a moment, not a length: a process that was suspended before it got here must
    find its time used up.

    Given up, it raises NeverReached where nothing had left (and now nothing can), OutcomeUnknown
    where something had. `work` is given the gate that its request passes.
    """
    gate = Gate(deadline)
    done = threading.Event()
    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work(gate))
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    here = contextvars.copy_context()  # what the thread logs belongs to the request that asked
    try:
        threading.Thread(target=here.run, args=(run,), name="bandwidth-request", daemon=True).start()
    except RuntimeError as error:
        raise NeverReached(f"not sent: {error}") from None
    if not done.wait(max(0.0, deadline - time.monotonic())):
        if gate.close():
            raise OutcomeUnknown("no whole answer in time")
        raise NeverReached("not sent in time")
    if not failure:
        return result[0]
    if isinstance(failure[0], BandwidthError):
        raise failure[0]
    # A fault of our own after the first byte must not pass for "nothing was sent".
    raise (OutcomeUnknown if gate.sent else NeverReached)(f"failed: {_told(failure[0])}") from failure[0]


def _told(error: BaseException) -> str:
    """The kind of a network error and the system's words for it, without URLs or headers."""
    cause: BaseException = error
    if isinstance(error, requests.RequestException) and error.args and isinstance(error.args[0], BaseException):
        cause = error.args[0]
    reason = getattr(cause, "reason", None)
    if isinstance(reason, BaseException):
        cause = reason
    told = (cause, *cause.args, cause.__cause__)
    words = next((one.strerror for one in told if isinstance(one, OSError) and one.strerror), "")
    return type(cause).__name__ + (f" ({words})" if words else "")

"""Bandwidth's callbacks as a load: a process of its own that posts events by challenge at a rate."""

import asyncio
import base64
import json
import multiprocessing
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

CONNECTIONS = 64
_spawn = multiprocessing.get_context("spawn")


@dataclass
class Posted:
    """What came of it: each callback's milliseconds from when it was due to its answer, and what went wrong."""

    took: list[float] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)  # numbers of the events that were answered 204
    wrong: list[str] = field(default_factory=list)
    cpu: float = 0.0
    seconds: float = 0.0


def event(number: int, account_id: str, behind: int) -> dict[str, Any]:
    """The events in turn: a call begins, and one that began `behind` calls ago ends."""
    beginning = number % 2 == 0
    call = number // 2 if beginning else number // 2 - behind
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {
        "eventType": "initiate" if beginning else "disconnect",
        "eventTime": now,
        "accountId": account_id,
        "applicationId": "7fc9698a-b04a-468b-9e8f-91238c0d0086",
        "from": "+19195550123",
        "to": f"+1919555{100 + call % 100:04}",
        "direction": "inbound",
        "callId": call_id(call),
        "callUrl": f"https://voice.bandwidth.com/api/v2/accounts/{account_id}/calls/{call_id(call)}",
        "startTime": now,
    }
    return told if beginning else told | {"endTime": now, "cause": "hangup"}


def call_id(number: int) -> str:
    """The id of the n-th call; those below 0 had begun before anybody listened."""
    return f"c-{'0' if number >= 0 else '1'}5ac29a2-1331029c-2cb0-4a07-b215-{abs(number):012}"


class Poster:
    """Posts `count` events at `rate` a second, in a process of its own. `start()`, then `result()`."""

    def __init__(self, url: str, username: str, password: str, **what: Any) -> None:
        self._ours, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_run, args=(theirs, url, username, password, what), daemon=True)
        self._process.start()
        self._ours.recv()  # its connections are open

    def start(self) -> None:
        self._ours.send("go")

    def result(self) -> Posted:
        """Waits for the last answer."""
        posted: Posted = self._ours.recv()
        self._process.join()
        return posted


def _run(pipe: Any, url: str, username: str, password: str, what: dict[str, Any]) -> None:
    asyncio.run(_post(pipe, url, username, password, **what))


async def _post(
    pipe: Any, url: str, username: str, password: str, *, account_id: str, count: int, rate: float, behind: int
) -> None:
    parts = urlsplit(url)
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    common = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    posted = Posted()
    due: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
    lines = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(CONNECTIONS)]

    async def keep_posting(line: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        reader, writer = line
        while True:
            number, at = await due.get()
            body = json.dumps(event(number, account_id, behind)).encode()
            length = f"Content-Length: {len(body)}\r\n"
            try:
                writer.write(f"{common}{length}\r\n".encode() + body)
                status = await _status(reader)
                if status == 401:
                    writer.write(f"{common}{length}Authorization: Basic {pair}\r\n\r\n".encode() + body)
                    status = await _status(reader)
                if status == 204:
                    posted.taken.append(number)
                else:
                    posted.wrong.append(f"HTTP {status}")
                posted.took.append((time.perf_counter() - at) * 1000)
            except (OSError, asyncio.IncompleteReadError) as error:
                posted.wrong.append(type(error).__name__)
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            due.task_done()

    workers = [asyncio.create_task(keep_posting(line)) for line in lines]
    pipe.send("ready")
    await asyncio.to_thread(pipe.recv)
    cpu, began = time.process_time(), time.perf_counter()
    for number in range(count):
        at = began + number / rate
        await asyncio.sleep(at - time.perf_counter())
        due.put_nowait((number, at))
    await due.join()
    posted.cpu, posted.seconds = time.process_time() - cpu, time.perf_counter() - began
    for worker in workers:
        worker.cancel()
    pipe.send(posted)


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    for header in head.lower().split(b"\r\n"):
        if header.startswith(b"content-length:"):
            await reader.readexactly(int(header.partition(b":")[2]))
    return int(head.split(None, 2)[1])

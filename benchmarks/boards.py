"""Browsers before open boards, as lean as they can be: sockets that note when an event of which version came."""

import asyncio
import os
import re
import secrets
import time
from bisect import bisect_left
from datetime import timedelta
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from benchmarks import stage
from tests import cast as people
from voicedash.calls.models import Call
from voicedash.tenants.models import BandwidthAccount, Membership, Role, Tenant, User

_EVENT = re.compile(rb"id: (\d+)\nevent: (changes|anew|stale|bye)\n")
_TAIL = 64  # bytes that may hold the beginning of an event's head


class Board(asyncio.Protocol):
    """One open board: the versions that it was brought to, when each came, and what else it was told."""

    def __init__(self, url: str, slug: str, session: str, since: int) -> None:
        self.slug = slug
        self.versions: list[int] = []
        self.times: list[float] = []
        self.other: list[str] = []
        self.lost = False
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tail = b""
        self._request = (
            f"GET /t/{slug}/live/?since={since} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
            f"Cookie: {settings.SESSION_COOKIE_NAME}={session}\r\n\r\n"
        ).encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self.open.done():
            if not data.startswith(b"HTTP/1.1 200"):
                self.open.set_exception(ConnectionError(data[:100].decode("latin1")))
                return
            self.open.set_result(None)
        text = self._tail + data
        last = 0
        for found in _EVENT.finditer(text):
            last = found.end()
            if found[2] == b"changes":
                self.versions.append(int(found[1]))
                self.times.append(now)
            else:
                self.other.append(found[2].decode())
        self._tail = text[max(last, len(text) - _TAIL) :]

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if not self.open.done():
            self.open.set_exception(ConnectionError("closed"))

    def reached(self, version: int) -> float | None:
        """When it showed this version, or a newer one; None where it never did."""
        at = bisect_left(self.versions, version)
        return self.times[at] if at < len(self.times) else None


async def open_all(places: list[tuple[str, str, str]], *, at_once: int = 50) -> list[Board]:
    """Opens a board for each (address of the node, tenant, session). Raises where one is refused."""
    loop = asyncio.get_running_loop()
    boards: list[Board] = []
    for first in range(0, len(places), at_once):
        made = []
        for url, slug, session in places[first : first + at_once]:
            parts = urlsplit(url)
            board = Board(url, slug, session, since=0)
            await loop.create_connection(lambda board=board: board, str(parts.hostname), parts.port or 80)  # type: ignore[misc]
            made.append(board)
        await asyncio.gather(*(board.open for board in made))
        boards += made
    return boards


def company(tenants: int, boards: int, calls: int) -> tuple[list[BandwidthAccount], list[tuple[str, str]]]:
    """So many tenants with `calls` live calls each, and a signed-in person for each of `boards`: (tenant, session)."""
    stage.database()
    accounts = []
    for number in range(tenants):
        of = people.tenant(f"tenant-{number}", f"Tenant {number}")
        accounts.append(people.account(of, f"{9_000_000 + number}"))
        for first in range(0, calls, 500):
            Call.objects.bulk_create(
                Call(
                    tenant=of,
                    account=accounts[-1],
                    call_id=f"c-{number:03}-{at:06}",
                    state="answered",
                    from_address="+19195550123",
                    to_address="+19195550100",
                    direction="inbound",
                    start_time=accounts[-1].created,
                    added_at=accounts[-1].created,
                )
                for at in range(first, min(first + 500, calls))
            )
    return accounts, signed_in([account.tenant for account in accounts], boards)


def signed_in(tenants: list[Tenant], number: int) -> list[tuple[str, str]]:
    users = User.objects.bulk_create(
        User(username=f"person-{at}", name=f"Person {at}", password="x") for at in range(number)
    )
    Membership.objects.bulk_create(
        Membership(tenant=tenants[at % len(tenants)], user=user, role=Role.SUPERVISOR if at % 5 else Role.VIEWER)
        for at, user in enumerate(users)
    )
    store = SessionStore()
    session = SessionStore.get_model_class()
    sessions = []
    for user in users:
        told = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        expires = timezone.now() + timedelta(hours=12)
        sessions.append(
            session(session_key=secrets.token_hex(16), session_data=store.encode(told), expire_date=expires)
        )
    session.objects.bulk_create(sessions)
    return [(tenants[at % len(tenants)].slug, one.session_key) for at, one in enumerate(sessions)]


def tree(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *(found for child in children for found in tree(int(child)))]


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process and its children have used."""
    ticks = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text("ascii").rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_of_all() -> float:
    """Seconds of CPU that everything on this machine has used."""
    fields = [int(field) for field in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:8]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> int:
    """Bytes that a process and its children hold."""
    return sum(int(Path(f"/proc/{one}/statm").read_text("ascii").split()[1]) for one in tree(pid)) * os.sysconf(
        "SC_PAGE_SIZE"
    )

"""A worker's loop in a thread of the tests' own process, for what no process has to die for; or one turn of a sync."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models.functions import Now

from tests.cast import Cast
from voicedash.bandwidth.fake import Fake, FakeCall
from voicedash.bandwidth.fake.traffic import add_past
from voicedash.calls.models import Sync
from voicedash.tenants.models import BandwidthAccount
from voicedash.worker import duties, sync
from voicedash.worker.loop import Loop
from voicedash.worker.models import Duty


@contextmanager
def running(loop: Loop) -> Iterator[Loop]:
    """The loop works until the block ends."""

    def work() -> None:
        try:
            loop.run(at_work=seen.set)
        finally:
            connections.close_all()

    seen = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert seen.wait(10)
        yield loop
    finally:
        loop.stop.set()
        thread.join(20)


@pytest.fixture
def loop(bandwidth: Fake) -> Iterator[Callable[[], Loop]]:
    """Starts loops; each is a worker."""
    with ExitStack() as all_of_them:
        yield lambda: all_of_them.enter_context(running(Loop()))


@pytest.fixture
def turn(cast: Cast, bandwidth: Fake) -> Callable[..., Sync]:
    """Follows an account for one cycle, in this thread; gives what is remembered of it."""

    def followed(account: BandwidthAccount | None = None, *, stop: bool = False) -> Sync:
        account = account or cast.acme_account
        name = f"{sync.PREFIX}{account.pk}"
        duties.make_known(name)
        Duty.objects.filter(pk=name).update(due_at=Now(), lease_until=None)
        told = threading.Event()
        if stop:
            told.set()
        sync.follow(account.pk, uuid4(), told)
        return Sync.objects.get(account=account)

    return followed


@pytest.fixture
def lists(bandwidth: Fake) -> Callable[[], list[tuple[datetime, datetime | None]]]:
    """From when to when was asked since the last time that this was asked."""
    seen = 0

    def windows() -> list[tuple[datetime, datetime | None]]:
        nonlocal seen
        asked = [request for request in bandwidth.requests if request.kind == "list"][seen:]
        seen += len(asked)
        queries = [parse_qs(urlsplit(request.path).query) for request in asked]
        return [(moment(query, "minStartTime"), moment(query, "maxStartTime")) for query in queries]  # type: ignore[misc]

    return windows


def moment(query: dict[str, list[str]], name: str) -> datetime | None:
    return datetime.fromisoformat(query[name][0]) if name in query else None


@pytest.fixture
def followed(bandwidth: Fake, turn: Callable[..., Sync]) -> Callable[..., tuple[FakeCall, ...]]:
    """An account that is followed, its past read, so busy that each list goes two minutes back."""

    def made(*calls: FakeCall) -> tuple[FakeCall, ...]:
        add_past(bandwidth, "9900001", sync.FEW + 1, seconds=600)
        for _ in range(4):
            turn()
        Sync.objects.update(deep_at=Now() + timedelta(hours=1))
        bandwidth.clear_requests()
        return calls

    return made

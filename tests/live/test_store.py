"""What waits to be written: in order, by tenant, and one that cannot be written takes nothing else along."""

import asyncio
import threading
import time
from typing import Any

import pytest
from django.db import DataError, OperationalError

from tests import looped
from voicedash.live.store import Limits, Store, TooLate

QUICK = Limits(gather=0.01, again=0.01)


class Database:
    """Takes what it is given, but for what it is told not to."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[str]]] = []
        self.away = 0
        self.slow = threading.Event()
        self.slow.set()

    def write(self, tenant_id: int, whats: list[str]) -> None:
        self.slow.wait(10)
        if self.away:
            self.away -= 1
            raise OperationalError("away")
        for bad, error in (("bad", DataError("no such text")), ("odd", KeyError("a fault of ours"))):
            if bad in whats:
                raise error
        self.batches.append((tenant_id, whats))

    @property
    def kept(self) -> list[str]:
        return [what for _, whats in self.batches for what in whats]


async def keep_all(store: Store[str], *whats: str, tenant: int = 1) -> list[Any]:
    return await asyncio.gather(*(store.keep(tenant, what, 1) for what in whats), return_exceptions=True)


def test_what_cannot_be_written_takes_nothing_else_along() -> None:
    database = Database()
    store = Store(database.write, QUICK)
    whats = [f"good {number}" for number in range(20)]
    told = looped.run(keep_all(store, *whats[:7], "bad", *whats[7:15], "odd", *whats[15:]))
    assert [type(one) for one in told if one is not None] == [DataError, KeyError]
    assert sorted(database.kept) == sorted(whats)
    assert store.held == 0 and not store.full


def test_a_database_that_is_away_is_tried_again() -> None:
    database = Database()
    database.away = 5
    assert looped.run(keep_all(Store(database.write, QUICK), "one", "two")) == [None, None]
    assert database.batches == [(1, ["one", "two"])]


def test_but_not_without_end() -> None:
    database = Database()
    database.away = 10**9
    began = time.monotonic()
    told = looped.run(keep_all(Store(database.write, Limits(gather=0.01, again=0.01, patience=0.2)), "one", "two"))
    assert [type(one) for one in told] == [TooLate, TooLate]
    assert 0.2 <= time.monotonic() - began < 5


def test_a_tenant_that_hangs_holds_up_no_other() -> None:
    database = Database()
    database.slow.clear()

    async def both() -> None:
        store = Store(database.write, QUICK)
        hanging = asyncio.ensure_future(store.keep(1, "hangs", 1))
        while not store._threads._threads:
            await asyncio.sleep(0.01)
        other: Store[str] = store
        waiting = asyncio.ensure_future(other.keep(2, "other", 1))
        await asyncio.sleep(0.05)
        assert not hanging.done() and not waiting.done()
        database.slow.set()
        await asyncio.gather(hanging, waiting)

    looped.run(both())
    assert sorted(database.batches) == [(1, ["hangs"]), (2, ["other"])]


def test_of_one_tenant_never_two_batches_are_written_at_once() -> None:
    running, most = 0, 0

    def write(tenant_id: int, whats: list[str]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.01)
        running -= 1

    store = Store(write, Limits(gather=0.001, at_once=3))
    looped.run(keep_all(store, *map(str, range(30))))
    assert most == 1


def test_whoever_leaves_meanwhile_has_it_written_all_the_same() -> None:
    database = Database()

    async def leave() -> None:
        store = Store(database.write, QUICK)
        asking = asyncio.ensure_future(store.keep(1, "left behind", 1))
        await asyncio.sleep(0)
        asking.cancel()
        await store.keep(1, "another", 1)
        assert store.held == 0

    looped.run(leave())
    assert sorted(database.kept) == ["another", "left behind"]


@pytest.mark.parametrize("limits", [Limits(waiting=2, gather=0.05), Limits(bytes=2, gather=0.05)])
def test_no_more_is_kept_than_there_is_room_for(limits: Limits) -> None:
    database = Database()

    async def fill() -> None:
        store = Store(database.write, limits)
        told = await keep_all(store, "one", "two", "three")
        assert [type(one).__name__ for one in told] == ["NoneType", "NoneType", "Full"]
        assert await keep_all(store, "four") == [None]

    looped.run(fill())
    assert sorted(database.kept) == ["four", "one", "two"]

"""Who may listen: asked of the database in batches, when a stream opens and again every minute."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from voicedash.tenants import access
from voicedash.tenants.access import Seat, Sight
from voicedash.tenants.board import release_connection

OF_A_USER = 8
IN_ALL = 4000


class Listeners:
    """Asks `tenants.access` for many streams at once, and counts who listens."""

    def __init__(self) -> None:
        self.of_user: Counter[int] = Counter()
        self._thread = ThreadPoolExecutor(1, "listeners")
        self._waiting: dict[Seat, asyncio.Future[Sight]] = {}
        self._asking: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        return self.of_user.total() >= IN_ALL

    def enter(self, user: int) -> bool:
        """Takes a place; False where there is none for this user."""
        if self.full or self.of_user[user] >= OF_A_USER:
            return False
        self.of_user[user] += 1
        return True

    def leave(self, user: int) -> None:
        self.of_user[user] -= 1
        if self.of_user[user] <= 0:
            del self.of_user[user]

    async def sight(self, seat: Seat) -> Sight:
        """What a seat may see now. Raises DatabaseError. Those who ask while others are asked for go together."""
        loop = asyncio.get_running_loop()
        answer = self._waiting.setdefault(seat, loop.create_future())
        if self._asking is None or self._asking.done():
            self._asking = loop.create_task(self._ask_on())
        return await asyncio.shield(answer)

    async def sights(self, seats: set[Seat]) -> dict[Seat, Sight]:
        """What many seats may see now. Raises DatabaseError."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _sights, seats)

    def close(self) -> None:
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=False)

    async def _ask_on(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, {}
            try:
                seen = await self.sights(set(asked))
            except Exception as error:
                for answer in asked.values():
                    answer.set_exception(error)
                    answer.exception()  # whoever asked may have gone: no complaint then
            else:
                for seat, answer in asked.items():
                    answer.set_result(seen[seat])


def _sights(seats: set[Seat]) -> dict[Seat, Sight]:
    try:
        seen = access.sights(seats)
    except BaseException:
        connections.close_all()  # whatever is wrong with it, the next question begins with a new one
        raise
    release_connection()
    return seen

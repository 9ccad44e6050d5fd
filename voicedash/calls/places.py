"""Places to be had at once, so many for each of several accounts: one that hangs must not take those of the others."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """Counts who is at it, by account, in this process. Nobody waits for a place."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self._busy: Counter[int] = Counter()
        self._counting = threading.Lock()

    def take(self, account: int) -> bool:
        """Takes a place; False when all of the account's are taken. Who took one frees it."""
        with self._counting:
            if self._busy[account] >= self.at_once:
                return False
            self._busy[account] += 1
            return True

    def free(self, account: int) -> None:
        with self._counting:
            self._busy[account] -= 1
            if not self._busy[account]:
                del self._busy[account]

    @contextmanager
    def one(self, account: int) -> Iterator[bool]:
        """A place while the block runs; False where there was none."""
        had = self.take(account)
        try:
            yield had
        finally:
            if had:
                self.free(account)

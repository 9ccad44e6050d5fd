"""What the stand-in was asked, and waiting for what comes of it: how tests look at the service from behind."""

import threading
from collections.abc import Callable

from voicedash.bandwidth.fake.messages import Request


class Asked:
    """The part of the stand-in that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self._requests: list[Request] = []
        self._news = threading.Condition()

    @property
    def requests(self) -> list[Request]:
        """Every request so far, oldest first: a list of one's own, whose requests still get their outcome."""
        with self._news:
            return list(self._requests)

    @property
    def puts(self) -> list[Request]:
        """Only the recording PUTs."""
        return [request for request in self.requests if request.kind == "put" and request.method == "PUT"]

    @property
    def tokens(self) -> list[Request]:
        """Only the requests for tokens."""
        return [request for request in self.requests if request.kind == "token"]

    def clear_requests(self) -> None:
        """Forgets the requests so far."""
        with self._news:
            self._requests.clear()

    def wait_until(self, condition: Callable[[], bool], seconds: float = 5.0) -> bool:
        """Waits for a condition on requests and their effects; its value at the end, False after `seconds`.

        Looked at when a request arrives, takes effect or is answered: `fake.wait_until(lambda: len(fake.puts) == 2)`.
        """
        with self._news:
            return self._news.wait_for(condition, seconds)

    def _look_again(self) -> None:
        """Something has happened that somebody may wait for."""
        with self._news:
            self._news.notify_all()

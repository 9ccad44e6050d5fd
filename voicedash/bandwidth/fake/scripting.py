"""The words with which a test or the demo says what shall go wrong: each once and in order, or until told otherwise."""

import threading
from typing import Literal, Unpack

from voicedash.bandwidth.fake import faults
from voicedash.bandwidth.fake.faults import Fault, Faults, Where


class Scripting:
    """The part of the stand-in that takes orders. Every `..._next` takes `on`, `account`, `call_id` and `times` too."""

    def __init__(self) -> None:
        super().__init__()
        self._faults = Faults()
        self._held: dict[str, tuple[faults.On, threading.Event]] = {}

    def script(self, fault: Fault, **where: Unpack[Where]) -> None:
        """Any fault, once, for the next recording PUT, or as `on`, `account`, `call_id` and `times` say."""
        self._faults.script(fault, **where)

    def fail_next(
        self,
        status: int = 429,
        *,
        retry_after: str | None = None,
        body: str | bytes | None = None,
        content_type: str = "application/json",
        delay: float = 0.0,
        **where: Unpack[Where],
    ) -> None:
        """An HTTP status instead of doing it; without a body, Bandwidth's own."""
        data = body.encode() if isinstance(body, str) else body
        fault = faults.failing(status, retry_after=retry_after, body=data, content_type=content_type, delay=delay)
        self.script(fault, **where)

    def delay_next(self, seconds: float, apply: Literal["before", "after"] = "before", **where: Unpack[Where]) -> None:
        """The true answer comes `seconds` late; the effect comes before or after the delay."""
        self.script(faults.delaying(seconds, apply), **where)

    def hang_next(self, *, apply: bool = False, seconds: float = 60.0, **where: Unpack[Where]) -> None:
        """Never answers; closes after `seconds`. Takes effect at once or not at all."""
        self.script(faults.hanging(apply=apply, seconds=seconds), **where)

    def drop_next(self, *, apply: bool = False, reset: bool = False, **where: Unpack[Where]) -> None:
        """Reads the request and closes without an answer, by FIN or RST; applied before closing or not at all."""
        self.script(faults.dropping(apply=apply, reset=reset), **where)

    def late_next(self, seconds: float, *, hang: bool = False, **where: Unpack[Where]) -> None:
        """Closes without an answer now (with `hang`: only afterwards) and takes effect `seconds` later."""
        self.script(faults.late(seconds, hang=hang), **where)

    def garbage_next(self, *, apply: bool = True, **where: Unpack[Where]) -> None:
        """200 with a body that is not the JSON it claims to be."""
        self.script(faults.garbage(apply=apply), **where)

    def html_next(self, status: int = 200, *, apply: bool = False, **where: Unpack[Where]) -> None:
        """An HTML page."""
        self.script(faults.html(status, apply=apply), **where)

    def truncate_next(self, *, apply: bool = True, **where: Unpack[Where]) -> None:
        """200 whose Content-Length promises more than comes."""
        self.script(faults.truncating(apply=apply), **where)

    def redirect_next(self, status: int = 307, location: str | None = None, **where: Unpack[Where]) -> None:
        """3xx to `location`, by default to the request's own address."""
        self.script(faults.redirecting(status, location), **where)

    def trickle_next(self, seconds: float, *, apply: bool = True, **where: Unpack[Where]) -> None:
        """The true answer byte by byte over `seconds`, so that a timeout between two bytes never fires."""
        self.script(faults.trickling(seconds, apply=apply), **where)

    @property
    def faults_left(self) -> int:
        """How many scripted faults have not been met."""
        return self._faults.left()

    def forget(self) -> None:
        """Takes off what is scripted and has not been met."""
        self._faults.forget()

    def refuse_tokens(self, refuse: bool = True) -> None:
        """The token endpoint answers 401, until told otherwise."""
        self.token_fault(faults.failing(401) if refuse else None)

    def token_fault(self, fault: Fault | None) -> None:
        """Every token request has this fault, until None; one fault once is `on="token"`."""
        self._faults.spoil_tokens(fault)

    def hold(self, account_id: str, on: faults.On = "any") -> None:
        """Requests of that account (its token requests too, unless `on` says which) wait until `release`."""
        _, event = self._held.get(account_id, (on, threading.Event()))
        self._held[account_id] = (on, event)

    def release(self, account_id: str) -> None:
        """What was held is done now."""
        _, event = self._held.pop(account_id, (None, None))
        if event is not None:
            event.set()

    def release_all(self) -> None:
        """Releases every account."""
        for account_id in list(self._held):
            self.release(account_id)

    def storm(self, rates: dict[str, float] | None, seed: int = 0, *, late_seconds: float | None = None) -> None:
        """Random faults per PUT, by name and probability (names: `faults.STORM`); None is calm again.

        `late_seconds`: the longest that a "late" effect may last, where not `storm_seconds`.
        """
        self._faults.late_seconds = late_seconds
        self._faults.storm(rates, seed)

    @property
    def storm_seconds(self) -> float:
        """The longest hang, delay or late effect of a storm."""
        return self._faults.storm_seconds

    @storm_seconds.setter
    def storm_seconds(self, seconds: float) -> None:
        self._faults.storm_seconds = seconds

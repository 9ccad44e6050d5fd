"""The words of a press: the wish, the claim it gets or the reason it gets none, its attempts, what was written."""

import time
from dataclasses import dataclass, field

from voicedash.calls import words
from voicedash.calls.models import Command, Wanted
from voicedash.calls.rows import Row
from voicedash.tenants.models import BandwidthAccount, Reason, User


@dataclass(frozen=True)
class Press:
    """A wish as it comes in. `seen` is the version of the row it was made from; None is not checked."""

    tenant_id: int
    call_pk: int
    wanted: Wanted
    by: User | None
    source: Command.Source = Command.Source.PERSON
    reason: Reason | None = None
    note: str = ""
    seen: int | None = None
    anyway: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def actor(self) -> User | None:
        """Whom the log names: nobody where voicedash asks on its own, if on somebody's behalf."""
        return self.by if self.source == Command.Source.PERSON else None


@dataclass(frozen=True)
class Claim:
    """The right to ask for a call now; or, `waiting`, the place of the next one."""

    press: Press
    command: Command
    call_id: str
    account: BandwidthAccount
    answered: bool  # Bandwidth told that the call is answered
    until: float  # time.monotonic() before its stored expiry
    waiting: bool = False


@dataclass(frozen=True)
class Turned:
    """A press that changes nothing: `busy`, `stale`, or `confirm` with its question."""

    outcome: str
    said: words.Said
    confirm: str = ""


@dataclass(frozen=True)
class Made:
    """An attempt as its sender saw it; times are time.monotonic()."""

    began: float
    ended: float
    result: str
    status: int | None = None
    reference: str = ""

    @property
    def doubtful(self) -> bool:
        return self.result == "unknown"


@dataclass(frozen=True)
class Settled:
    """What was written, and the call's row as of that where nothing more had to be read for it.

    `wish`: somebody closed the command first, and this newest one must be asked for again.
    """

    outcome: str
    wish: Command | None = None
    row: Row | None = None

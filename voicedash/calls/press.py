"""The words of a press: the wish, the claim it gets or the reason it gets none, its attempts, what was written."""

import time
from dataclasses import dataclass, field

from voicedash.calls import words
from voicedash.calls.ends import Terms
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
    terms: Terms | None = None  # of the pause that is asked for again; None: what `reason` says now
    together: frozenset[int] = frozenset()  # the legs that the same press on their conversation asks for
    only_due: bool = False  # voicedash itself asks, if it is still due when it has the tenant's lock (calls/due.py)
    item: int = 0  # of the bulk that presses; 0: somebody presses on this call alone
    held_by: User | None = None  # whom the pause was handed over to that is asked for again
    began: float = field(default_factory=time.monotonic)

    @property
    def actor(self) -> User | None:
        """Whom the log names: nobody where voicedash asks on its own, if on somebody's behalf."""
        return self.by if self.source == Command.Source.PERSON else None

    @property
    def brief(self) -> bool:
        """One attempt's time is all it takes, and it waits for nothing: a person may want the call."""
        return self.source == Command.Source.REASSERT


@dataclass(frozen=True)
class Claim:
    """The right to ask for a call now; or, `waiting`, the place of the next one."""

    press: Press
    command: Command
    call_id: str
    account: BandwidthAccount
    answered: bool  # Bandwidth told that the call is answered
    placed: bool  # … and that it is this account's: typed in, it may be another's of the tenant
    until: float  # time.monotonic() before its stored expiry
    waiting: bool = False


@dataclass(frozen=True)
class Turned:
    """A press that changes nothing: `busy`, `stale`, or `confirm` with its question.

    `soon`: only voicedash itself is at it, which takes no longer than an attempt: the press may wait for that.
    """

    outcome: str
    said: words.Said
    confirm: str = ""
    soon: bool = False


@dataclass(frozen=True)
class Made:
    """An attempt as its sender saw it; times are time.monotonic()."""

    began: float
    ended: float
    result: str
    status: int | None = None
    reference: str = ""
    elsewhere: BandwidthAccount | None = None  # where it was asked, if not at the claim's account
    retry_after: float = 0.0  # seconds that a 429 asks for

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

"""Every sentence about a recording that a person reads; supervisors relay its first words to their callers."""

from dataclasses import dataclass
from datetime import datetime

from voicedash.bandwidth.errors import BadCredentials, BandwidthError, NeverReached, RateLimited, Refused
from voicedash.calls.models import Call, Command, Outcome, Recording, Wanted
from voicedash.tenants.addresses import readable
from voicedash.tenants.models import BandwidthAccount, User


@dataclass(frozen=True)
class Shown:
    """A state as a row shows it: shape, word, and the line under it."""

    shape: str
    word: str
    line: str = ""


@dataclass(frozen=True)
class Said:
    """An answer to a press: what to say aloud, the sentence behind it, and its tone (good, bad, wait)."""

    lead: str
    sentence: str
    tone: str


def state_of(call: Call, claimed: str, asking: str) -> Shown:
    """What the row claims (`claimed` of the recording). While a resume is asked for it never reads Paused."""
    if asking == Wanted.RECORDING:
        return Shown("turning", "Resuming…: treat as recording")
    if asking == Wanted.PAUSED:
        return Shown("turning", "Wait, pausing…", "treat as recording" if claimed != Recording.PAUSED else "")
    if claimed == Recording.UNCONFIRMED:
        return Shown("dashed", "Not confirmed: treat as recording")
    unsure = call.account.records != BandwidthAccount.Records.ALL
    if claimed == Recording.PAUSED:
        line = "" if call.lease_ends_at else "until you resume"  # else when it resumes stands there, and ticks
        return Shown("bars", "Paused", line + (", if recorded" if unsure else ""))
    line = "if this call is recorded" if unsure else ""
    if call.ended_at is None and not call.state:
        # Bandwidth said so to a press, perhaps not for all accounts: it stays until it is known, or hidden after hours.
        line = (
            "not known to Bandwidth" if call.not_known else "typed, not seen yet" + (", if recorded" if unsure else "")
        )
    if claimed == Recording.RECORDING:
        return Shown("full", "Recording", line)
    return Shown("hollow", "Recording (assumed)", line)


def sides(call: Call) -> tuple[str, str]:
    """Our address and the other party's, as Bandwidth told them; "" where it has not."""
    if call.direction == "outbound":
        return call.from_address, call.to_address
    return call.to_address, call.from_address


def parties(call: Call) -> tuple[str, str]:
    """Our side and the other, formatted for reading; the call id where Bandwidth has told no number."""
    ours, theirs = sides(call)
    return readable(ours) or call.call_id, readable(theirs)


def person(user: User | None, source: str = Command.Source.PERSON) -> str:
    if user is not None:
        return str(user)
    return "Somebody" if source == Command.Source.PERSON else "voicedash"


def acknowledged_note(command: Command | None, reason: str = "") -> str:
    """Who and why, for what Bandwidth acknowledged. `reason`: of the pause now, if it was changed since."""
    if command is None:
        return ""
    if command.source == Command.Source.TIMER:
        return "by itself: the pause had ended"
    why = reason if reason and command.wanted == Wanted.PAUSED else _reason(command)
    parts = (person(command.by, command.source), handed(command), why, command.note)
    return " · ".join(part for part in parts if part)


def handed(pause: Command) -> str:
    """Whose a pause is now, where that is not who paused."""
    return f"handed to {pause.held_by}" if pause.held_by_id else ""


def unconfirmed_note(pause: Command | None, reason: str = "") -> str:
    """Whom to ask about a call that nothing confirms."""
    return f"last pause: {acknowledged_note(pause, reason)}" if pause else ""


def slot1(claimed: str, asking: str) -> str:
    """What the first button does. What is being resumed is paused anew, not kept."""
    if claimed in {Recording.ASSUMED, Recording.RECORDING}:
        return "Pause"
    return "Keep paused" if claimed == Recording.PAUSED and asking != Wanted.RECORDING else "Pause again"


def asking_note(command: Command, waiting: Command | None) -> str:
    """Who is asking, for what, and whose pause comes next."""
    doing = "pausing" if command.wanted == Wanted.PAUSED else "resuming"
    if command.source == Command.Source.TIMER:
        doing = "resuming: the pause has ended"
    follows = f"then {person(waiting.by, waiting.source)} pauses" if waiting and waiting.pk != command.pk else ""
    parts = (f"{person(command.by, command.source)} is {doing}", _reason(command), follows)
    return " · ".join(part for part in parts if part)


def _reason(command: Command) -> str:
    name = command.reason_name or (str(command.reason) if command.reason else "")
    return name if command.wanted == Wanted.PAUSED else ""


JOINS = "joined a paused call: is paused as well"


def took(command: Command) -> str:
    """From the press to the acknowledgement, in words; "" where it is not known."""
    if command.took_ms is None:
        return ""
    return f"{command.took_ms / 1000:.1f} s" if command.took_ms >= 100 else "<0.1 s"


GO_AHEAD = "Paused: go ahead"
PAUSING = "Wait, pausing…"
NOT_PAUSED = "NOT paused: stop the caller"
NOT_RESUMED = "NOT resumed"
_ADMIN = "Tell an admin: Bandwidth refuses this account's credentials."

_PAUSE: dict[str, Said] = {
    Outcome.ACKNOWLEDGED: Said(GO_AHEAD, "Bandwidth acknowledged it.", "good"),
    Outcome.REFUSED: Said(NOT_PAUSED, "Bandwidth refused. Press Pause again.", "bad"),
    Outcome.UNKNOWN_CALL: Said(
        NOT_PAUSED,
        "Bandwidth does not know this call now: it is over, not answered yet, or of another account. "
        "Press again if the caller is still there.",
        "bad",
    ),
    Outcome.CREDENTIALS: Said(NOT_PAUSED, _ADMIN, "bad"),
    Outcome.UNREACHABLE: Said(NOT_PAUSED, "Bandwidth could not be reached. Press Pause again.", "bad"),
    Outcome.UNCONFIRMED: Said(
        NOT_PAUSED, "No clear answer from Bandwidth: treat as recording. Press Pause again.", "bad"
    ),
    Outcome.NOT_ASKED: Said(NOT_PAUSED, "Bandwidth was not asked. Press Pause again.", "bad"),
}
_RESUME: dict[str, Said] = {
    Outcome.ACKNOWLEDGED: Said("Recording", "Bandwidth acknowledged it.", "good"),
    Outcome.REFUSED: Said(NOT_RESUMED, "Bandwidth refused. Press Resume again.", "bad"),
    Outcome.UNKNOWN_CALL: Said(
        NOT_RESUMED,
        "Bandwidth does not know this call now: it is over, not answered yet, or of another account.",
        "bad",
    ),
    Outcome.CREDENTIALS: Said(NOT_RESUMED, _ADMIN, "bad"),
    Outcome.UNREACHABLE: Said(NOT_RESUMED, "Bandwidth could not be reached. Press Resume again.", "bad"),
    Outcome.UNCONFIRMED: Said(
        "NOT confirmed", "No clear answer from Bandwidth: treat as recording. Press Resume again.", "bad"
    ),
    Outcome.NOT_ASKED: Said(NOT_RESUMED, "Bandwidth was not asked. Press Resume again.", "bad"),
}

CANNOT_WRITE = "voicedash cannot write. Press again in a moment; tell an admin if it stays."
TOO_MANY = "Too many presses at once on this Bandwidth account. Press again."
GONE = "This call was deleted from voicedash meanwhile."
SEALED = "voicedash cannot open this account's secret. Tell an admin: a sealing key is missing."


def of_outcome(wanted: str, outcome: str, *, detail: str = "") -> Said:
    """The answer to a press that was asked; `detail` replaces the usual sentence behind the lead."""
    said = (_PAUSE if wanted == Wanted.PAUSED else _RESUME)[outcome]
    return Said(said.lead, detail or said.sentence, said.tone)


def not_said(wanted: str, outcome: str, account: str) -> str:
    """Why a call is not known: not to the account that it was typed for, and another one could not say."""
    why, then = {
        Outcome.CREDENTIALS: ("its credentials are refused, or cannot be opened", "Tell an admin."),
        Outcome.UNREACHABLE: ("it could not be reached", ""),
    }.get(Outcome(outcome), ("Bandwidth refused to answer", ""))
    then = then or f"Press {'Pause' if wanted == Wanted.PAUSED else 'Resume'} again."
    return f"Bandwidth knows this call in no account that answered, and account {account} did not say: {why}. {then}"


def busy(wanted: str, holder: Command) -> Said:
    """Somebody is at it already: nothing was changed."""
    who = person(holder.by, holder.source)
    if holder.wanted == Wanted.PAUSED:
        lead = PAUSING if wanted == Wanted.PAUSED else NOT_RESUMED
        return Said(lead, f"{who} is pausing this call right now.", "wait")
    return Said("Wait, resuming…", f"{who} is resuming this call right now: treat as recording.", "wait")


def next_in_line() -> Said:
    return Said(NOT_PAUSED, "A resume in flight did not end in time. Press Pause again.", "bad")


def stale(pause: Command) -> Said:
    return Said(NOT_RESUMED, f"Paused since by {person(pause.by, pause.source)}. Look again before you resume.", "bad")


def confirm(pause: Command | None, since: datetime | None, now: datetime, *, own: bool) -> str:
    """The question that a second press answers."""
    if own:
        return "This pause has no end of its own. Resume anyway?"
    who = person(pause.by, pause.source) if pause else "Somebody"
    ago = max(0, round((now - since).total_seconds())) if since else 0
    when = f"{ago // 60} min {ago % 60} s ago" if ago >= 60 else f"{ago} s ago"
    whose = f", {handed(pause)}" if pause and pause.held_by_id else ""
    return f"{who} paused {when}{whose}. Resume anyway?"


FETCH_DIED = "Fetching stopped half way. Fetch again."
FETCH_BROKE = "voicedash could not take the calls in. Fetch again; tell an admin if it stays."


CANNOT_LIST = "Cannot list calls: Bandwidth forbids it. Typed ids and callbacks still work. Tell an admin."
MAY_NOT_LIST = "Cannot list calls: Bandwidth forbids it, or all of this account. Try a typed id, and tell an admin."
NOT_ALLOWED = "Bandwidth does not let these credentials use this account. Tell an admin."
FOLLOW_BROKE = "voicedash could not take the calls in. It tries again; tell an admin if it stays."
NOT_HEARD = "Calls do not come by themselves now."


# What it says where Bandwidth lets us in no more: another trouble than that calls are not told of.
_REFUSED = "Bandwidth refuses this account's credentials. Tell an admin."
REFUSES_US = frozenset({_REFUSED, MAY_NOT_LIST, NOT_ALLOWED, SEALED})


def follow_failed(error: BandwidthError) -> str:
    """Why an account's calls do not come by themselves, and what comes of it. Without a number: it stands for long."""
    match error:
        case BadCredentials():
            return _REFUSED
        case RateLimited():
            return "Bandwidth asks voicedash to look less often. It goes on by itself."
        case NeverReached(status=429):
            return "Bandwidth lets voicedash sign in less often than it needs to. It tries again by itself."
        case NeverReached():
            return "Bandwidth cannot be reached. It is tried again by itself."
        case Refused():
            return "Bandwidth refuses to list the calls. Type their ids; tell an admin."
        case _:
            return "Bandwidth's answers cannot be read. It is tried again by itself."


def fetch_failed(error: BandwidthError) -> str:
    """Why an account's calls could not be listed, and what to do."""
    match error:
        case BadCredentials():
            return "Bandwidth refuses this account's credentials. Tell an admin."
        case RateLimited():
            return f"Bandwidth asks to wait {max(1, round(error.retry_after))} s. Fetch again then."
        case NeverReached():
            return "Bandwidth could not be reached. Fetch again."
        case Refused():
            return "Bandwidth refused to list the calls. Type their ids; tell an admin."
        case _:
            return "Bandwidth's answer could not be read. Fetch again."

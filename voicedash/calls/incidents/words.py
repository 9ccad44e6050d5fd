"""Every sentence about incidents that a person reads."""

from datetime import datetime

from voicedash.audit.incidents import lasted
from voicedash.calls import bulk_words, words
from voicedash.calls.incidents.models import Incident, IncidentCall
from voicedash.calls.models import Outcome
from voicedash.calls.words import Said
from voicedash.tenants.models import User

LEAST = 3  # characters of what was done
# By the word that a cause begins with: what happened, and what to do about it.
_ABOUT = {
    "refused": ("Bandwidth refused to pause", "Press Pause again; stop the caller until the row says Paused."),
    "unknown": (
        "Bandwidth does not know the call that was to be paused",
        "If the caller is still there, stop them and press Pause again.",
    ),
    "unreachable": (
        "Bandwidth could not be reached, and nothing was paused",
        "Press Pause again; stop the caller until the row says Paused.",
    ),
    "unasked": (
        "voicedash had too much to do, and asked Bandwidth for no pause",
        "Press Pause again; stop the caller until the row says Paused.",
    ),
    "unanswered": ("No clear answer from Bandwidth: treat as recording", "Press Pause again or Resume again."),
    "account": ("Bandwidth refuses the account's credentials", "Tell an admin: no pause works before they are right."),
    "late": ("An answer came so late that what was asked since may be undone", "Press Pause again or Resume again."),
    "outlived": ("A pause is over, and the recording was not resumed", "Press Resume."),
    "joined": ("A leg joined a paused call, and is not paused", "Press Pause on it; stop the caller until then."),
    "evidence": ("A recording ended while the call was paused: another may run", "Press Pause again."),
    "unfed": ("Calls do not appear by themselves", "Add them by their ids, and tell an admin."),
    "worker": ("No worker was running: no pause ended by itself, and nothing was asked again", ""),
}
_WHY: dict[str, str] = {
    Outcome.UNCONFIRMED: "not confirmed",
    Outcome.CREDENTIALS: "credentials refused",
    Outcome.REFUSED: "refused",
    Outcome.UNREACHABLE: "Bandwidth not reached",
    Outcome.NOT_ASKED: "not asked",
    Outcome.UNKNOWN_CALL: "not known at Bandwidth",
}
NOTHING_SAID = f"Say in a few words what was done: at least {LEAST} characters."
CARD = "13 to 19 digits in it could be a card number. Write it without that number."
CANNOT_WRITE = Said("Nothing was written.", words.CANNOT_WRITE, "bad")
TAKEN = Said("It is yours.", "The others see that you are at it.", "good")
CLOSED = Said("Closed.", "It stands in the list of the closed ones, and in the log.", "good")


def sentence(incident: Incident) -> str:
    """What happened."""
    told = _ABOUT.get(incident.cause.partition("-")[0], (incident.get_kind_display(), ""))[0]
    return f"{told} · {incident.account}" if incident.account else told


def to_do(incident: Incident) -> str:
    """What to do while it is live; "" where nothing is to be done about the recording."""
    if incident.closed_at or incident.over_at:
        return ""
    return _ABOUT.get(incident.cause.partition("-")[0], ("", ""))[1]


def how_it_ended(incident: Incident) -> str:
    """By whom it was closed and how long it took; where it is open but over, what is left to do; else ""."""
    if incident.closed_at:
        by = f"by {words.person(incident.closed_by)}" if incident.how == "person" else "by itself, as it was put right"
        return f"Closed {by} after {took(incident, incident.closed_at)}."
    if incident.over_at:
        return f"Its calls ended after {took(incident, incident.over_at)}, not put right: say what was done."
    return ""


def took(incident: Incident, until: datetime) -> str:
    return lasted(round((until - incident.since).total_seconds()))


def name(item: IncidentCall) -> str:
    """Of a call: a person, a number, or its id where neither is known any more."""
    return bulk_words.name(item.call) if item.call and not item.call.numbers_erased_at else item.known_as


def state(item: IncidentCall) -> str:
    """What is the matter with a call of an incident."""
    if item.right_at:
        return "put right"
    ended = "ended" if item.call is None or item.call.ended_at else ""
    return ", ".join(part for part in (_WHY.get(item.why, ""), ended) if part)


def taken_meanwhile(taker: User) -> Said:
    return Said("Not taken:", f"{taker} took it a moment ago.", "wait")


def closed_already(incident: Incident) -> Said:
    return Said("It is closed already.", how_it_ended(incident), "wait")

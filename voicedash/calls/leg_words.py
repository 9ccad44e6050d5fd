"""The sentences about a call of several legs: what a press on all of them came to, or on one."""

from collections.abc import Mapping

from voicedash.calls.models import Outcome, Wanted
from voicedash.calls.words import NOT_PAUSED, NOT_RESUMED, PAUSING, Said, of_outcome


def paused_on(paused: int, legs: int, word: str) -> str:
    """The line under the `word` of a row of several legs of which not all are paused."""
    return f"{'' if word == 'Paused' else 'paused '}on {paused} of {legs} legs"


def not_known(legs: int) -> str:
    return f"Bandwidth does not know {'the other' if legs == 1 else f'the other {legs}'}"


def of_all_legs(wanted: str, good: int, unknown: int) -> Said:
    """The answer to a press on all legs that came to what it asked for."""
    lead = of_outcome(wanted, Outcome.ACKNOWLEDGED).lead
    if unknown:
        did = "Paused" if wanted == Wanted.PAUSED else "Recording"
        return Said(lead, f"{did} on {good} of {good + unknown} legs; {not_known(unknown)}.", "good")
    all_ = {1: "it", 2: "it on both legs"}.get(good, f"it on all {good} legs")
    return Said(lead, f"Bandwidth acknowledged {all_}.", "good")


def of_one_leg(paused: int, legs: int, others: str, *, waits: bool) -> Said:
    """The answer to a pause that one leg got, while the row of all of them says not that they are paused but `others`.

    `waits`: what is left is being asked for.
    """
    if waits:
        return Said(PAUSING, f"Paused on {paused} of {legs} legs; another is still being asked.", "wait")
    return Said(NOT_PAUSED, f"Paused on {paused} of {legs} legs; another: {others}. Pause the whole call.", "bad")


def no_leg(wanted: str) -> Said:
    """The answer to a press on all legs where every one has ended."""
    return Said(NOT_PAUSED if wanted == Wanted.PAUSED else NOT_RESUMED, "No leg of this call is live any more.", "bad")


_LEGS: dict[str, str] = {
    Outcome.UNCONFIRMED: "not confirmed: treat as recording",
    Outcome.CREDENTIALS: "refused: tell an admin, Bandwidth refuses the credentials",
    Outcome.REFUSED: "refused by Bandwidth",
    Outcome.UNREACHABLE: "not reached",
    Outcome.NOT_ASKED: "not asked",
    Outcome.UNKNOWN_CALL: "not known to Bandwidth now",
    "next": "still being resumed",
    "stale": "paused since by somebody",
    "confirm": "to be confirmed",
    "busy": "still being asked",
}


def of_legs(wanted: str, worst: str, good: int, count: Mapping[str, int], beside: str = "") -> Said:
    """The answer to a press on all legs that did not come to what it asked for; `count` is by outcome.

    `beside`: what is to be told of a leg that was not pressed.
    """
    pausing = wanted == Wanted.PAUSED
    lead = NOT_PAUSED if pausing else NOT_RESUMED
    if worst == "busy" and not any(
        count[outcome] for outcome in _LEGS if outcome not in {"busy", Outcome.UNKNOWN_CALL}
    ):
        lead = PAUSING if pausing else NOT_RESUMED
    legs = sum(count.values())
    told = [f"{'Paused' if pausing else 'Recording'} on {good} of {legs} legs"]
    told += [f"{count[outcome]} {text}" for outcome, text in _LEGS.items() if count[outcome]]
    told += [beside] if beside else []
    again = "" if lead.startswith("Wait") else f" Press {'Pause' if pausing else 'Resume'} again."
    return Said(lead, f"{'; '.join(told)}.{again}", "wait" if lead.startswith("Wait") else "bad")


def of_leg(outcome: str) -> str:
    """What a press on all legs came to on this one, for its row; "" where the row says it."""
    text = "" if outcome == Outcome.ACKNOWLEDGED else _LEGS.get(outcome, "")
    return text[:1].upper() + text[1:]

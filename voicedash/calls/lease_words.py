"""The sentences about keeping a pause: prolonged, for another reason, with a note, or not any more."""

from datetime import datetime

from voicedash.calls import words
from voicedash.calls.models import Call, Command

KEPT = "Still paused"
_NO_END = "It stays until somebody resumes it."
NOTE_WANTED = words.Said(
    "Still paused.", "It was kept as often as its reason allows: write a note why, then keep it paused again.", "wait"
)
CARD_IN_NOTE = words.Said(
    "The note was not kept:",
    "13 to 19 digits in it could be a card number. The pause is as it was. Write it without that number.",
    "bad",
)
NOTE_LEFT_OUT = "The note was left out: 13 to 19 digits in it could be a card number."
NOT_KEPT = words.Said(words.NOT_PAUSED, "It is not paused any more. Press Pause.", "bad")
REASON_GONE = words.Said("Not changed:", "This reason is not there any more. Load the page again.", "bad")
NO_ROOM = words.Said("Not prolonged:", words.CANNOT_WRITE, "bad")


def kept(call: Call, now: datetime) -> words.Said:
    """A pause was prolonged: until when, and how often that is possible without more words."""
    if call.lease_ends_at is None:
        return words.Said(KEPT, _NO_END, "good")
    left = max(0, call.lease_limit - call.lease_prolonged)
    more = f"It can be kept {left} more time{'' if left == 1 else 's'}." if left else "To keep it longer takes a note."
    return words.Said(KEPT, f"It resumes in {_minutes(call.lease_ends_at, now)}. {more}", "good")


def changed(call: Call, now: datetime) -> words.Said:
    """A pause has another reason now."""
    ends = f"It resumes in {_minutes(call.lease_ends_at, now)}." if call.lease_ends_at else _NO_END
    return words.Said(KEPT, f"{call.lease_reason or 'No reason'}. {ends}", "good")


def resumed_meanwhile(holder: Command) -> words.Said:
    """It cannot be kept, as a resume is out."""
    return words.Said(
        words.NOT_PAUSED, f"{words.person(holder.by, holder.source)} is resuming it right now. Press Pause.", "bad"
    )


def _minutes(until: datetime, now: datetime) -> str:
    seconds = max(0, round((until - now).total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02}"

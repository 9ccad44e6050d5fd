"""The sentences of leaving with calls still paused: what became of each, and of all."""

from voicedash.calls import words
from voicedash.calls.words import Said
from voicedash.tenants.models import User

NOT_HANDED = "NOT handed over"
NOBODY = Said(NOT_HANDED, "Choose a supervisor or manager who is still one here.", "bad")
CANNOT_WRITE = Said(NOT_HANDED, words.CANNOT_WRITE, "bad")
NO_LONGER_YOURS = Said("Nothing to hand over", "Of what you chose no pause is yours any more.", "wait")
GONE = Said("Nothing to resume", "Of what you chose no call is paused by you any more.", "wait")
NO_TIME = Said(words.NOT_RESUMED, "The others took too long: Bandwidth was not asked. Press Resume again.", "bad")


def handed(names: list[str], to: User) -> Said:
    """Which calls somebody has handed over."""
    which = names[0] if len(names) == 1 else f"{len(names)} calls"
    return Said(f"Handed to {to}", f"{which}: the pause stays, and ends as it would.", "good")


def resumed(number: int) -> Said:
    """Of many calls those that went well, in one sentence."""
    return Said("Recording", f"{number} calls. Bandwidth acknowledged each.", "good")


def and_more(number: int) -> Said:
    return Said(words.NOT_RESUMED, f"{number} more calls: they are listed below.", "bad")

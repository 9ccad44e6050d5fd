"""A line of the log as it is shown, and what sentences are made with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from voicedash.audit import words
from voicedash.audit.models import Entry

Names = Mapping[tuple[str, str], str]  # of what, its key → what people call it


@dataclass(frozen=True)
class Line:
    """One line of the log: who, what was done, to which call, what came of it. `tone`: "", "wait" or "bad"."""

    entry: Entry
    who: str
    did: str
    call_id: str = ""
    came: str = ""
    outcome: str = ""
    reason: str = ""
    tone: str = ""

    @property
    def at(self) -> datetime:
        return self.entry.at

    @property
    def outcome_label(self) -> str:
        return words.OUTCOMES.get(self.outcome, self.outcome)


def name(names: Names, what: str, key: object) -> str:
    """What a thing is called; where it is there no more, its key."""
    return names.get((what, str(key))) or f"{plain(what)} {key} (not there any more)"


def actor(entry: Entry, names: Names) -> str:
    """Who did it."""
    return name(names, "user", entry.actor) if entry.actor else words.VOICEDASH


def plain(text: str) -> str:
    """A key of ours as words."""
    return text.replace(".", " ").replace("_", " ")


def data_of(entry: Entry) -> dict[str, Any]:
    """What an entry holds; nothing where that is no object."""
    return entry.data if isinstance(entry.data, dict) else {}

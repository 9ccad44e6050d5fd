"""One row for the legs of a conversation: closed it shows the worst of them. And what a press on all of them came to.

Worst is what a person must know who is about to let a caller read a card number: nothing confirmed, then a leg that
records while others do not, then one that is still being asked, and only then Paused.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from voicedash.calls import leg_words, words
from voicedash.calls.models import Outcome, Recording, Wanted
from voicedash.calls.rows import Row
from voicedash.calls.selections import GREY_FOR

_WORST = (
    Outcome.UNCONFIRMED,
    Outcome.CREDENTIALS,
    Outcome.REFUSED,
    Outcome.UNREACHABLE,
    Outcome.NOT_ASKED,
    "next",
    "stale",
    "confirm",
    "busy",
    Outcome.UNKNOWN_CALL,
)


def gather(rows: list[Row], versions: Mapping[int, int], now: datetime) -> list[Row]:
    """The same rows, with one more before the legs of each conversation of which a board shows two or more at `now`.

    `versions` is the newest of each conversation's legs, of those that have left too.
    """
    if not versions:
        return rows
    units: list[tuple[str, list[Row]]] = []
    for pk, version in versions.items():
        legs = sorted((row for row in rows if row.conversation == pk), key=lambda row: row.order)
        shown = [leg for leg in legs if leg.ended_at is None or leg.ended_at > now - GREY_FOR]
        if len(shown) < 2:
            units += [(leg.order, [leg]) for leg in legs]
            continue
        whole = of(shown, version)
        units.append((whole.order, [whole, *(replace(leg, is_leg=True) for leg in legs)]))
    units += [(row.order, [row]) for row in rows if row.conversation not in versions]
    units.sort(key=lambda unit: unit[0])
    return [row for _, some in units for row in some]


def of(legs: list[Row], version: int) -> Row:
    """The row of all `legs`, which stand in order."""
    live = [leg for leg in legs if not leg.ended] or legs
    head = live[0]
    paused = [leg for leg in live if leg.recording == Recording.PAUSED]
    recording = _recording(live)
    worst = max(live, key=lambda leg: (_badness(leg, live), leg.since.timestamp() if leg.since else 0.0))
    # As soon as one of them is resumed the whole is not paused any more.
    first = min((leg for leg in live if leg.lease_ends), key=_end, default=None)
    line, note = worst.line, worst.note
    if paused and len(paused) < len(live):
        line = line if worst.asking else leg_words.paused_on(len(paused), len(live), worst.word)
        note = leg_words.not_known(len(live) - len(paused)) if recording == Recording.PAUSED else note
    begun = [leg.began for leg in legs if leg.began]
    doubts = [leg.doubt_until for leg in live if leg.doubt_until]
    unsure = any(leg.recording == Recording.UNCONFIRMED for leg in live)
    shown: dict[str, Any] = {
        "pk": head.conversation or 0,
        "legs": tuple(leg.pk for leg in legs),
        "version": version,
        "recording": recording,
        "asking": worst.asking,
        "shape": worst.shape,
        "word": worst.word,
        "since": worst.since if not first else None,
        "line": line,
        "note": note,
        "began": min(begun, default=None),
        "ended_at": max((leg.ended_at for leg in legs if leg.ended_at), default=None) if head.ended else None,
        "acknowledged_at": worst.acknowledged_at,
        "took": worst.took,
        "doubt_until": min(doubts, default=None),
        "slot1": words.slot1(recording, worst.asking if not head.ended else Wanted.RECORDING),
        "by": worst.by,
        "handed": worst.handed,
        "reason": first.reason if first else worst.reason,
        "lease_ends": first.lease_ends if first else None,
        "lease_seconds": first.lease_seconds if first else None,
        "wants_note": any(leg.wants_note for leg in live),
        "slot2": "Resume" if paused else "Resume again" if unsure else "",
    }
    return Row(**(vars(head) | shown))


def judge(wanted: str, outcomes: Iterable[str], whole: Row | None) -> tuple[str, words.Said]:
    """What a press on all legs came to by what it came to on each that is still live, and what to say.

    Paused only if at least one is acknowledged, all others are such that Bandwidth does not know, and `whole`, as it is
    now, says so too: a leg may have joined meanwhile.
    """
    count = Counter(map(str, outcomes))
    if not count:
        return str(Outcome.UNKNOWN_CALL), leg_words.no_leg(wanted)
    good, unknown = count[Outcome.ACKNOWLEDGED], count[Outcome.UNKNOWN_CALL]
    if not good:
        worst = next((str(outcome) for outcome in _WORST if count[str(outcome)]), str(Outcome.UNKNOWN_CALL))
        return worst, leg_words.of_legs(wanted, worst, good, count)
    bad = next((str(outcome) for outcome in _WORST if count[str(outcome)] and outcome != Outcome.UNKNOWN_CALL), "")
    beside = ""
    if not bad and wanted == Wanted.PAUSED and whole and not is_paused(whole):
        bad, beside = _why_not(whole)
    if bad:
        return bad, leg_words.of_legs(wanted, bad, good, count, beside)
    return str(Outcome.ACKNOWLEDGED), leg_words.of_all_legs(wanted, good, unknown)


def of_one(legs: list[Row], whole: Row) -> words.Said:
    """What to say of a pause that one of the `legs` got, where the `whole` is not paused."""
    live = [leg for leg in legs if not leg.ended]
    paused = sum(leg.recording == Recording.PAUSED and not leg.asking for leg in live)
    return leg_words.of_one_leg(paused, len(live), whole.word, waits=whole.asking == Wanted.PAUSED)


def is_paused(whole: Row) -> bool:
    return whole.recording == Recording.PAUSED and not whole.asking


def _why_not(whole: Row) -> tuple[str, str]:
    """What came of a press whose every leg is paused, and what it says beside that, where the whole is not."""
    if whole.asking == Wanted.PAUSED:
        return "busy", "one that has joined is still being asked"
    unknown = whole.asking or whole.recording == Recording.UNCONFIRMED
    return str(Outcome.UNCONFIRMED if unknown else Outcome.NOT_ASKED), f"the whole call: {whole.word}"


def _recording(live: list[Row]) -> str:
    found = {leg.recording for leg in live if not _is_left_out(leg, live)}
    for worst in (Recording.UNCONFIRMED, Recording.RECORDING, Recording.ASSUMED):
        if worst in found:
            return str(worst)
    return str(Recording.PAUSED)


def _end(leg: Row) -> float:
    return leg.lease_ends.timestamp() if leg.lease_ends else 0.0


def _is_left_out(leg: Row, live: list[Row]) -> bool:
    """Bandwidth does not know it, while others are paused: nobody can ask more of it now."""
    return leg.not_known and any(other.recording == Recording.PAUSED for other in live)


def _badness(leg: Row, live: list[Row]) -> int:
    if _is_left_out(leg, live):
        return -1
    if leg.asking == Wanted.PAUSED:
        return 1 if leg.recording == Recording.PAUSED else 2
    if leg.asking:
        return 4
    return {Recording.UNCONFIRMED: 5, Recording.PAUSED: 0}.get(Recording(leg.recording), 3)

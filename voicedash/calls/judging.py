"""Whether a press may claim, and if not, why: who is at it, what is older, what takes a second press. Reads only."""

from datetime import datetime, timedelta

from voicedash.calls import words
from voicedash.calls.models import Call, Command, Outcome, Recording, Wanted
from voicedash.calls.press import Press, Turned
from voicedash.calls.times import times


def turned(press: Press, call: Call, holder: Command | None, waiting: Command | None, now: datetime) -> Turned | None:
    """Why a press changes nothing, if so. A pause is never turned away because of a resume or a re-assert."""
    if press.source == Command.Source.SYSTEM and not _still_wished(press, call):
        return Turned("stale", words.Said("", "Somebody has wished otherwise since.", "wait"))
    at_it = waiting or holder
    if at_it and (
        press.wanted == Wanted.RECORDING
        or waiting
        or (at_it.wanted == Wanted.PAUSED and at_it.source != Command.Source.REASSERT)
    ):
        return Turned("busy", words.busy(press.wanted, at_it))
    if press.wanted == Wanted.PAUSED or press.source != Command.Source.PERSON:
        return None
    pause = call.last_pause
    if pause and press.seen is not None and press.seen < pause.version:
        return Turned("stale", words.stale(pause))
    if press.anyway or call.recording not in {Recording.PAUSED, Recording.UNCONFIRMED}:
        return None
    if call.recording == Recording.PAUSED:
        pause = call.acknowledged
    elif not pause or _resumed_since(pause):
        return None  # the newest wish was a resume: asking for it again needs no second press
    own = pause is not None and pause.by_id is not None and press.by is not None and pause.by_id == press.by.pk
    endless = pause is not None and (pause.reason is None or pause.reason.lease is None)
    if own and not endless:
        return None
    since = call.recording_since
    if call.recording == Recording.UNCONFIRMED and pause:
        since = pause.asked_at
    question = words.confirm(pause, since, now, own=own)
    return Turned("confirm", words.Said("Not resumed yet", question, "wait"), question)


def newest_wish(call: Call) -> Command | None:
    """The newest command that was asked, or is being asked, of Bandwidth."""
    asked = Command.objects.select_related("by", "reason").filter(call=call).exclude(outcome=Outcome.NOT_ASKED)
    return asked.order_by("-id").first()


def _still_wished(press: Press, call: Call) -> bool:
    wish = newest_wish(call)
    return wish is not None and wish.wanted == press.wanted


def _resumed_since(pause: Command) -> bool:
    """A resume that may have been done was asked after this pause."""
    done = (Outcome.ACKNOWLEDGED, Outcome.UNCONFIRMED)
    later = Command.objects.filter(call=pause.call_id, pk__gt=pause.pk, wanted=Wanted.RECORDING)
    return later.filter(outcome__in=done).exists()


def lost(attempt_at: datetime | None, expires_at: datetime, now: datetime) -> bool:
    """A holder whose attempt is older than any attempt can be, or whose claim has expired, is gone."""
    return now >= expires_at or (attempt_at is not None and now - attempt_at >= timedelta(seconds=times.takeover))

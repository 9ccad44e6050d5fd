"""Whether a press may claim, and if not, why: who is at it, what is older, what takes a second press. Reads only."""

from datetime import datetime

from voicedash.calls import due, ends, legs, words
from voicedash.calls.models import Call, Command, Outcome, Recording, Wanted
from voicedash.calls.press import Press, Turned


def turned(press: Press, call: Call, holder: Command | None, waiting: Command | None, now: datetime) -> Turned | None:
    """Why a press changes nothing, if so. A pause is never turned away because of a resume or a re-assert."""
    at_it = waiting or holder
    if press.only_due and (at_it or not _still_due(press, call, now)):
        return Turned("stale", words.Said("", "Nothing is due on this call now.", "wait"))
    if press.source == Command.Source.SYSTEM and not _still_wished(press, call):
        return Turned("stale", words.Said("", "Somebody has wished otherwise since.", "wait"))
    resuming = press.wanted == Wanted.RECORDING
    # A re-assert is nobody's wish: a pause waits for it as for a resume, and a resume for the moment it takes.
    only_reasserted = at_it is not None and at_it.source == Command.Source.REASSERT
    if at_it and not only_reasserted and (resuming or waiting or at_it.wanted == Wanted.PAUSED):
        return Turned("busy", words.busy(press.wanted, at_it))
    if not resuming:
        return None
    if press.source == Command.Source.PERSON and (why := turned_resume(press, call, now)):
        return why
    return Turned("busy", words.busy(press.wanted, at_it), soon=True) if at_it else None


def gives_way(holder: Command, press: Press, now: datetime) -> bool:
    """Whether `press` takes the claim of a holder that is gone: a pause does so, and from a re-assert everybody."""
    reasserted = holder.source == Command.Source.REASSERT
    may = reasserted or (press.wanted == Wanted.PAUSED and not press.only_due)
    return may and due.lost(holder.attempt_at, holder.expires_at, now)


def turned_resume(press: Press, call: Call, now: datetime) -> Turned | None:
    """What a person's resume does not know, or has to confirm."""
    pause = call.last_pause
    if pause and press.seen is not None and press.seen < pause.version:
        return Turned("stale", words.stale(pause))
    if press.anyway or call.recording not in {Recording.PAUSED, Recording.UNCONFIRMED}:
        return None
    if call.recording == Recording.PAUSED:
        pause = call.acknowledged
    elif not pause or _resumed_since(pause):
        return None  # the newest wish was a resume: asking for it again needs no second press
    own = pause is not None and press.by is not None and pause.holder_id == press.by.pk
    endless = pause is not None and call.lease_ends_at is None
    if own and not endless:
        return None
    since = call.recording_since
    if call.recording == Recording.UNCONFIRMED and pause:
        since = pause.asked_at
    question = words.confirm(pause, since, now, own=own)
    return Turned("confirm", words.Said("Not resumed yet", question, "wait"), question)


def newest_wish(call: Call) -> Command | None:
    """The newest command that was asked, or is being asked, of Bandwidth; a re-assert is nobody's wish.

    A resume that came to nothing leaves the pause before it wished for: who pressed was told that it did not resume.
    """
    asked = Command.objects.select_related("by", "reason").filter(call=call).exclude(outcome=Outcome.NOT_ASKED)
    wishes = asked.exclude(source=Command.Source.REASSERT)
    return wishes.exclude(wanted=Wanted.RECORDING, outcome__in=due.IN_VAIN).order_by("-id").first()


def _still_due(press: Press, call: Call, now: datetime) -> bool:
    if press.source == Command.Source.TIMER:  # read under the lock under which everybody prolongs and resumes
        return call.ended_at is None and ends.is_over(call, now)
    return (press.wanted, press.source) in {(one.wanted, one.source) for one in due.again(now, call_pk=call.pk)}


def _still_wished(press: Press, call: Call) -> bool:
    wish = legs.wish_of(call.conversation_id) if call.pause_due_at and call.conversation_id else newest_wish(call)
    return wish is not None and wish.wanted == press.wanted


def _resumed_since(pause: Command) -> bool:
    """A resume that may have been done was asked after this pause."""
    done = (Outcome.ACKNOWLEDGED, Outcome.UNCONFIRMED)
    later = Command.objects.filter(call=pause.call_id, pk__gt=pause.pk, wanted=Wanted.RECORDING)
    return later.filter(outcome__in=done).exists()

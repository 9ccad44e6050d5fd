"""Pausing and resuming all legs of a conversation at once, each by the one path of `calls.recording` in a thread."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace

from django.db import Error as DatabaseProblem
from django.db import connection, connections

from voicedash.calls import board, judging, leases, leg_words, recording, wholes, words
from voicedash.calls.leases import Renewal
from voicedash.calls.models import Call, Conversation, Outcome, Wanted
from voicedash.calls.press import Press, Turned
from voicedash.calls.recording import AT_ONCE, Answer
from voicedash.calls.rows import Row
from voicedash.tenants.board import database_time, release_connection
from voicedash.tenants.models import Reason, User

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Whole:
    """What came of a press on all legs: as of one press in `outcome`, `said` and `confirm`, and each leg's own answer.

    `rows` are the conversation's row, where there is still one, and its legs', each with what the press came to on it.
    """

    outcome: str
    said: words.Said
    rows: list[Row]
    confirm: str = ""


def pause(*, conversation: Conversation, by: User, reason: Reason | None = None, note: str = "") -> Whole:
    """Pauses every live leg of `conversation`, as `recording.pause` does, and blocks for as long as the slowest."""
    legs = _live(conversation)
    pks = frozenset(leg.pk for leg in legs)
    answers = press_each(legs, lambda leg: recording.pause(call=leg, by=by, reason=reason, note=note, together=pks))
    return _judged(conversation, Wanted.PAUSED, answers)


def resume(*, conversation: Conversation, by: User, seen: int | None = None, anyway: bool = False) -> Whole:
    """Resumes every live leg of `conversation`, as `recording.resume` does.

    What needs a second look or a second press on any of them is asked once, before anything is sent.
    """
    legs = _live(conversation)
    if turned := _turned(legs, by, seen, anyway):
        rows = _rows(conversation)
        first = [replace(rows[0], outcome=turned.outcome, confirm=turned.confirm)] if rows else []
        return Whole(turned.outcome, turned.said, first + rows[1:], turned.confirm)
    answers = press_each(legs, lambda leg: recording.resume(call=leg, by=by, seen=seen, anyway=anyway))
    return _judged(conversation, Wanted.RECORDING, answers)


def renew(*, conversation: Conversation, renewal: Renewal) -> Whole:
    """Keeps the pause of every live leg that is paused, as `leases.renew` does; of all of them or of none."""
    answer = leases.renew_all(conversation.tenant_id, [leg.pk for leg in _live(conversation)], renewal)
    rows = _rows(conversation)
    first = [replace(rows[0], outcome=answer.outcome)] if rows else []
    return Whole(answer.outcome, answer.said, first + rows[1:])


def seen_as_one(call: Call, seen: int | None) -> Conversation | None:
    """The conversation that a pause on `call` is meant for, where its row, `seen` at a version, may have stood for all.

    A row is drawn anew as it becomes a leg. So one from before its newest change may be that of a whole call; where it
    was not, the other live legs are paused for nothing, which does less harm than that they record.
    """
    if seen is None or seen >= call.version or call.conversation is None:
        return None
    others = Call.objects.filter(conversation=call.conversation, ended_at=None).exclude(pk=call.pk)
    return call.conversation if others.exists() else None


def of_leg(call: Call, answer: Answer) -> Answer:
    """The answer to a press on `call` alone: nobody is to go ahead while another leg of its conversation records."""
    if answer.said.lead != words.GO_AHEAD:
        return answer
    if answer.row and answer.row.conversation is None:  # it was no leg as its answer was written
        return answer
    now = Call.objects.select_related("conversation").filter(pk=call.pk).first()
    rows = _rows(now.conversation) if now and now.conversation else []
    whole = next((row for row in rows if row.legs), None)
    if whole is None or wholes.is_paused(whole):
        return answer
    return replace(answer, said=wholes.of_one([row for row in rows if not row.legs], whole))


def _live(conversation: Conversation) -> list[Call]:
    return list(Call.objects.filter(conversation=conversation, ended_at=None).order_by("pk"))


def press_each(legs: list[Call], press: Callable[[Call], Answer]) -> dict[int, Answer]:
    """The answer of each call, by its key. Of more calls than places an account has, some wait for the first to end."""

    def one(leg: Call) -> Answer:
        try:
            return press(leg)
        except DatabaseProblem:
            logger.exception("call %s: a press on its conversation could not be done", leg.call_id)
            return Answer(str(Outcome.NOT_ASKED), words.Said(words.NOT_PAUSED, words.CANNOT_WRITE, "bad"))
        finally:
            connections.close_all()

    if not legs:
        return {}
    release_connection()
    with ThreadPoolExecutor(min(len(legs), AT_ONCE), "legs") as pool:
        asked = {leg.pk: pool.submit(copy_context().run, one, leg) for leg in legs}
    return {pk: future.result() for pk, future in asked.items()}


def _turned(legs: list[Call], by: User, seen: int | None, anyway: bool) -> Turned | None:
    """Why nothing is resumed yet, if so: the first of what the legs' own claims would say."""
    pks = [leg.pk for leg in legs]
    known = ("last_pause__by", "last_pause__reason", "acknowledged__by", "acknowledged__reason")
    now = database_time()
    found = []
    for call in Call.objects.filter(pk__in=pks).select_related(*known).order_by("pk"):
        press = Press(call.tenant_id, call.pk, Wanted.RECORDING, by, seen=seen, anyway=anyway)
        if turned := judging.turned_resume(press, call, now):
            found.append(turned)
    return min(found, key=lambda turned: turned.outcome != "stale", default=None)


def _judged(conversation: Conversation, wanted: Wanted, answers: dict[int, Answer]) -> Whole:
    """A leg that has ended meanwhile is no failure, and one that Bandwidth acknowledged has not ended."""
    ended = set(Call.objects.filter(pk__in=answers, ended_at__isnull=False).values_list("pk", flat=True))
    outcomes = [answer.outcome for pk, answer in answers.items() if pk not in ended]
    try:
        rows = _rows(conversation)
    except DatabaseProblem:
        logger.exception("conversation %s: its rows could not be read after a press", conversation.pk)
        connection.close()
        rows = []
    whole = next((row for row in rows if row.legs), None)
    outcome, said = wholes.judge(wanted, outcomes, whole or (rows[0] if len(rows) == 1 else None))
    question = (
        next((answer.confirm for answer in answers.values() if answer.confirm), "") if outcome == "confirm" else ""
    )
    told = []
    for row in rows:
        if row.legs:
            row = replace(row, outcome=outcome, confirm=question)
        elif row.pk in answers:
            of_leg = answers[row.pk].outcome
            row = replace(row, outcome=of_leg, note=leg_words.of_leg(of_leg) or row.note if not row.ended else row.note)
        told.append(row)
    return Whole(outcome, said, told, question)


def _rows(conversation: Conversation) -> list[Row]:
    try:
        return board.conversation(conversation)
    except Conversation.DoesNotExist:
        return []

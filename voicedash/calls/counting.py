"""How many calls of a tenant are live, paused, need a person: what stands in the header of every board.

One statement of our own: each change is counted for all open boards, and writing the query took Django several times
as long as answering it took the database.
"""

from dataclasses import dataclass

from django.db import connections

# By conversation, those without one together. Paused: acknowledged, not undone by a doubt, nobody is resuming it.
# Left out of a conversation's word: what Bandwidth does not know and nobody asks for; as `wholes` has it.
_COUNTED = """
SELECT conversation_id, COUNT(*),
    COUNT(*) FILTER (WHERE recording = 'paused' AND NOT {lapsed} AND NOT EXISTS (
        SELECT 1 FROM calls_command
        WHERE call_id = calls_call.id AND state = 'claimed' AND wanted = 'recording')),
    COUNT(*) FILTER (WHERE recording = 'unconfirmed' OR {lapsed}),
    COUNT(*) FILTER (WHERE not_known AND recording NOT IN ('paused', 'unconfirmed') AND NOT EXISTS (
        SELECT 1 FROM calls_command
        WHERE call_id = calls_call.id AND state <> 'closed' AND source = 'person')),
    COUNT(*) FILTER (WHERE place > %(place)s OR (place = %(place)s AND id > %(pk)s))
FROM calls_call WHERE tenant_id = %(tenant)s AND ended_at IS NULL
GROUP BY conversation_id
"""


@dataclass(frozen=True)
class Counts:
    """Of the whole tenant, whatever a page shows of it. Each conversation counts once.

    `paused` leaves out what is being resumed, and what a doubt has undone: that needs a person.
    """

    live: int
    paused: int
    needs: int
    left: int  # live calls that follow a page


def count(tenant_id: int, alias: str, lapsed: frozenset[int], place: str = "", pk: int = 0) -> Counts:
    """The counts of a tenant. `lapsed`: the keys of calls of which a row claims nothing any more (`due.lapsed`).

    `place` and `pk` are the mark at which a page ends. Raises DatabaseError.
    """
    # Keys of ours, numbers, so they may stand in the text.
    gone = f"id IN ({', '.join(map(str, sorted(lapsed)))})" if lapsed else "1 = 0"
    live = paused = needs = left = 0
    with connections[alias].cursor() as cursor:
        cursor.execute(_COUNTED.format(lapsed=gone), {"tenant": tenant_id, "place": place, "pk": pk})
        for conversation, legs, are_paused, need, left_out, follow in cursor.fetchall():
            left += follow
            if conversation is None:
                live += legs
                paused += are_paused
                needs += need
            else:
                live += 1
                paused += bool(are_paused) and are_paused + left_out == legs
                needs += bool(need)
    return Counts(live, paused, needs, left)

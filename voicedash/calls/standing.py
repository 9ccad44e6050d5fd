"""What stands about calls that are drawn: their open commands and what is in doubt, which is nothing for nearly all.

Statements of our own: every change of every board asks them, and Django takes ten times as long to write them as the
database to answer.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connections

from voicedash.tenants import reads
from voicedash.tenants.board import aware

_OPEN = "SELECT id FROM calls_command WHERE call_id IN ({calls}) AND state <> 'closed'"
_DOUBTS = """
SELECT calls_command.call_id, calls_command.wanted, calls_attempt.doubt_until
FROM calls_attempt JOIN calls_command ON calls_command.id = calls_attempt.command_id
WHERE calls_attempt.doubt_until > %s AND calls_command.call_id IN ({calls})
"""


def open_commands(calls: Sequence[int], alias: str) -> list[int]:
    """The keys of the commands of these calls (keys) that are not closed."""
    if not calls:
        return []
    with connections[alias].cursor() as cursor:
        cursor.execute(_OPEN.format(calls=reads.listed(calls)))
        return [pk for (pk,) in cursor.fetchall()]


def doubts(calls: Sequence[int], since: datetime, alias: str) -> list[tuple[int, str, datetime]]:
    """Of these calls (keys) what was in doubt after `since`: the call, what was wanted, until when it is in doubt."""
    if not calls:
        return []
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute(_DOUBTS.format(calls=reads.listed(calls)), [connection.ops.adapt_datetimefield_value(since)])
        return [(pk, wanted, aware(until)) for pk, wanted, until in cursor.fetchall()]

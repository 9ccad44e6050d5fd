"""The log as it is kept: entries in chains, each chain's head, and the indexes by which entries are found."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F


class Head(models.Model):
    """The newest entry of a chain: a log that was cut off no longer ends where its head says."""

    chain = models.CharField(max_length=60, primary_key=True)
    seq = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="0" * 64)

    def __str__(self) -> str:
        return f"{self.chain} at {self.seq}"


# What an entry is found by is worked out by the database, from what is signed, and kept in indexes only: no column
# beside the signed ones could say something else than they do. Both engines recognize an expression by its very text,
# without parameters: so each is written once, here. A change of one needs a migration that makes its index anew.


class Told(models.Func):
    """A word or number of `data`, as text; NULL where there is none."""

    output_field = models.CharField()

    def __init__(self, expression: Any, word: str) -> None:
        super().__init__(expression)
        self.word = word

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template=f"CAST(JSON_EXTRACT(%(expressions)s, '$.{self.word}') AS TEXT)"
        )

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=f"(%(expressions)s ->> '{self.word}')")


class Actor(models.Func):
    """Who did it; 0 for the system, as nothing is in order among NULLs."""

    output_field = models.BigIntegerField()
    template = "COALESCE(%(expressions)s, 0)"


class Kind(models.Func):
    """Of which kind an entry is, by its verb: `words.KINDS`."""

    output_field = models.CharField()
    template = (
        "CASE WHEN SUBSTR(%(expressions)s, 1, 10) = 'recording.' THEN 'recording' "
        "WHEN SUBSTR(%(expressions)s, 1, 5) = 'bulk.' THEN 'recording' "
        "WHEN SUBSTR(%(expressions)s, 1, 9) = 'incident.' THEN 'incident' "
        "WHEN SUBSTR(%(expressions)s, 1, 4) = 'call' AND SUBSTR(%(expressions)s, 5, 1) IN ('.', 's') THEN 'call' "
        "ELSE 'change' END"
    )


class Subject(models.Func):
    """Whom an entry about a user is about, as text: whoever it names, else whoever did it. NULL for other entries."""

    output_field = models.CharField()

    def __init__(self) -> None:
        super().__init__(F("verb"), F("data"), F("actor"))

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self._as("CAST(JSON_EXTRACT({data}, '$.user') AS TEXT)", compiler, connection)

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self._as("({data} ->> 'user')", compiler, connection)

    def _as(self, named: str, compiler: Any, connection: BaseDatabaseWrapper) -> Any:
        verb, data, actor = (compiler.compile(part)[0] for part in self.source_expressions)
        whom = f"COALESCE({named.format(data=data)}, CAST({actor} AS TEXT))"
        return f"CASE WHEN SUBSTR({verb}, 1, 5) = 'user.' THEN {whom} END", []


def _found_by(name: str, *what: Any) -> models.Index:
    """An index along which entries of a chain lie in the order of their times.

    Of those without it, too: PostgreSQL counts on what it knows of an expression only where an index is of all rows,
    and otherwise reads a million of them to find the ends of fifty commands.
    """
    return models.Index("chain", *what, "at", "id", name=name)


class Entry(models.Model):
    """One thing that happened. Never changed, never erased: so it holds keys and call ids, no names, no numbers."""

    chain = models.CharField(max_length=60)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    verb = models.CharField(max_length=60)
    actor = models.BigIntegerField(null=True, help_text="Key of the user; empty: the system.")
    call_id = models.CharField("call", max_length=100, blank=True)
    data = models.JSONField(default=dict)
    key = models.CharField(max_length=8, help_text="Which key signed it.")
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "entries"
        constraints = [models.UniqueConstraint(fields=["chain", "seq"], name="one_entry_a_place_in_the_chain")]
        indexes = [
            _found_by("entries_by_time"),
            _found_by("entries_by_actor", Actor("actor")),
            _found_by("entries_by_call", "call_id"),
            _found_by("entries_by_kind", Kind("verb")),
            _found_by("entries_by_reason", Told("data", "reason")),
            _found_by("entries_by_outcome", Told("data", "outcome")),
            _found_by("entries_by_command", Told("data", "command")),
            _found_by("entries_by_subject", Subject()),
        ]

    def __str__(self) -> str:
        return f"{self.chain} {self.seq}: {self.verb}"

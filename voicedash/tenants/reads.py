"""Rows that every press reads, by statements that are put together once.

Django writes a queryset's SQL anew each time: for a call with its account that costs ten times what the database
needs, and a press reads a handful of rows one after the other.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.expressions import Col

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True)
class _Shape:
    """How rows of a model are read: their columns in SQL, the names of the fields, what the engine gives otherwise."""

    columns: str
    names: list[str]
    converted: list[tuple[int, Col, list[Callable[..., Any]]]]

    def made(self, model: type[M], values: Sequence[Any]) -> M:
        row = list(values)
        for place, column, converters in self.converted:
            for convert in converters:
                row[place] = convert(row[place], column, connection)
        return model.from_db(connection.alias, self.names, row)


def first(model: type[M], rest: str, *values: Any, along: tuple[str, ...] = ()) -> M | None:
    """The first row of a model that the `rest` of the statement (WHERE …, with `%s` for each of `values`) finds.

    `along` names foreign keys, never NULL, whose rows are read with it. Columns stand in `rest` with their table.
    Raises DatabaseError.
    """
    found = first_and((), model, rest, *values, along=along)
    return None if found is None else found[1]


def first_and(
    more: Sequence[str], model: type[M], rest: str, *values: Any, along: tuple[str, ...] = ()
) -> tuple[Sequence[Any], M] | None:
    """The same after the values of `more` expressions, whose `%s` come first; tables for them are joined in `rest`."""
    return next(iter(every_and(more, model, f"{rest} LIMIT 1", *values, along=along)), None)


def every(model: type[M], rest: str, *values: Any, along: tuple[str, ...] = ()) -> list[M]:
    """All rows that `rest` finds, as `first` does the first."""
    return [row for _, row in every_and((), model, rest, *values, along=along)]


def every_and(
    more: Sequence[str], model: type[M], rest: str, *values: Any, along: tuple[str, ...] = ()
) -> list[tuple[Sequence[Any], M]]:
    """All rows, each after the values of `more`."""
    asked = "".join(f"{one}, " for one in more)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {asked}{_columns(model, along, connection.vendor)} {rest}", values)
        return [(found[: len(more)], _made(model, along, found[len(more) :])) for found in cursor.fetchall()]


def listed(keys: Iterable[int]) -> str:
    """What stands in IN (…): numbers of ours, so they may be text. SQLite takes no more than a thousand parameters."""
    return ", ".join(str(int(key)) for key in keys) or "NULL"


def _made(model: type[M], along: tuple[str, ...], found: Sequence[Any]) -> M:
    shape = _shape(model, connection.vendor)
    row = shape.made(model, found[: len(shape.names)])
    at = len(shape.names)
    for key in (_key(model, name) for name in along):
        other = _shape(key.related_model, connection.vendor)
        key.set_cached_value(row, other.made(key.related_model, found[at : at + len(other.names)]))
        at += len(other.names)
    return row


@cache
def _columns(model: type[models.Model], along: tuple[str, ...], vendor: str) -> str:
    """What stands between SELECT and WHERE."""
    table, columns, joins = model._meta.db_table, _shape(model, vendor).columns, ""
    for key in (_key(model, name) for name in along):
        other = key.related_model._meta.db_table
        columns += f", {_shape(key.related_model, vendor).columns}"
        joins += f" JOIN {other} ON {other}.id = {table}.{key.column}"
    return f"{columns} FROM {table}{joins}"


def _key(model: type[models.Model], name: str) -> "models.ForeignKey[Any, Any]":
    key = model._meta.get_field(name)
    assert isinstance(key, models.ForeignKey)
    return key


@cache
def _shape(model: type[models.Model], vendor: str) -> _Shape:
    table, quote = model._meta.db_table, connection.ops.quote_name
    fields = model._meta.concrete_fields
    columns = [field.get_col(table) for field in fields]
    converters = [connection.ops.get_db_converters(one) + one.get_db_converters(connection) for one in columns]
    return _Shape(
        columns=", ".join(f"{table}.{quote(field.column or field.name)}" for field in fields),
        names=[field.attname for field in fields],
        converted=[(place, columns[place], some) for place, some in enumerate(converters) if some],
    )

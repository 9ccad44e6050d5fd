"""Rows written by plain statements: many in one go, each with columns of its own, or what every press writes.

Django's `bulk_update` writes one statement with a case for every row and column: for a hundred calls that took a
tenth of a second, under the tenant's lock, of which the database needed a few milliseconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection, models


def each(model: type[models.Model], changes: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Writes the named columns of the rows with these keys. Raises DatabaseError.

    One statement for each set of columns, executed once a row (psycopg sends them without waiting for each).
    """
    alike: dict[tuple[str, ...], list[list[Any]]] = defaultdict(list)
    for pk, columns in changes:
        names = tuple(sorted(columns))
        alike[names].append([*(_prepared(model, name, columns[name]) for name in names), pk])
    with connection.cursor() as cursor:
        for names, rows in alike.items():
            if len(rows) == 1:
                cursor.execute(_update(model, names), rows[0])
            else:
                cursor.executemany(_update(model, names), rows)


def next_key(model: type[models.Model]) -> str:
    """SQL that gives the key of a row to be added; NULL on SQLite, where only the insert knows it."""
    return f"nextval('{model._meta.db_table}_id_seq')" if connection.vendor == "postgresql" else "NULL"


def add(row: models.Model) -> None:
    """Inserts a new row, which gets its key. Raises DatabaseError."""
    add_all([row])


def add_all(rows: Sequence[models.Model]) -> None:
    """Inserts new rows of one model in one statement; each gets its key. Raises DatabaseError.

    Where they have them from `next_key` nothing is waited for.
    """
    if not rows:
        return
    if rows[0].pk is None:
        for row, (pk,) in zip(rows, _insert(rows, _but_key(rows[0]), " RETURNING id"), strict=True):
            row.pk = pk
    else:
        _insert(rows, rows[0]._meta.concrete_fields)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def add_unread(rows: Sequence[models.Model]) -> None:
    """The same for rows that nobody looks at any more: they get no key, and nothing is waited for."""
    if rows:
        _insert(rows, _but_key(rows[0]))


def _but_key(row: models.Model) -> "Sequence[models.Field[Any, Any]]":
    return [field for field in row._meta.concrete_fields if not field.primary_key]


def _insert(
    rows: Sequence[models.Model], fields: "Sequence[models.Field[Any, Any]]", returning: str = ""
) -> list[tuple[int]]:
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    names = tuple(_quoted(field) for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(_into(rows[0]._meta.db_table, names, len(rows)) + returning, values)
        return list(cursor.fetchall()) if returning else []


@cache
def _update(model: type[models.Model], names: tuple[str, ...]) -> str:
    values = ", ".join(f"{_quoted(_field(model, name))} = %s" for name in names)
    return f"UPDATE {model._meta.db_table} SET {values} WHERE id = %s"


@cache
def _into(table: str, columns: tuple[str, ...], rows: int) -> str:
    row = f"({', '.join('%s' for _ in columns)})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"


def _quoted(field: "models.Field[Any, Any]") -> str:
    return connection.ops.quote_name(field.column or field.name)


def _field(model: type[models.Model], name: str) -> "models.Field[Any, Any]":
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _prepared(model: type[models.Model], name: str, value: Any) -> Any:
    key = value.pk if isinstance(value, models.Model) else value
    return _field(model, name).get_db_prep_save(key, connection)

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


def one_if(model: type[models.Model], pk: int, columns: Mapping[str, Any], condition: str, *values: Any) -> bool:
    """Writes the named columns of one row where the `condition` (SQL, with `%s` for each of `values`) still holds.

    False where it does not, or the row is gone. Raises DatabaseError.
    """
    names = tuple(sorted(columns))
    prepared = [_prepared(model, name, columns[name]) for name in names]
    with connection.cursor() as cursor:
        cursor.execute(f"{_update(model, names)} AND {condition}", [*prepared, pk, *values])
        return bool(cursor.rowcount == 1)


def add(row: models.Model) -> None:
    """Inserts a new row, which gets its key. Raises DatabaseError."""
    add_all([row])


def add_all(rows: Sequence[models.Model]) -> None:
    """Inserts new rows of one model in one statement; each gets its key. Raises DatabaseError."""
    if not rows:
        return
    fields = [field for field in rows[0]._meta.concrete_fields if not field.primary_key]
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(_insert(type(rows[0]), len(rows)), values)
        for row, (pk,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = pk
            row._state.adding, row._state.db = False, connection.alias


@cache
def _update(model: type[models.Model], names: tuple[str, ...]) -> str:
    values = ", ".join(f"{_quoted(_field(model, name))} = %s" for name in names)
    return f"UPDATE {model._meta.db_table} SET {values} WHERE id = %s"


@cache
def _insert(model: type[models.Model], rows: int) -> str:
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns, values = ", ".join(_quoted(field) for field in fields), ", ".join("%s" for _ in fields)
    return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES {', '.join([f'({values})'] * rows)} RETURNING id"


def _quoted(field: "models.Field[Any, Any]") -> str:
    return connection.ops.quote_name(field.column or field.name)


def _field(model: type[models.Model], name: str) -> "models.Field[Any, Any]":
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _prepared(model: type[models.Model], name: str, value: Any) -> Any:
    key = value.pk if isinstance(value, models.Model) else value
    return _field(model, name).get_db_prep_save(key, connection)

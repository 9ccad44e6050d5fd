"""CSV as spreadsheets take it, with nothing in it that they would run as a formula."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

# A spreadsheet takes what begins with one of these for a formula, +19195550100 for a sum. With ' before it, it is text.
_FORMULA = tuple("=+-@\t\r")


class _Echo:
    """A file for csv.writer that gives back what is written."""

    def write(self, value: str) -> str:
        return value


def write(rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """CSV of `rows`, a line at a time; with a mark before it, by which spreadsheets know UTF-8."""
    writer: Any = csv.writer(_Echo())
    yield "\ufeff"
    for row in rows:
        yield writer.writerow([escaped(cell) for cell in row])


def escaped(cell: str) -> str:
    """Text for a spreadsheet, never a formula. What begins with ' gets another, so that reading undoes it."""
    return f"'{cell}" if cell.startswith((*_FORMULA, "'")) else cell


def unescaped(cell: str) -> str:
    """What `escaped` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell

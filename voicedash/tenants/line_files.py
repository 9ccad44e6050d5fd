"""Lines as CSV, taken in: whatever a spreadsheet makes of it is read, and what cannot be is told line by line."""

import codecs
import csv
import re
from dataclasses import dataclass, field
from typing import Any

from voicedash.tenants import addresses, lines, spreadsheets
from voicedash.tenants.lines import Wish
from voicedash.tenants.models import Line

MOST_BYTES = 2_000_000
MOST_LINES = 20_000

HEADER = ["number", "name", "team"]
# What the columns are called elsewhere, without spaces and punctuation.
_NUMBER = {"number", "address", "phone", "phonenumber", "telephone", "tel", "line", "did", "tn", "e164", "sip"} | {
    "sipaddress", "sipuri", "uri", "numberorsipaddress"
}  # fmt: skip
_NAMES = {
    "number": _NUMBER,
    "name": {"name", "person", "fullname", "agent", "employee", "user", "displayname"},
    "team": {"team", "teamname", "group", "department", "queue"},
}
_LINE: Any = Line._meta
_MOST: dict[str, int] = {name: _LINE.get_field(name).max_length for name in ("address", "name", "team")}

_LINE_END = re.compile(r"\r\n|\n|\r")
_KINDS = [
    (b"PK\x03\x04", "This is a spreadsheet, not CSV. In the spreadsheet: Save as, CSV UTF-8."),
    (b"\xd0\xcf\x11\xe0", "This is a spreadsheet, not CSV. In the spreadsheet: Save as, CSV UTF-8."),
    (b"%PDF", "This is a PDF, not CSV."),
]


class Unreadable(Exception):
    """Nothing of a file could be read; its text is a sentence for whoever chose it."""


@dataclass(frozen=True)
class Problem:
    """Why one line of a file was not taken."""

    at: int
    text: str  # the line, cut short
    why: str


@dataclass
class Read:
    """What a file holds. Nothing of the rest is lost for one bad line."""

    wishes: list[Wish] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)  # columns that mean nothing here


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file, and the name of the encoding it was read by. Raises Unreadable."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"The file is larger than {MOST_BYTES // 1_000_000} MB: divide it.")
    for begin, why in _KINDS:
        if data.startswith(begin):
            raise Unreadable(why)
    text, encoding = _decoded(data)
    if len(text.encode()) > MOST_BYTES:
        raise Unreadable(f"The file is larger than {MOST_BYTES // 1_000_000} MB: divide it.")
    if "\0" in text:
        raise Unreadable("This is no text. Save the list as CSV UTF-8.")
    if not text.strip():
        raise Unreadable("The file is empty.")
    return text, encoding


def _decoded(data: bytes) -> tuple[str, str]:
    even, odd = data[:400:2].count(0), data[1:400:2].count(0)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        order = ["utf-16"]
    elif odd > len(data[:400]) // 4 and not even:  # Latin letters of two bytes each, without a mark
        order = ["utf-16-le"]
    elif even > len(data[:400]) // 4 and not odd:
        order = ["utf-16-be"]
    else:
        # What is valid UTF-8 is hardly ever anything else. Windows' own Latin-1 has quotation marks in five gaps of it.
        order = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in order:
        try:
            return data.decode(encoding), _TOLD[encoding]
        except UnicodeDecodeError:
            continue
    raise Unreadable("The file is cut off in the middle of a letter. Save it again.")


_TOLD = dict.fromkeys(["utf-16", "utf-16-le", "utf-16-be"], "UTF-16")
_TOLD |= {"utf-8-sig": "UTF-8", "cp1252": "Latin-1 (Windows)", "latin-1": "Latin-1"}


def read(text: str) -> Read:
    """The wishes of a CSV, and a problem for each line that is none.

    The separator is what the header has most of: comma, semicolon or tab. A number that stands twice counts where
    it stands first; the second is told. Raises Unreadable where the header does not say which column is which.
    """
    rows = [(at, line) for at, line in enumerate(_LINE_END.split(text), start=1) if line.strip(" ,;\t\xa0\ufeff")]
    if rows and (found := re.fullmatch(r"\"?sep=([,;\t])\"?", rows[0][1].strip("\ufeff "))):
        separator, rows = found[1], rows[1:]  # Excel's own word for it
    else:
        separator = _separator(rows[0][1]) if rows else ","
    if len(rows) < 2:
        raise Unreadable("The file has no line below its header.")
    if len(rows) > MOST_LINES + 1:
        raise Unreadable(f"The file has more than {MOST_LINES:,} lines: divide it.")
    try:
        header = _cells(rows[0][1], separator)
    except csv.Error as error:
        raise Unreadable(f"Line {rows[0][0]}, the header: {_told(error)}.") from None
    result = Read()
    columns = _columns(header, result)
    first: dict[str, int] = {}
    for at, line in rows[1:]:
        try:
            wish = _wish(at, _cells(line, separator), columns, len(header))
            if wish.address in first:
                raise ValueError(f"this number stands in line {first[wish.address]} already, which counts")
        except (ValueError, csv.Error) as error:
            result.problems.append(Problem(at, line[:120], _told(error)))
        else:
            first[wish.address] = at
            result.wishes.append(wish)
    return result


def _separator(header: str) -> str:
    return max(",;\t", key=header.count)


def _cells(line: str, separator: str) -> list[str]:
    """One line by itself: a quotation mark that is never closed takes no other line with it. Raises csv.Error."""
    cells = next(csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True))
    return [lines.plain(spreadsheets.unescaped(cell.strip(" \xa0\ufeff"))) for cell in cells]


def _columns(header: list[str], result: Read) -> dict[str, int]:
    """In which cell what stands. Raises Unreadable."""
    found: dict[str, int] = {}
    for at, title in enumerate(header):
        plain = re.sub(r"[\W_]", "", title.casefold())
        meant = next((name for name, names in _NAMES.items() if plain in names), None)
        if meant is None:
            result.ignored += [title] if title else []
        elif meant in found:
            both = f"“{header[found[meant]]}” and “{title}”"
            raise Unreadable(f"Both {both} are read as the {meant}: rename one of them.")
        else:
            found[meant] = at
    if "number" not in found:
        seen = ", ".join(f"“{title}”" for title in header[:8])
        raise Unreadable(f"No column is called number, phone or address. The first line has {seen}.")
    if len(found) == 1:
        raise Unreadable("No column is called name or team: with the number alone there is nothing to take in.")
    return found


def _wish(at: int, cells: list[str], columns: dict[str, int], width: int) -> Wish:
    """What one line asks for. Raises ValueError."""
    if any(cells[width:]):
        raise ValueError("more cells than the header has: a name with a separator in it stands in quotation marks")
    cell = {name: cells[number] if number < len(cells) else "" for name, number in columns.items()}
    address = addresses.normal(cell["number"])
    name, team = cell.get("name"), cell.get("team")
    if name == "":
        raise ValueError("the name is missing")
    for what, value in (("address", address), ("name", name or ""), ("team", team or "")):
        if len(value) > _MOST[what]:
            raise ValueError(f"the {what} is longer than {_MOST[what]} characters")
        if not lines.is_shown(value):
            raise ValueError(f"the {what} has a character in it that cannot be shown")
        if not lines.is_seen(value):
            raise ValueError(f"the {what} has nothing in it that can be seen")
    return Wish(at, address, name, team)


def _told(error: Exception) -> str:
    if not isinstance(error, csv.Error):
        return str(error)
    if "unexpected end" in str(error):
        return "a quotation mark is opened and not closed in this line"
    return "a quotation mark stands where none can be: within a cell it is written twice"

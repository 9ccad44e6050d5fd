"""Lists of lines as spreadsheets save them: what can be read is, what cannot is told by its line, and nothing else is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicedash.tenants import line_files, lines, spreadsheets
from voicedash.tenants.line_files import Read, Unreadable
from voicedash.tenants.lines import Wish


def read(data: bytes) -> Read:
    return line_files.read(line_files.decode(data)[0])


def told(data: bytes) -> list[tuple[int, str]]:
    return [(problem.at, problem.why) for problem in read(data).problems]


ROWS = ["Number,Name,Team", "+19195550100,José Núñez,Sales", "+19195550101,Zoë O’Hara,Große Hilfe"]
WISHES = [Wish(2, "+19195550100", "José Núñez", "Sales"), Wish(3, "+19195550101", "Zoë O’Hara", "Große Hilfe")]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["CRLF", "LF", "CR"])
@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("cp1252", "Latin-1 (Windows)"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
    ],
)
def test_encodings_and_separators_are_told_apart(encoding: str, name: str, separator: str, end: str) -> None:
    data = end.join(ROWS).replace(",", separator).encode(encoding)
    assert line_files.decode(data)[1] == name
    assert read(data) == Read(wishes=WISHES)


def test_latin_1_is_read_where_windows_has_gaps() -> None:
    text, name = line_files.decode("number,name\n9195550100,Jos\xe9 \x81".encode("latin-1"))
    assert name == "Latin-1" and "José" in text


def test_excels_own_word_for_the_separator_is_no_header() -> None:
    assert read(b"sep=;\r\nnumber;name\r\n9195550100;Ana Ruiz").wishes == [Wish(3, "+19195550100", "Ana Ruiz", None)]


@pytest.mark.parametrize(
    "header",
    ["number,name,team", "Phone,Person,Department", "SIP address,Full name,GROUP", "E.164,Agent,Queue", " Tel. ,display_name,Team name"],
)  # fmt: skip
def test_columns_go_by_many_names(header: str) -> None:
    assert read(f"{header}\n9195550100,Ana Ruiz,Sales".encode()).wishes == [
        Wish(2, "+19195550100", "Ana Ruiz", "Sales")
    ]


def test_columns_come_in_any_order_and_others_are_named_as_not_read() -> None:
    found = read(b"Desk,Team,Start date,Name,Number\n12,Sales,2026-01-01,Ana Ruiz,9195550100")
    assert found.wishes == [Wish(2, "+19195550100", "Ana Ruiz", "Sales")]
    assert found.ignored == ["Desk", "Start date"]


def test_a_column_that_is_missing_leaves_what_is_there() -> None:
    assert read(b"number,team\n9195550100,Sales").wishes == [Wish(2, "+19195550100", None, "Sales")]
    assert read(b"number,name\n9195550100,Ana").wishes == [Wish(2, "+19195550100", "Ana", None)]


BAD = """number,name,team
9195550100,Ana Ruiz,Sales
555 0100,Tom Berg,Sales
9195550101,,Sales
9195550102,Ruiz, Eva,Sales
9195550103,"Kim Vo,Sales
9195550104,"Jo "the boss" Lee",Sales

1.91956E+10,Max Roe,Sales
(919) 555-0100,Ana Again,Support
9195550105,Lee Xu
,,
9195550106,{name},Sales
9195550107,Nia\x07Bell,Sales
9195550108,Zed Last,Sales
"""


def test_each_bad_line_is_told_and_nothing_of_the_rest_is_lost() -> None:
    data = BAD.format(name="x" * 101).encode()
    assert told(data) == [
        (3, "the area code is missing"),
        (4, "the name is missing"),
        (5, "more cells than the header has: a name with a separator in it stands in quotation marks"),
        (6, "a quotation mark is opened and not closed in this line"),
        (7, "a quotation mark stands where none can be: within a cell it is written twice"),
        (9, "a spreadsheet has shortened this number: format its column as text, and enter it again"),
        (10, "this number stands in line 2 already, which counts"),
        (13, "the name is longer than 100 characters"),
        (14, "the name has a character in it that cannot be shown"),
    ]
    assert [(wish.at, wish.name) for wish in read(data).wishes] == [(2, "Ana Ruiz"), (11, "Lee Xu"), (15, "Zed Last")]


@pytest.mark.parametrize("name", ["\u200b", "\u3164", "\u2800", "\u00ad\u200d", "\u115f \ufe0f", "\u0301"])
def test_a_name_of_which_nothing_can_be_seen_is_none(name: str) -> None:
    assert told(f"number,name\n+19195550100,{name}\n".encode()) == [(2, "the name has nothing in it that can be seen")]


@pytest.mark.parametrize("name", ["A\u200d\u0915\u094d\u200d", "\u0645\u06cc\u200c\u0631", "e\u0301", "☎", "7", "."])
def test_beside_what_can_be_seen_such_letters_stay(name: str) -> None:
    assert [wish.name for wish in read(f"number,name\n+19195550100,{name}\n".encode()).wishes] == [name]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"PK\x03\x04...", "spreadsheet, not CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "spreadsheet, not CSV"),
        (b"%PDF-1.7", "PDF"),
        (b"\x00\x01\x02\x00\x00", "no text"),
        ("number,name\n".encode("utf-16") + b"\x41", "cut off"),
        (b"x" * 2_000_001, "larger than 2 MB"),
        (b"number,name,team", "no line below"),
        (b"9195550100,Ana,Sales\n9195550101,Tom,Sales", "No column is called number"),
        (b"number\n9195550100", "with the number alone"),
        (b"number,phone,name\n9195550100,9195550100,Ana", "“number” and “phone” are read as the number"),
        (b'"number,name\n9195550100,Ana', "Line 1, the header: a quotation mark is opened"),
        (b"number,name\n" + b"9195550100,Ana\n" * 20_001, "more than 20,000 lines"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_words(data: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(data)


def out(*rows: list[str]) -> str:
    return "".join(spreadsheets.write([line_files.HEADER, *rows]))


@pytest.mark.parametrize("begin", ["=", "+", "-", "@"])
def test_nothing_that_comes_out_is_a_formula(begin: str) -> None:
    cell = f'{begin}HYPERLINK("https://evil.example";"Ana")'
    text = out(["+19195550100", cell, cell])
    assert "\r\n'+19195550100," in text  # a spreadsheet would take it for a sum, and drop its +
    assert all(not part.startswith(tuple("=+-@")) for part in text.replace('"', ",").split(",") if "HYPER" in part)
    assert read(text.encode()).wishes == [Wish(2, "+19195550100", cell, cell)]


def test_a_formula_that_comes_in_is_a_name_like_any_other() -> None:
    assert read(b"number,name\n9195550100,=2+3").wishes == [Wish(2, "+19195550100", "=2+3", None)]


text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60).map(lines.plain)


@given(st.lists(st.tuples(text.filter(bool), text), min_size=1, max_size=20))
def test_what_comes_out_comes_in_again_as_it_was(people: list[tuple[str, str]]) -> None:
    rows = [[f"+1919555{at:04}", name, team] for at, (name, team) in enumerate(people)]
    found = read(out(*rows).encode())
    shown = [row for row in rows if all(lines.is_shown(cell) and lines.is_seen(cell) for cell in row)]
    assert [[wish.address, wish.name, wish.team] for wish in found.wishes] == shown


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    try:
        read(b"number,name\n" + data)
        read(data)
    except Unreadable:
        pass

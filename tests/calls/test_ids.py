"""Whatever is pasted, each word of it is a call id or is told why not; nothing is lost and nothing breaks."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicedash.calls import ids
from voicedash.calls.ids import Typed

USUAL = "c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85"
ADDRESS = f"https://voice.bandwidth.com/api/v2/accounts/9900001/calls/{USUAL}"


def reasons(typed: Typed) -> list[str]:
    return [why for _, why in typed.refused]


GOOD = [
    # typed, ids with the account of their address
    (USUAL, {USUAL: ""}),
    (f"  {USUAL}\r\n", {USUAL: ""}),
    ("c-abc", {"c-abc": ""}),
    ("c-" + "x" * 60, {"c-" + "x" * 60: ""}),
    ("c-3rtok7ztulq5yttum5cinva", {"c-3rtok7ztulq5yttum5cinva": ""}),
    (
        "c-abc c-def\tc-ghi\nc-jkl,c-mno;c-pqr , c-stu",
        {f"c-{t}": "" for t in ["abc", "def", "ghi", "jkl", "mno", "pqr", "stu"]},
    ),
    (f'"{USUAL}"', {USUAL: ""}),
    (f"'{USUAL}', <c-abc>", {USUAL: "", "c-abc": ""}),
    (ADDRESS, {USUAL: "9900001"}),
    (f"<{ADDRESS}>", {USUAL: "9900001"}),
    (ADDRESS + "/", {USUAL: "9900001"}),
    (ADDRESS + "/recording", {USUAL: "9900001"}),
    (ADDRESS + "/recordings/r-abc/media", {USUAL: "9900001"}),
    (ADDRESS + "?pageSize=1#top", {USUAL: "9900001"}),
    (ADDRESS.removeprefix("https://") + "?x=1", {USUAL: "9900001"}),
    (f"/accounts/9900001/calls/{USUAL}", {USUAL: "9900001"}),
    (f"http://localhost:8099/api/v2/accounts/9900001/calls/{USUAL}", {USUAL: "9900001"}),
    (f"{USUAL} {USUAL}", {USUAL: ""}),
    (f'{USUAL} "{USUAL}" {ADDRESS}', {USUAL: "9900001"}),
    (f"{ADDRESS} {USUAL}", {USUAL: "9900001"}),
    ("", {}),
    (" \n,;, ", {}),
]


@pytest.mark.parametrize(("text", "found"), GOOD, ids=[row[0][:40] for row in GOOD])
def test_ids_are_found_however_they_are_pasted(text: str, found: dict[str, str]) -> None:
    typed = ids.read(text)
    assert (typed.ids, typed.refused) == (found, [])


BAD = [
    ("C-abc", "a call id begins with c-"),
    ("hello", "a call id begins with c-"),
    ("+19195551234", "a call id begins with c-"),
    ('""', "a call id begins with c-"),
    ("c-", "a call id is c- and 3 to 60 characters"),
    ("c-ab", "a call id is c- and 3 to 60 characters"),
    ("c-" + "x" * 61, "a call id is c- and 3 to 60 characters"),
    ("c-abc_def", "a call id holds only letters, digits and dashes"),
    ("c-abc.", "a call id holds only letters, digits and dashes"),
    ("c-abc%2F", "a call id holds only letters, digits and dashes"),
    ("c-äöü", "a call id holds only letters, digits and dashes"),
    ("c-٣٤٥", "a call id holds only letters, digits and dashes"),
    ("c-abc\x00", "a call id holds only letters, digits and dashes"),
    ("r-fbe05094-9fd2afe9-bf5b-4c68-820a-41a01c1c5833", "this is the id of a recording; a call's begins with c-"),
    ("conf-fe23a767-a75a5b77-20c5", "this is the id of a conference; a call's begins with c-"),
    ("t-3f758f24", "this is the id of a transcription; a call's begins with c-"),
    ("e-15ac29a2", "this is the id of an endpoint; a call's begins with c-"),
    ("https://voice.bandwidth.com/api/v2/accounts/9900001/calls", "not the address of a call"),
    ("https://voice.bandwidth.com/api/v2/accounts/9900001/calls/", "not the address of a call"),
    (f"https://evil.example/?{ADDRESS.partition('/api')[2]}", "not the address of a call"),
    (f"http://[half/accounts/9900001/calls/{USUAL}", "not the address of a call"),
    (f"http://a℀b/accounts/9900001/calls/{USUAL}", "not the address of a call"),
    ("https://x/accounts/1/calls/r-abcdef", "this is the id of a recording; a call's begins with c-"),
    ("../../etc/passwd", "not the address of a call"),
]


@pytest.mark.parametrize(("text", "why"), BAD, ids=[repr(row[0][:40]) for row in BAD])
def test_what_is_no_id_is_told_why(text: str, why: str) -> None:
    typed = ids.read(text)
    assert (typed.ids, typed.refused) == ({}, [(text if len(text) <= 80 else text[:77] + "…", why)])


def test_one_bad_word_takes_nothing_from_the_rest() -> None:
    typed = ids.read(f"c-one, nonsense {USUAL}\nc-x")
    assert list(typed.ids) == ["c-one", USUAL]
    assert [word for word, _ in typed.refused] == ["nonsense", "c-x"]


def test_what_is_refused_is_shown_as_typed_and_cut_where_it_is_long() -> None:
    ((shown, _),) = ids.read("c-" + "y" * 5000).refused
    assert shown == "c-" + "y" * 75 + "…"


def test_only_the_47_characters_that_bandwidth_uses_pass_without_a_hint() -> None:
    upper = USUAL.upper().replace("C-", "c-")
    typed = ids.read(f"{USUAL} {USUAL[:-1]} {upper} c-abc")
    assert [call_id for call_id, _ in typed.hints] == [USUAL[:-1], upper, "c-abc"]
    assert "47" in typed.hints[0][1]
    assert len(USUAL) == 47


def test_a_hint_is_given_once_for_an_id_typed_twice() -> None:
    assert len(ids.read('c-abc "c-abc"').hints) == 1


def test_at_most_500_are_taken_and_each_one_more_is_told() -> None:
    many = [f"c-{number:05}" for number in range(505)]
    typed = ids.read(" ".join(many))
    assert list(typed.ids) == many[:500]
    assert [word for word, _ in typed.refused] == many[500:]
    assert set(reasons(typed)) == {"more than 500 at once: add it in a second go"}


def test_duplicates_do_not_count_towards_the_500() -> None:
    many = [f"c-{number:05}" for number in range(500)]
    typed = ids.read(" ".join([*many, *many, f'"{many[0]}"']))
    assert (list(typed.ids), typed.refused) == (many, [])


PIECES = st.one_of(
    st.text(max_size=90),
    st.sampled_from(
        [USUAL, ADDRESS, "c-abc", '"c-abc"', "/accounts/1/calls/", "http://[", "://", "%", "\u2028", "'", ","]
    ),
    st.from_regex(r"c-[A-Za-z0-9-]{0,62}", fullmatch=True),
)


@given(st.lists(PIECES, max_size=20).map(" ".join) | st.lists(PIECES, max_size=6).map("".join))
@example("http://[")
@example("//[/accounts/1/calls/c-abc")
def test_every_word_of_any_text_is_an_id_or_is_told_why(text: str) -> None:
    typed = ids.read(text)
    words = {word for word in re.split(r"[\s,;]+", text.strip()) if word}
    told = {shown for shown, _ in typed.refused}
    for word in words:
        shown = word if len(word) <= 80 else word[:77] + "…"
        assert shown in told or any(call_id in word for call_id in typed.ids), word
    assert all(re.fullmatch(r"c-[A-Za-z0-9-]{3,60}", call_id) for call_id in typed.ids)
    assert all(why for _, why in typed.refused)
    assert {call_id for call_id, _ in typed.hints} <= set(typed.ids)
    assert len(typed.ids) + len(typed.refused) <= len(words)

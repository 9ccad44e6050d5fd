"""The filter of the log: each field finds what it says along an index, and whatever is typed gets a sentence."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.reading_along import all_lines, browser_of, command, read, tell
from voicedash.audit import log, reading
from voicedash.audit.forms import FilterForm
from voicedash.audit.models import Actor, Entry, Kind, Subject, Told
from voicedash.audit.reading import Wish

ZONE = ZoneInfo("America/New_York")
NOON = datetime(2026, 11, 27, 12, tzinfo=ZONE)


@pytest.fixture
def day(cast):
    """A day of Acme's: an entry of each sort an hour; gives their numbers."""
    tell(cast.acme, "tenant.added", at=NOON - timedelta(days=9))
    return {
        "ana": command(cast.acme, 1, actor=cast.ana.pk, reason=cast.card.pk, at=NOON),
        "mia": command(
            cast.acme, 2, actor=cast.mia.pk, reason=cast.objects.pk, at=NOON + timedelta(hours=1), call_id="c-2"
        ),
        "refused": command(
            cast.acme, 3, actor=cast.ana.pk, outcome="refused", at=NOON + timedelta(hours=2), call_id="c-3"
        ),
        "system": command(cast.acme, 4, actor=None, source="reassert", at=NOON + timedelta(hours=3)),
        "hidden": tell(cast.acme, "call.hidden", call_id="c-2", at=NOON + timedelta(hours=4), data={"why": "unknown"}),
        "erased": tell(cast.acme, "calls.numbers_erased", at=NOON + timedelta(hours=5), data={"calls": 3}),
        "change": tell(cast.acme, "reason.changed", actor=cast.mia.pk, at=NOON + timedelta(hours=6)),
        "credential": tell(cast.acme, "callback_credential.added", actor=cast.mia.pk, at=NOON + timedelta(hours=7)),
        "incident": tell(cast.acme, "incident.opened", call_id="c-3", at=NOON + timedelta(hours=8)),
    }


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"who": "ana"}, ["refused", "ana"]),
        ({"who": "0"}, ["incident", "erased", "hidden", "system", 1]),
        ({"call": " c-2 "}, ["hidden", "mia"]),
        ({"reason": "card"}, ["ana"]),
        ({"outcome": "refused"}, ["refused"]),
        ({"outcome": "acknowledged"}, ["system", "mia", "ana"]),
        ({"what": "recording"}, ["system", "refused", "mia", "ana"]),
        ({"what": "call"}, ["erased", "hidden"]),
        ({"what": "incident"}, ["incident"]),
        ({"what": "change"}, ["credential", "change", 1]),
        ({"from": "2026-11-27T18:00"}, ["incident", "credential", "change"]),
        ({"from": "2026-11-27 17:00:00", "to": "2026-11-27T18:00"}, ["erased"]),
        ({"to": "2026-11-18"}, [1]),
        ({"from": "2026-11-27", "to": "2026-11-27", "who": "mia", "what": "recording"}, ["mia"]),
        ({"who": "ana", "outcome": "acknowledged", "call": "c-3"}, []),
    ],
    ids=str,
)
def test_each_field_finds_what_it_says(cast, day, asked, found):
    keys = {"ana": cast.ana.pk, "mia": cast.mia.pk, "card": cast.card.pk}
    asked = {field: keys.get(value, value) if field in {"who", "reason"} else value for field, value in asked.items()}
    assert list(read(cast.ana, **asked).lines) == [day.get(name, name) for name in found]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("from", "yesterday", "“yesterday” is no time on the clocks here"),
        ("from", "2026-13-01", "is no time"),
        ("from", "0001-01-01", "is no time"),
        ("to", "9999-12-31T23:59:59", "is no time"),
        ("to", "2026-11-27T10:00+05:00", "is no time"),
        ("who", "somebody", "“somebody” is none of these"),
        ("who", "999999", "is none of these"),
        ("who", "9" * 40, "is none of these"),
        ("who", "-1", "is none of these"),
        ("who", "٣", "is none of these"),
        ("what", "'; DROP TABLE audit_entry; --", "is none of these"),
        ("outcome", "paused", "is none of these"),
        ("reason", "1 OR 1=1", "is none of these"),
        ("call", "two words", "This is no call id"),
        ("call", "c" * 101, "This is no call id"),
        ("call", "c-\x00", "Null characters are not allowed"),
    ],
)
def test_garbage_gets_a_sentence_at_its_field_and_loses_nothing_of_the_rest(cast, day, field, value, says):
    asked = {"who": str(cast.ana.pk), "call": "c-2", "from": "2026-11-27T10:00", "outcome": "refused", field: value}
    for path in ("/t/acme/log/", "/t/acme/log/export/"):
        answer = browser_of(cast.ana).get(path, asked)
        assert answer.status_code == (400 if "export" in path else 200)
        page = answer.content.decode()
        at_field = page.split(f'id="id_{field}_error"')[1].split("</div>")[0]
        assert says in at_field.replace("&#x27;", "'")
        assert "data-entry" not in page
        for name, kept in asked.items():
            if name in {"call", "from"} and name != field:
                assert f'value="{kept}"' in page
            elif name != field:
                assert f'<option value="{kept}" selected>' in page


def test_until_that_is_not_after_from_is_told_there(cast):
    told = read(cast.ana, **{"from": "2026-11-27T10:00", "to": "2026-11-27T10:00"})
    assert "This is not after From." in told.text


@pytest.mark.parametrize("before", ["", "0", "-1", "x", "9" * 30, "99999"])
def test_a_page_that_goes_on_from_nowhere_is_a_page(cast, day, before):
    assert read(cast.ana, before=before).status == 200


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=30))
def test_no_text_breaks_a_field(text):
    asked = dict.fromkeys(("from", "to", "who", "what", "outcome", "reason", "call"), text)
    form = FilterForm(asked, chain="tenant-1", zone=ZONE, people=[("1", "Ana")], reasons=[])
    form.is_valid()
    form.as_p()
    form.in_words()


def test_an_hour_that_comes_twice_is_in_it_twice():
    asked = {"from": "2026-11-01T01:00", "to": "2026-11-01T02:00"}  # clocks are set back at 2:00
    form = FilterForm(asked, chain="tenant-1", zone=ZONE, people=[], reasons=[])
    assert form.is_valid()
    wish = form.wish()
    assert wish.until.astimezone(UTC) - wish.since.astimezone(UTC) == timedelta(hours=2)


def test_entries_written_while_a_clock_was_wrong_are_found_by_the_time_they_bear(cast):
    usual = command(cast.acme, 1, at=NOON)
    wrong = command(cast.acme, 2, at=NOON - timedelta(days=40))
    last = command(cast.acme, 3, at=NOON + timedelta(minutes=1))
    assert list(read(cast.ana).lines) == [last, usual, wrong]
    assert list(read(cast.ana, to="2026-11-01").lines) == [wrong]
    assert list(read(cast.ana, **{"from": "2026-11-27"}).lines) == [last, usual]


def test_two_fields_that_seldom_meet_are_looked_for_in_steps_that_say_how_far(cast, monkeypatch):
    monkeypatch.setattr(reading, "MOST", 200)
    wanted = command(cast.acme, 1, actor=cast.ana.pk, outcome="refused")
    for number in range(2, 400):
        command(cast.acme, number, actor=cast.mia.pk, outcome="refused")
    first = read(cast.mia, who=cast.ana.pk, outcome="refused")
    assert first.told == []
    assert "Nothing that fits back to" in first.text
    assert all_lines(cast.mia, f"?who={cast.ana.pk}&outcome=refused") == [wanted]


INDEXES = {
    "entries_by_time": Wish("tenant-1"),
    "entries_by_actor": Wish("tenant-1", actor=0),
    "entries_by_call": Wish("tenant-1", call_id="c-one"),
    "entries_by_kind": Wish("tenant-1", kind="change"),
    "entries_by_reason": Wish("tenant-1", reason="3"),
    "entries_by_outcome": Wish("tenant-1", outcome="refused"),
    "entries_by_subject": Wish(log.SIGN_INS, subject="3"),
}


@pytest.mark.parametrize("index", INDEXES)
def test_each_field_is_read_along_its_own_index_in_its_order(cast, index):
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL chooses by what a table holds: benchmarks/log.py")
    wish = INDEXES[index]
    entries = wish.along().filter(at__gte=NOON, at__lt=NOON, seq__lte=9).order_by("-at", "-id")
    plan = entries[:50].explain()
    assert f"USING INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan


def test_what_the_database_works_out_is_what_the_page_does(cast, day):
    tell(cast.acme, "user.changed", actor=3, data={"user": 5})
    tell(cast.acme, "user.signed_in", actor=3)
    tell(cast.acme, "user.sign_in_failed")
    tell(cast.acme, "bulk.asked")
    entries = Entry.objects.annotate(
        kind=Kind("verb"), who=Actor("actor"), about=Subject(), told=Told("data", "outcome")
    )
    for entry in entries:
        assert entry.kind == reading.kind(entry.verb), entry.verb
        assert entry.who == (entry.actor or 0)
        assert (entry.about or "") == reading.subject(entry)
        assert entry.told == entry.data.get("outcome")

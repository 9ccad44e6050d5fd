"""The one way into the log: what is written is what is signed, in the transaction of what it tells."""

import json
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from tests.audit.chains import AT, SEVEN, some
from voicedash.audit import log, proof
from voicedash.audit.models import Entry, Head


@pytest.fixture
def five(transactional_db: None) -> None:
    some(SEVEN)


def test_a_whole_chain_is_whole(five: None) -> None:
    assert proof.fault_in(SEVEN) is None
    assert proof.fault_in("tenant-without-entries") is None


def test_a_new_key_in_front_signs_and_the_old_one_still_verifies(five: None, settings: Settings) -> None:
    settings.LOG_KEYS = ["a-new-key", *settings.LOG_KEYS]
    with transaction.atomic():
        log.append(SEVEN, "recording.asked", at=AT)
    assert proof.fault_in(SEVEN) is None
    assert Head.objects.get(chain=SEVEN).seq == 6


def test_an_entry_outside_a_transaction_is_refused() -> None:
    assert not connection.in_atomic_block
    with pytest.raises(RuntimeError):
        log.append(SEVEN, "recording.asked", at=AT)
    assert not Entry.objects.exists()


def test_an_entry_goes_with_the_transaction_of_what_it_tells(five: None) -> None:
    with transaction.atomic():
        log.append(SEVEN, "recording.asked", at=AT)
        transaction.set_rollback(True)
    assert Entry.objects.filter(chain=SEVEN).count() == 5
    assert proof.fault_in(SEVEN) is None


DATA: dict[str, dict[str, object]] = {
    "empty": {},
    "words": {"why": 'a "quoted" \\ 100 % word', "list": [1, None, True, {"b": 1, "a": [2]}], "umlaut": "Zoë ☎"},
    "numbers": {"large": 2**53, "negative": -1, "part": 0.25},
    "markers": {"percent": "%s %(name)s %%", "question": "? :1 $1"},
}


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize("at", [AT, AT.replace(microsecond=0), AT + timedelta(microseconds=1)], ids=str)
@pytest.mark.parametrize("actor", [None, 2**40])
def test_what_was_written_reads_back_and_verifies(data: dict[str, object], at: datetime, actor: int | None) -> None:
    with transaction.atomic():
        given = log.append(SEVEN, "recording.asked", at=at, actor=actor, call_id="c-'one'; --", data=data)
    kept = Entry.objects.get()
    columns = [field.attname for field in Entry._meta.concrete_fields if not field.primary_key]
    assert [getattr(kept, name) for name in columns] == [getattr(given, name) for name in columns]
    assert (kept.data, kept.actor, kept.call_id, kept.at) == (data, actor, "c-'one'; --", at)
    assert proof.fault_in(SEVEN) is None


def test_the_columns_hold_the_very_text_that_the_orm_would_write() -> None:
    with transaction.atomic():
        log.append(SEVEN, "recording.asked", at=AT, actor=3, data=DATA["words"])
    theirs = Entry.objects.get()
    theirs.pk, theirs.seq = None, 2
    theirs.save(force_insert=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT at, CAST(at AS TEXT), CAST(data AS TEXT), actor, call_id FROM audit_entry ORDER BY seq")
        first, second = cursor.fetchall()
    assert first == second
    assert json.loads(first[2]) == DATA["words"]


def test_an_entry_costs_few_statements(five: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with transaction.atomic(), django_assert_num_queries(2 if connection.vendor == "postgresql" else 3):
        log.append(SEVEN, "recording.asked", at=AT)

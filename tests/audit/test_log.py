"""The log notices what was done to it. (The database's own refusal, and `verify_log`, have an issue of their own.)"""

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from voicedash.audit import log
from voicedash.audit.models import Entry, Head

CHAIN = log.of_tenant(7)
AT = datetime(2026, 11, 23, 14, 3, 22, 123000, tzinfo=UTC)


@pytest.fixture
def five() -> None:
    with transaction.atomic():
        for number in range(5):
            log.append(CHAIN, "recording.asked", at=AT, actor=number, call_id="c-one", data={"wanted": "paused"})


def test_a_whole_chain_is_whole(five):
    assert log.fault_in(CHAIN) is None
    assert log.fault_in("tenant-without-entries") is None


@pytest.mark.parametrize(
    "change",
    [
        {"actor": 99},
        {"verb": "recording.answered"},
        {"call_id": "c-two"},
        {"at": AT.replace(second=23)},
        {"data": {"wanted": "recording"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_entry_is_named(five, change):
    Entry.objects.filter(chain=CHAIN, seq=3).update(**change)
    assert log.fault_in(CHAIN) == f"{CHAIN}: entry 3 was changed"


def test_a_missing_entry_is_named(five):
    Entry.objects.filter(chain=CHAIN, seq=2).delete()
    assert log.fault_in(CHAIN) == f"{CHAIN}: entry 2 is missing"


def test_a_cut_off_end_is_told(five):
    Entry.objects.filter(chain=CHAIN, seq__gt=3).delete()
    assert log.fault_in(CHAIN) == f"{CHAIN}: cut off after entry 3"


def test_entries_that_changed_places_are_told(five):
    Entry.objects.filter(chain=CHAIN, seq=2).update(seq=99)
    Entry.objects.filter(chain=CHAIN, seq=3).update(seq=2)
    Entry.objects.filter(chain=CHAIN, seq=99).update(seq=3)
    assert log.fault_in(CHAIN) == f"{CHAIN}: entry 2 does not follow the one before it"


def test_a_chain_written_anew_with_another_key_is_told(five, settings):
    settings.LOG_KEYS = ["another-key"]
    assert "not in VOICEDASH_LOG_KEYS" in (log.fault_in(CHAIN) or "")


def test_a_new_key_in_front_signs_and_the_old_one_still_verifies(five, settings):
    settings.LOG_KEYS = ["a-new-key", *settings.LOG_KEYS]
    with transaction.atomic():
        log.append(CHAIN, "recording.asked", at=AT)
    assert log.fault_in(CHAIN) is None
    assert Head.objects.get(chain=CHAIN).seq == 6


def test_an_entry_outside_a_transaction_is_refused(db):
    assert not connection.in_atomic_block
    with pytest.raises(RuntimeError):
        log.append(CHAIN, "recording.asked", at=AT)
    assert not Entry.objects.exists()


def test_an_entry_goes_with_the_transaction_of_what_it_tells(five):
    with transaction.atomic():
        log.append(CHAIN, "recording.asked", at=AT)
        transaction.set_rollback(True)
    assert Entry.objects.filter(chain=CHAIN).count() == 5
    assert log.fault_in(CHAIN) is None

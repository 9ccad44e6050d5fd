"""The database itself refuses to change the log, whoever asks and however."""

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from tests.audit.chains import AT, SEVEN, some
from tests.unguarded import log_unguarded
from voicedash.audit import guard, log, proof
from voicedash.audit.models import Entry, Head

SQLITE = connection.vendor == "sqlite"
BOTH = [
    "UPDATE audit_entry SET actor = 99 WHERE seq = 2",
    "UPDATE audit_entry SET seq = seq + 100",
    "DELETE FROM audit_entry WHERE seq = 5",
    "DELETE FROM audit_entry",
    "INSERT INTO audit_entry SELECT * FROM audit_entry WHERE seq = 2",
    "INSERT INTO audit_entry SELECT * FROM audit_entry WHERE seq = 2 ON CONFLICT (id) DO UPDATE SET actor = 99",
    "UPDATE audit_head SET seq = seq - 1",
    "UPDATE audit_head SET digest = 'x'",
    "UPDATE audit_head SET seq = seq + 2",
    "UPDATE audit_head SET chain = 'tenant-8', seq = seq + 1",
    "DELETE FROM audit_head",
    "INSERT INTO audit_head (chain, seq, digest) VALUES ('tenant-7', 3, 'x') ON CONFLICT (chain) DO UPDATE SET seq = 3",
]
ENTRY = "chain, seq, at, verb, actor, call_id, data, key, previous, digest"
ONLY_SQLITE = [
    "REPLACE INTO audit_entry SELECT * FROM audit_entry WHERE seq = 2",
    f"INSERT OR REPLACE INTO audit_entry ({ENTRY}) SELECT {ENTRY} FROM audit_entry WHERE seq = 2",
    f"INSERT OR REPLACE INTO audit_entry (id, {ENTRY}) "
    "SELECT id, 'tenant-8', seq, at, verb, actor, call_id, data, key, previous, digest FROM audit_entry WHERE seq = 2",
    f"INSERT OR REPLACE INTO audit_entry (rowid, {ENTRY}) "
    "SELECT id, 'tenant-8', seq, at, verb, actor, call_id, data, key, previous, digest FROM audit_entry WHERE seq = 2",
    "UPDATE OR REPLACE audit_entry SET seq = 3 WHERE seq = 2",
    "INSERT OR REPLACE INTO audit_head (chain, seq, digest) VALUES ('tenant-7', 3, 'x')",
    "INSERT OR REPLACE INTO audit_head (rowid, chain, seq, digest) SELECT rowid, 'x', 1, 'x' FROM audit_head",
    "UPDATE OR REPLACE audit_head SET rowid = 99, seq = seq + 1",
]
ONLY_POSTGRESQL = [
    "TRUNCATE audit_entry",
    "TRUNCATE audit_head",
    "TRUNCATE audit_entry, audit_head RESTART IDENTITY CASCADE",
    "SET LOCAL session_replication_role = replica; DELETE FROM audit_entry",
    "SET LOCAL session_replication_role = replica; TRUNCATE audit_head",
]


@pytest.fixture(autouse=True)
def _five(transactional_db: None) -> None:
    some(SEVEN)


@pytest.mark.parametrize("statement", BOTH + (ONLY_SQLITE if SQLITE else ONLY_POSTGRESQL))
def test_it_refuses(statement: str) -> None:
    before = rows()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert rows() == before
    assert proof.fault_in(SEVEN) is None


def test_the_refusal_says_why() -> None:
    with pytest.raises(IntegrityError, match="the log is only ever added to: this DELETE of audit_entry is refused"):
        Entry.objects.all().delete()


def test_a_flush_is_refused() -> None:
    with pytest.raises(CommandError):
        call_command("flush", verbosity=0, interactive=False)
    assert Entry.objects.count() == 5


def test_adding_goes_on() -> None:
    with transaction.atomic():
        log.append(SEVEN, "recording.asked", at=AT)
        log.append("tenant-8", "recording.asked", at=AT)
    assert proof.fault_in(SEVEN) is None
    assert guard.missing(connection) == []


def test_the_migration_goes_back_and_forth() -> None:
    try:
        call_command("migrate", "audit", "0001", verbosity=0)
        assert len(guard.missing(connection)) == (6 if SQLITE else 5)
        Head.objects.filter(chain=SEVEN).update(seq=4)
    finally:
        call_command("migrate", "audit", verbosity=0)
    assert guard.missing(connection) == []
    with pytest.raises(IntegrityError):
        Head.objects.filter(chain=SEVEN).update(seq=3)


def test_a_guard_that_is_off_is_named() -> None:
    with log_unguarded():
        assert "audit_head_forward" in guard.missing(connection)
    assert guard.missing(connection) == []


def rows() -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM audit_entry ORDER BY id")
        entries = cursor.fetchall()
        cursor.execute("SELECT * FROM audit_head ORDER BY chain")
        return [entries, cursor.fetchall()]

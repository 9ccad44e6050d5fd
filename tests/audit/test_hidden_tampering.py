"""`verify_log` tells what was made to look right: another time for readers, an emptied guard, another order."""

from collections.abc import Iterator
from datetime import timedelta, timezone

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from tests.audit.chains import AT, EIGHT, SEVEN
from tests.audit.conftest import Verify
from tests.unguarded import log_unguarded
from voicedash.audit import guard, log, proof
from voicedash.audit.models import Entry

SQLITE = connection.vendor == "sqlite"
only_sqlite = pytest.mark.skipif(not SQLITE, reason="PostgreSQL's types take no such value")
only_postgresql = pytest.mark.skipif(SQLITE, reason="SQLite has no such thing")
pytestmark = pytest.mark.usefixtures("two_chains")


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def guard_is_made_anew() -> Iterator[None]:
    yield
    run(*guard.take_off(connection.vendor), *guard.put_on(connection.vendor))
    assert guard.missing(connection) == []


@only_sqlite
@pytest.mark.parametrize(
    "at",
    [
        "at || '+09:00'",
        "at || '+00:00'",
        "at || 'Z'",
        "at || '0'",
        "at || ' '",
        "replace(at, ' ', 'T')",
        "rtrim(at, '0')",
        "CAST(at AS BLOB)",
    ],
)
def test_a_time_that_is_not_written_as_the_log_writes_it_is_told(verify: Verify, at: str) -> None:
    with log_unguarded():
        run(f"UPDATE audit_entry SET at = {at} WHERE chain = '{SEVEN}' AND seq = 3")
    status, lines = verify()
    assert (status, lines[0]) == (1, f"FAULT: 1 fault: {SEVEN}: entry 3 cannot be read")


@only_postgresql
def test_the_same_time_before_our_era_is_told(verify: Verify) -> None:
    with log_unguarded():
        run(f"UPDATE audit_entry SET at = '2026-11-23 14:05:22.123+00 BC' WHERE chain = '{SEVEN}' AND seq = 3")
    status, lines = verify()
    assert (status, lines[0]) == (1, f"FAULT: 1 fault: {SEVEN}: entry 3 cannot be read")


def test_times_with_and_without_a_fraction_are_whole(verify: Verify) -> None:
    with transaction.atomic():
        log.append(SEVEN, "recording.asked", at=AT.replace(microsecond=0))
        log.append(SEVEN, "recording.asked", at=AT.replace(microsecond=1))
        log.append(SEVEN, "recording.asked", at=AT.astimezone(timezone(timedelta(hours=9))))
    assert verify()[0] == 0


@only_sqlite
@pytest.mark.usefixtures("guard_is_made_anew")
@pytest.mark.parametrize("name", sorted(guard._SQLITE))
def test_a_trigger_that_never_works_is_told(verify: Verify, name: str) -> None:
    table, verb, _ = guard._SQLITE[name]
    run(
        f"DROP TRIGGER {name}",
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} WHEN 0 BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    assert_guard_told(verify, [name])


@only_postgresql
@pytest.mark.usefixtures("guard_is_made_anew")
@pytest.mark.parametrize("name", sorted(guard._POSTGRESQL))
@pytest.mark.parametrize("how", ["WHEN (false)", "DISABLE", "ENABLE REPLICA", "ENABLE", "another function"])
def test_a_trigger_that_works_no_more_is_told(verify: Verify, name: str, how: str) -> None:
    table, verb, each, _ = guard._POSTGRESQL[name]
    if how in ("WHEN (false)", "another function"):
        when, function = (how, "audit_refuse") if how.startswith("WHEN") else ("", "elsewhere.audit_refuse")
        run(
            "CREATE SCHEMA elsewhere",
            "CREATE FUNCTION elsewhere.audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
            f"DROP TRIGGER {name} ON {table}",
            f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH {each} {when} EXECUTE FUNCTION {function}()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
        )
    else:
        run(f"ALTER TABLE {table} {how} TRIGGER {name}")
    try:
        assert_guard_told(verify, [name])
    finally:
        run("DROP SCHEMA IF EXISTS elsewhere CASCADE")
        run(f"DROP TRIGGER IF EXISTS {name} ON {table}")


@only_postgresql
@pytest.mark.usefixtures("guard_is_made_anew")
def test_a_function_that_refuses_nothing_is_told(verify: Verify) -> None:
    run("CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$")
    assert_guard_told(verify, sorted(guard._POSTGRESQL))


@only_postgresql
@pytest.mark.usefixtures("guard_is_made_anew")
def test_a_trigger_for_one_column_only_is_told(verify: Verify) -> None:
    run(
        "DROP TRIGGER audit_entry_no_change ON audit_entry",
        "CREATE TRIGGER audit_entry_no_change BEFORE DELETE OR UPDATE OF key ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
        "ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_change",
    )
    assert_guard_told(verify, ["audit_entry_no_change"])


def test_the_guard_that_migrations_made_is_whole() -> None:
    call_command("migrate", "audit", "0001", verbosity=0)
    call_command("migrate", "audit", verbosity=0)
    assert guard.missing(connection) == []


@only_sqlite
def test_a_chain_whose_name_is_no_text_is_told_and_ends(verify: Verify) -> None:
    with log_unguarded():
        run(
            "INSERT INTO audit_entry (chain, seq, at, verb, call_id, data, key, previous, digest) "
            "VALUES (CAST('zz' AS BLOB), 1, '2026-11-23 14:03:22', '', '', '{}', '', '', '')",
            "INSERT INTO audit_head (chain, seq, digest) VALUES (CAST('zz' AS BLOB), 1, '')",
        )
    assert proof.chains() == [SEVEN, EIGHT]
    status, lines = verify()
    assert status == 1
    assert lines[1:-1] == [
        "entries whose chain is no text, and that were never written so: 1",
        "heads whose chain is no text, and that were never written so: 1",
    ]
    with log_unguarded():
        run("DELETE FROM audit_head WHERE typeof(chain) = 'blob'")
    assert verify()[0] == 1


def test_entries_that_are_shown_in_another_order_are_told(verify: Verify) -> None:
    third, fourth = (Entry.objects.get(chain=SEVEN, seq=seq).pk for seq in (3, 4))
    with log_unguarded():
        for old, new in ((third, 10**9), (fourth, third), (10**9, fourth)):
            Entry.objects.filter(pk=old).update(id=new)
    assert list(Entry.objects.filter(chain=SEVEN).values_list("seq", flat=True)) == [7, 6, 5, 3, 4, 2, 1]
    status, lines = verify()
    told = f"{SEVEN}: entry 4 has a lower id than the one before it: shown in a wrong order"
    assert (status, lines[0]) == (1, f"FAULT: 1 fault: {told} (of 2026-11-23 14:06:22 UTC)")


def assert_guard_told(verify: Verify, names: list[str]) -> None:
    status, lines = verify()
    assert status == 1
    told = [
        f"the database does not refuse changes: trigger {name} is gone, off or not as it was made" for name in names
    ]
    assert lines[1:-1] == told

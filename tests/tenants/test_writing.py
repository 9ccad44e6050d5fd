"""A tenant's transaction on PostgreSQL waits for no statement but to read its answer: whoever writes sees none of that."""

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from voicedash.calls.models import Call
from voicedash.tenants import updates
from voicedash.tenants.board import writing
from voicedash.tenants.models import Tenant


def test_how_many_rows_were_written_is_known_at_once(cast, live_call):
    call, _ = live_call(cast.acme_account)
    with writing(cast.acme.pk):
        assert Call.objects.filter(pk=call.pk).update(team="Sales") == 1
        assert Call.objects.filter(pk=4711).update(team="Sales") == 0
        updates.each(Call, [(call.pk, {"person": "Ana"})])  # nobody waits for this one …
        assert Call.objects.get().person == "Ana"  # … but who reads after it
        assert Call.objects.filter(person="Ana").update(person="Mia") == 1
    call.refresh_from_db()
    assert (call.team, call.person) == ("Sales", "Mia")


def test_what_is_not_to_be_written_raises_and_leaves_nothing(cast, live_call):
    call, _ = live_call(cast.acme_account)
    told: list[str] = []
    again = Call(tenant=cast.acme, account=cast.acme_account, call_id=call.call_id, added_at=call.added_at)

    def write() -> None:
        transaction.on_commit(lambda: told.append("committed"))
        updates.each(Call, [(call.pk, {"team": "Sales"})])
        updates.add_unread([again])

    with pytest.raises(IntegrityError), writing(cast.acme.pk):
        write()
    call.refresh_from_db()
    assert (call.team, Call.objects.count(), told) == ("", 1, [])
    with writing(cast.acme.pk):  # the connection goes on
        transaction.on_commit(lambda: told.append("committed"))
        updates.each(Call, [(call.pk, {"team": "Sales"})])
    call.refresh_from_db()
    assert (call.team, told) == ("Sales", ["committed"])


def test_what_only_the_commit_refuses_raises_too(cast, live_call):
    call, _ = live_call(cast.acme_account)
    with pytest.raises(IntegrityError), writing(cast.acme.pk):
        updates.each(Call, [(call.pk, {"team": "Sales", "tenant": Tenant(pk=4711)})])
    call.refresh_from_db()
    assert call.team == ""


def test_what_is_taken_back_was_never_there(cast, live_call):
    call, _ = live_call(cast.acme_account)
    with writing(cast.acme.pk) as before:
        updates.each(Call, [(call.pk, {"team": "Sales"})])
        transaction.set_rollback(True)
    call.refresh_from_db()
    assert call.team == ""
    with writing(cast.acme.pk) as after:
        assert after.version == before.version


@pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL's own way")
def test_a_connection_that_breaks_is_told_as_the_databases_fault(cast, live_call):
    call, _ = live_call(cast.acme_account)

    def write() -> None:
        updates.each(Call, [(call.pk, {"team": "Sales"})])
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(OperationalError), writing(cast.acme.pk):
        write()
    connection.close()
    call.refresh_from_db()
    assert call.team == ""

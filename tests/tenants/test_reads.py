"""Rows read and written by statements of our own are the ones that Django reads and writes."""

from datetime import UTC, datetime

import pytest
from django.contrib.sessions.models import Session
from django.forms.models import model_to_dict

from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants import access, reads, reasons, updates
from voicedash.tenants.models import Board, Membership, Reason, User
from voicedash.tenants.sessions import SessionStore


def _columns(row: object) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}  # type: ignore[attr-defined]


def test_a_call_and_its_account_have_every_column_as_django_reads_it(cast, live_call, django_assert_num_queries):
    call, _ = live_call(cast.acme_account)
    Call.objects.update(recording="paused", recording_since=datetime(2026, 3, 1, 9, 5, tzinfo=UTC))
    theirs = Call.objects.select_related("account").get(pk=call.pk)
    with django_assert_num_queries(1):
        ours = reads.first(Call, "WHERE calls_call.id = %s", call.pk, along=("account",))
        assert ours is not None
        account = ours.account
    assert _columns(ours) == _columns(theirs)
    assert {name: type(value) for name, value in _columns(ours).items()} == {
        name: type(value) for name, value in _columns(theirs).items()
    }
    assert _columns(account) == _columns(theirs.account)
    assert ours == theirs
    ours.team = "Support"
    ours.save()  # an UPDATE, as of any row that was read
    assert Call.objects.get().team == "Support"


@pytest.mark.parametrize("model", [Membership, Reason, User])
def test_every_row_is_found_with_what_stands_in_it(cast, model):
    table = model._meta.db_table
    ours = reads.every(model, f"WHERE {table}.id > %s ORDER BY {table}.id", 0)
    theirs = list(model.objects.order_by("pk"))
    assert [_columns(one) for one in ours] == [_columns(one) for one in theirs]
    assert reads.every(model, f"WHERE {table}.id IN ({reads.listed([])})") == []


def test_nothing_found_is_none(cast):
    assert reads.first(Call, "WHERE calls_call.id = %s", 4711, along=("account",)) is None
    assert access.membership_of(cast.omar, "acme") is None
    assert access.membership_of(cast.ana, "acme") == Membership.objects.get(user=cast.ana, tenant=cast.acme)


def test_the_usual_reason_is_the_tenants_own(cast):
    assert reasons.usual(cast.acme.pk) == cast.card
    Reason.objects.filter(tenant=cast.acme).update(default=False)
    assert reasons.usual(cast.acme.pk) is None


def test_a_row_is_added_as_django_adds_it(cast, live_call):
    call, _ = live_call(cast.acme_account)
    at = datetime(2026, 3, 1, 9, 5, 1, 250_000, tzinfo=UTC)
    rows = [Command(call=call, wanted="paused", state="closed", asked_at=at, expires_at=at, version=n) for n in (1, 2)]
    updates.add_all(rows)
    assert [model_to_dict(one) for one in Command.objects.order_by("pk")] == [model_to_dict(one) for one in rows]
    attempt = Attempt(command=rows[0], number=1, began_at=at, result="acknowledged")
    updates.add(attempt)
    attempt.status = 200
    attempt.save()  # an UPDATE: it is known to be there
    assert Attempt.objects.get().status == 200
    updates.add_all([])


def test_beside_a_row_more_is_read_and_its_key_is_known_before_it_is_added(cast, live_call):
    call, _ = live_call(cast.acme_account)
    found = reads.first_and(
        ("%s", "tenants_board.version", updates.next_key(Command)),
        Call,
        "JOIN tenants_board ON tenants_board.tenant_id = calls_call.tenant_id WHERE calls_call.id = %s",
        *(7, call.pk),
        along=("account", "tenant"),
    )
    assert found is not None
    (seven, version, key), ours = found
    assert (seven, version) == (7, Board.objects.get(tenant=cast.acme).version)
    assert (ours, ours.account, ours.tenant) == (call, cast.acme_account, cast.acme)
    at = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
    command = Command(pk=key, call=call, wanted="paused", state="closed", asked_at=at, expires_at=at, version=1)
    updates.add(command)
    assert Command.objects.get() == command
    assert key in {None, command.pk}
    Command(call=call, wanted="paused", state="closed", asked_at=at, expires_at=at, version=1).save()  # the next key


def test_a_session_that_is_over_or_not_ours_is_empty_and_its_key_is_not_taken_over(cast):
    store = SessionStore()
    store["who"] = "ana"
    store.save()
    assert SessionStore(store.session_key)["who"] == "ana"
    Session.objects.update(expire_date=datetime(2026, 1, 1, tzinfo=UTC))
    for key in (store.session_key, "a" * 32):
        found = SessionStore(key)
        assert "who" not in found
        assert found.session_key is None

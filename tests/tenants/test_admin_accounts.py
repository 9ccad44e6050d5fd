"""Bandwidth accounts in Django admin: the secret goes in and never comes out, and saving tries it."""

import re
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.cast import Cast
from tests.tenants.conftest import told
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Call
from voicedash.tenants import sealing
from voicedash.tenants.models import BandwidthAccount, Board

LIST = "/admin/tenants/bandwidthaccount/"


def form(cast: Cast, **fields: Any) -> dict[str, Any]:
    return {
        "tenant": cast.acme.pk,
        "name": "",
        "account_id": "9900001",
        "auth": "oauth2",
        "client_id": "CLI-9900001",
        "records": "all",
        "secret": "",
    } | fields


def page_of(account: BandwidthAccount) -> str:
    return f"{LIST}{account.pk}/change/"


def test_a_new_account_is_sealed_checked_and_told(cast: Cast, bandwidth: Fake, root: Client) -> None:
    bandwidth.add_account("9900005", client_id="CLI-5", secret="hush-hush")
    before = Board.objects.get(tenant=cast.acme).version
    answer = root.post(
        f"{LIST}add/", form(cast, account_id="9900005", client_id="CLI-5", secret="hush-hush"), follow=True
    )
    account = BandwidthAccount.objects.get(account_id="9900005")
    assert sealing.open_secret(account) == "hush-hush"
    assert account.check_result == "ok"
    assert "Works. Bandwidth accepts these credentials for this account." in answer.content.decode()
    assert told(cast.acme) == [
        ("account.added", cast.root.pk, {"id": account.pk}),
        ("account.checked", cast.root.pk, {"id": account.pk, "result": "ok"}),
    ]
    assert Board.objects.get(tenant=cast.acme).version == before + 2


def test_a_wrong_secret_is_saved_and_said(cast: Cast, bandwidth: Fake, root: Client) -> None:
    page = root.post(page_of(cast.acme_account), form(cast, secret="wrong"), follow=True).content.decode()
    assert "Wrong credentials. Bandwidth refuses the client id or the secret: enter both again." in page
    cast.acme_account.refresh_from_db()
    assert sealing.open_secret(cast.acme_account) == "wrong"
    assert cast.acme_account.check_result == "credentials"


def test_an_empty_secret_leaves_the_old_one(cast: Cast, bandwidth: Fake, root: Client) -> None:
    sealed = cast.acme_account.sealed_secret
    root.post(page_of(cast.acme_account), form(cast, name="Main"))
    cast.acme_account.refresh_from_db()
    assert (cast.acme_account.name, cast.acme_account.sealed_secret) == ("Main", sealed)
    assert told(cast.acme)[0] == ("account.changed", cast.root.pk, {"id": cast.acme_account.pk, "fields": ["name"]})


def test_a_changed_secret_is_told_without_it(cast: Cast, bandwidth: Fake, root: Client) -> None:
    root.post(page_of(cast.acme_account), form(cast, secret="hush-hush"))
    assert told(cast.acme)[0] == ("account.changed", cast.root.pk, {"id": cast.acme_account.pk, "fields": ["secret"]})


def test_a_new_account_needs_a_secret(cast: Cast, bandwidth: Fake, root: Client) -> None:
    page = root.post(f"{LIST}add/", form(cast, account_id="9900005")).content.decode()
    assert "This field is required." in page
    assert not BandwidthAccount.objects.filter(account_id="9900005").exists()
    assert bandwidth.requests == []


def test_an_account_does_not_move_to_another_tenant(cast: Cast, bandwidth: Fake, root: Client) -> None:
    root.post(page_of(cast.acme_account), form(cast, tenant=cast.globex.pk, name="Moved"))
    cast.acme_account.refresh_from_db()
    assert (cast.acme_account.name, cast.acme_account.tenant_id) == ("Moved", cast.acme.pk)


def test_the_secret_stands_on_no_page_neither_open_nor_sealed(cast: Cast, bandwidth: Fake, root: Client) -> None:
    sealing.seal(cast.acme_account, "hush-hush")
    cast.acme_account.save()
    wrong = form(cast, account_id="x", secret="hush-again")  # a form that comes back with errors
    pages = [
        root.get(LIST),
        root.get(page_of(cast.acme_account)),
        root.get(f"{LIST}{cast.acme_account.pk}/history/"),
        root.get(f"{LIST}{cast.acme_account.pk}/delete/"),
        root.post(page_of(cast.acme_account), wrong),
        root.post(page_of(cast.acme_account), form(cast, secret="hush-anew"), follow=True),
        root.get(f"{LIST}{cast.acme_account.pk}/history/"),
        root.get(f"/admin/tenants/tenant/{cast.acme.pk}/change/"),
        root.get("/admin/"),
        root.get("/admin/audit/entry/"),
    ]
    cast.acme_account.refresh_from_db()
    for page in pages:
        assert page.status_code == 200
        text = page.content.decode()
        assert "hush" not in text
        assert cast.acme_account.sealed_secret not in text
        assert "gAAAA" not in text


def test_the_list_says_whether_a_secret_is_set(cast: Cast, root: Client) -> None:
    BandwidthAccount.objects.filter(pk=cast.globex_account.pk).update(sealed_secret="")
    assert re.findall(r'field-secret_state">(\w[\w ]*)<', root.get(LIST).content.decode()) == ["set", "not set"]


def test_the_action_checks_each_chosen_account(cast: Cast, bandwidth: Fake, root: Client) -> None:
    sealing.seal(cast.globex_account, "wrong")
    cast.globex_account.save()
    chosen = [cast.acme_account.pk, cast.globex_account.pk]
    page = root.post(LIST, {"action": "check_sign_in", "_selected_action": chosen}, follow=True).content.decode()
    assert "9900001 (Acme Support): Works." in page
    assert "9900002 (Globex Care): Wrong credentials." in page
    assert told(cast.globex)[-1] == (
        "account.checked",
        cast.root.pk,
        {"id": cast.globex_account.pk, "result": "credentials"},
    )


def test_a_check_is_not_run_inside_the_transaction(cast: Cast, bandwidth: Fake, root: Client) -> None:
    """While Bandwidth thinks, others write: an answer of two seconds must not hold the tenant's lock."""
    bandwidth.latency = 0.3
    root.post(page_of(cast.acme_account), form(cast, name="Main"))
    cast.acme_account.refresh_from_db()
    assert cast.acme_account.check_result == "ok"  # its own transaction is durable: it raises inside another


def test_saving_takes_the_tenants_lock_first_and_writes_only_what_was_changed(
    cast: Cast, bandwidth: Fake, root: Client
) -> None:
    with CaptureQueriesContext(connection) as asked:
        root.post(page_of(cast.acme_account), form(cast, name="Main"))
    writes = [q["sql"] for q in asked if q["sql"].lstrip().startswith(("INSERT", "UPDATE", "DELETE"))]
    assert "tenants_board" in writes[0]
    saved = next(sql for sql in writes if "tenants_bandwidthaccount" in sql)
    assert '"name" = ' in saved
    for column in ("sealed_secret", "client_id", "check_result"):
        assert column not in saved.partition("WHERE")[0]


@pytest.mark.parametrize("search", ["9900001", "CLI-9900001", "Acme"])
def test_accounts_are_found(cast: Cast, root: Client, search: str) -> None:
    page = root.get(LIST, {"q": search}).content.decode()
    assert "9900001" in page
    assert "9900002" not in page


def test_an_account_goes_with_its_log_kept(cast: Cast, root: Client) -> None:
    pk = cast.acme_account.pk
    root.post(f"{LIST}{pk}/delete/", {"post": "yes"})
    assert not BandwidthAccount.objects.filter(pk=pk).exists()
    assert told(cast.acme)[-1] == ("account.removed", cast.root.pk, {"id": pk})


def test_an_account_with_a_paused_call_cannot_be_deleted(cast: Cast, client: Client) -> None:
    client.force_login(cast.root, backend="allauth.account.auth_backends.AuthenticationBackend")
    call = Call.objects.create(
        tenant=cast.acme, account=cast.acme_account, call_id="c-one", recording="paused", added_at=Now()
    )
    where = f"/admin/tenants/bandwidthaccount/{cast.acme_account.pk}/delete/"
    assert "Resume it first" in client.post(where, {"post": "yes"}).content.decode()
    assert BandwidthAccount.objects.filter(pk=cast.acme_account.pk).exists()
    Call.objects.filter(pk=call.pk).update(recording="recording")
    client.post(where, {"post": "yes"})
    assert not BandwidthAccount.objects.filter(pk=cast.acme_account.pk).exists()

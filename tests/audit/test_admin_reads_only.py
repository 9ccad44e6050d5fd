"""Calls, commands, attempts and the log are read in Django admin, and written nowhere in it."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from tests.cast import Cast
from voicedash.audit import log
from voicedash.audit.models import Entry
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants import board

MODELS = ["calls/call", "calls/command", "calls/attempt", "audit/entry"]


@pytest.fixture(autouse=True)
def _quick(settings: Settings, transactional_db: None) -> None:
    """Pages are drawn without collecting files first, and passwords hashed quickly."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()


@pytest.fixture(autouse=True)
def _something_happened(_quick: None, cast: Cast) -> None:
    happen(cast, 1)


def happen(cast: Cast, times: int) -> None:
    now = timezone.now()
    for number in range(times):
        call = Call.objects.create(
            tenant=cast.acme,
            account=cast.acme_account,
            call_id=f"c-{number}-{Call.objects.count()}",
            added_at=now,
            state="answered",
            recording="paused",
        )
        command = Command.objects.create(
            call=call, wanted="paused", state="closed", outcome="acknowledged", asked_at=now, expires_at=now, version=1
        )
        Attempt.objects.create(command=command, number=1, began_at=now, result="acknowledged", status=200)
    with board.writing(cast.acme.pk) as stamp:
        log.append(log.of_tenant(cast.acme.pk), "asked", at=stamp.now, actor=cast.ana.pk, call_id="c-0-0")
        log.append(log.of_tenant(cast.acme.pk), "outcome", at=stamp.now, call_id="c-0-1")


@pytest.fixture
def root(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.root)
    return client


@pytest.mark.parametrize("model", MODELS)
def test_a_superuser_reads_and_changes_nothing(cast: Cast, root: Client, model: str) -> None:
    kinds = {"call": Call, "command": Command, "attempt": Attempt, "entry": Entry}
    row = kinds[model.split("/")[1]].objects.all()[0]  # type: ignore[attr-defined]
    address = f"/admin/{model}/"
    assert root.get(address).status_code == 200
    page = root.get(f"{address}{row.pk}/change/")
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert root.post(f"{address}{row.pk}/change/", {}).status_code == 403
    assert root.get(f"{address}add/").status_code == 403
    assert root.post(f"{address}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    root.post(address, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", MODELS)
def test_a_list_asks_no_more_with_more_rows(
    cast: Cast, root: Client, model: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    happen(cast, 20)
    with django_assert_max_num_queries(12):
        assert root.get(f"/admin/{model}/").status_code == 200


@pytest.mark.parametrize(
    ("address", "found", "not_found"),
    [
        ("audit/entry/?verb=asked", ">asked</", "c-0-1</"),
        ("audit/entry/?chain=sign-ins", "0 entries", ">asked</"),
        ("audit/entry/?q=c-0-1", "c-0-1</", ">asked</"),
        ("calls/call/?state=answered", "c-0-0", "0 calls"),
        ("calls/call/?state=unseen", "0 calls", "c-0-0"),
        ("calls/call/?recording__exact=assumed", "0 calls", "c-0-0"),
        ("calls/call/?q=c-0-0", "c-0-0", "0 calls"),
        ("calls/command/?outcome__exact=refused", "0 commands", "c-0-0"),
        ("calls/command/?wanted__exact=paused&q=c-0-0", "c-0-0", "0 commands"),
        ("calls/attempt/?q=c-0-0", "acknowledged", "0 attempts"),
    ],
)
def test_they_are_searched_and_filtered(cast: Cast, root: Client, address: str, found: str, not_found: str) -> None:
    page = root.get(f"/admin/{address}").content.decode()
    results = page[page.index('id="changelist-form"') :].partition("</form>")[0]
    assert found in results
    assert not_found not in results


def test_a_call_can_be_filtered_by_tenant(cast: Cast, root: Client) -> None:
    page = root.get(f"/admin/calls/call/?tenant__id__exact={cast.globex.pk}").content.decode()
    assert "0 calls" in page

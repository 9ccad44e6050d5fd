"""What a tenant admin is not shown cannot be guessed either: by autocompletes, by filters, by addresses."""

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import ForeignKey
from django.test import Client

from tests.tenants.two_tenants import FIRST, Two, address, silent
from voicedash.tenants.models import User

MODELS = list(admin.site._registry)


def test_no_autocomplete_names_anybody_else(two: Two, tia: Client) -> None:
    asked = 0
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if not isinstance(field, ForeignKey):
                continue
            names: dict[str, Any] = {
                "app_label": model._meta.app_label,
                "model_name": model._meta.model_name,
                "field_name": field.name,
            }
            for term in ("", "e", "zeta", str(FIRST)):
                answer = tia.get("/admin/autocomplete/", names | {"term": term})
                assert answer.status_code in {200, 403, 404}
                silent(answer)
                asked += answer.status_code == 200
    assert asked > 20


def test_view_on_site_tells_no_row_from_none(two: Two, tia: Client) -> None:
    for model in MODELS:
        kind = ContentType.objects.get_for_model(model).pk
        answers = [tia.get(f"/admin/r/{kind}/{key}/") for key in (FIRST, 999999)]
        assert [answer.status_code for answer in answers] == [404, 404]
        pages = [re.sub(rb'(csrfmiddlewaretoken" value=)"\w+"', rb"\1", answer.content) for answer in answers]
        assert pages[0] == pages[1]


@pytest.mark.parametrize(
    "lookup",
    [
        "email__startswith=s",
        "last_login__isnull=1",
        "password__startswith=m",
        "is_superuser__exact=1",
        "is_staff__exact=1",
        "failed_sign_ins__gt=0",
        f"memberships={FIRST + 20}",
        "memberships__tenant__name__startswith=Z",
        f"memberships__tenant={FIRST}",
        "logentry__isnull=0",
    ],
)
def test_what_is_not_shown_of_a_person_cannot_be_guessed_by_filters(two: Two, tia: Client, lookup: str) -> None:
    assert tia.get(f"{address(User, 'changelist')}?{lookup}").status_code == 400


@pytest.mark.parametrize(
    ("where", "lookup"),
    [
        ("bandwidthaccount", "sealed_secret__startswith=g"),
        ("bandwidthaccount", "tenant__slug__startswith=a"),
        ("membership", "user__password__startswith=m"),
        ("membership", "user__email__startswith=s"),
        ("reason", "tenant__accounts__client_id__startswith=C"),
        ("tenant", "accounts=1"),
    ],
)
def test_nor_of_a_row(two: Two, tia: Client, where: str, lookup: str) -> None:
    assert tia.get(f"/admin/tenants/{where}/?{lookup}").status_code == 400


def test_filtering_by_another_tenant_finds_nothing(two: Two, tia: Client) -> None:
    for where in ("tenants/membership", "tenants/reason", "tenants/bandwidthaccount", "calls/call"):
        answer = tia.get(f"/admin/{where}/?tenant__id__exact={FIRST}")
        assert answer.status_code == 200
        assert "0 " in answer.content.decode()
        silent(answer, said=str(FIRST))

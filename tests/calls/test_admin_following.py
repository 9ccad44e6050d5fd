"""The page of a Bandwidth account in Django admin: when it was last heard, why not, how late calls appear, and the cure."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from voicedash.calls import words
from voicedash.calls.models import Sync


@pytest.fixture
def page(cast, sign_in):
    def shown() -> str:
        where = f"/admin/tenants/bandwidthaccount/{cast.acme_account.pk}/change/"
        answer = sign_in(cast.root).get(where)
        assert answer.status_code == 200
        return str(answer.content.decode())

    return shown


def followed(cast, **columns: Any) -> Sync:
    return Sync.objects.create(account=cast.acme_account, heard_at=Now(), **columns)


def test_before_any_worker_has_listed_it(page):
    assert "No worker has listed its calls yet." in page()


def test_all_is_well_and_calls_are_prompt(cast, page):
    newest = datetime(2026, 11, 20, 14, 3, tzinfo=UTC)
    followed(cast, appeared=[1.0, 2.0, 4.0], newest_start=newest)
    text = page()
    assert "Nothing is wrong" in text
    assert "About 2 s after they begin (of the newest 3)." in text
    assert "forward" not in text
    assert re.search(r"Newest start that is known:.{1,200}2026.{1,20}\b(14|2):03", text, re.DOTALL)


def test_why_not_and_what_helps_against_late_lists(cast, page):
    now = datetime.now(UTC)
    followed(cast, why=words.CANNOT_LIST, appeared=[41.0] * 5, back_from=now - timedelta(hours=12), back_to=now)
    text = page()
    assert words.CANNOT_LIST in text
    assert "About 41 s after they begin" in text
    assert "forward Bandwidth&#x27;s initiate and answer events to voicedash" in text
    assert "Is still being listed" in text


def test_the_list_of_accounts_says_when_each_was_heard_and_saving_leaves_that_alone(cast, bandwidth, sign_in):
    followed(cast)
    before = Sync.objects.get().heard_at
    root = sign_in(cast.root)
    assert "Last heard" in root.get("/admin/tenants/bandwidthaccount/").content.decode()
    fields = {"tenant": cast.acme.pk, "account_id": "9900001", "auth": "oauth2", "client_id": "CLI-9900001"}
    form = fields | {"name": "Floor one", "records": "all", "secret": "", "heard_at_0": "2020-01-01"}
    assert root.post(f"/admin/tenants/bandwidthaccount/{cast.acme_account.pk}/change/", form).status_code == 302
    assert Sync.objects.get().heard_at == before
    cast.acme_account.refresh_from_db()
    assert cast.acme_account.name == "Floor one"

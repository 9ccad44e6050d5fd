"""What a board says of its accounts: nothing where calls come by themselves, else why not and since when."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from tests import cast as people
from voicedash.calls import words
from voicedash.calls.models import Fetch, Sync


def followed(cast, *, ago=1.0, account=None, **columns: Any) -> Sync:
    heard = Now() - timedelta(seconds=ago)
    return Sync.objects.create(account=account or cast.acme_account, heard_at=heard, **columns)


@pytest.fixture
def told(cast, sign_in):
    """The words of the accounts' part, as Ana sees them."""

    def text() -> str:
        page = sign_in(cast.ana).get("/t/acme/", headers={"HX-Request": ""}).content.decode()
        part = page.partition('id="part-accounts"')[2].partition("</section>")[0]
        return " ".join(re.sub(r"<[^>]+>", "", part.partition(">")[2]).split())

    return text


def test_calm_where_calls_come_by_themselves(cast, told, sign_in):
    followed(cast, appeared=[2.0, 3.0, 4.0])
    assert told() == "9900001 calls come by themselves"
    page = sign_in(cast.ana).get("/t/acme/", headers={"HX-Request": ""}).content.decode()
    assert "They appear here by themselves, some seconds after they begin." in page


def test_trouble_says_why_and_when_it_was_heard_last(cast, told):
    followed(cast, ago=130, trouble=words.CANNOT_LIST)
    assert told().startswith(f"9900001 {words.CANNOT_LIST} Last heard at ")


def test_the_time_since_it_was_heard_ticks_in_the_browser(cast, sign_in):
    followed(cast, ago=130, trouble=words.CANNOT_LIST)
    page = sign_in(cast.ana).get("/t/acme/", headers={"HX-Request": ""}).content.decode()
    [since] = re.findall(r'<time [^>]*data-since="([^"]+)"', page)
    assert datetime.fromisoformat(since) == Sync.objects.get().heard_at


def test_silence_alone_is_told_too(cast, told):
    followed(cast, ago=66)
    assert words.NOT_HEARD in told()


def test_late_lists_are_worth_a_word_and_what_helps(cast, told):
    followed(cast, appeared=[38.0, 40.0, 300.0])
    assert told() == "9900001 calls appear about 40 s after they begin; callbacks would bring them at once"


def test_one_account_in_trouble_says_nothing_of_the_other(cast, told):
    followed(cast)
    second = people.account(cast.acme, "9900003")
    followed(cast, ago=99, account=second, trouble="Bandwidth cannot be reached. It is tried again by itself.")
    text = told()
    assert text.startswith("9900001 calls come by themselves 9900003 Bandwidth cannot be reached.")


def test_what_a_fetch_brought_is_told_for_some_minutes(cast, told):
    followed(cast)
    now = timezone.now()
    Fetch.objects.create(account=cast.acme_account, started_at=now, heard_at=now, finished_at=now, live=4, added=1)
    assert told().startswith("9900001 4 live, 1 new, 0 ended fetched")
    Fetch.objects.update(finished_at=now - timedelta(minutes=11))
    assert told() == "9900001 calls come by themselves"


def test_trouble_stands_above_what_a_fetch_brought(cast, told):
    followed(cast, trouble=words.CANNOT_LIST)
    now = timezone.now()
    Fetch.objects.create(account=cast.acme_account, started_at=now, heard_at=now, finished_at=now, live=4)
    assert words.CANNOT_LIST in told()


def test_switched_off_nothing_is_claimed(cast, told, settings):
    followed(cast, ago=900, trouble=words.CANNOT_LIST)
    settings.SYNC_SECONDS = 0
    assert told() == "9900001 not fetched yet"

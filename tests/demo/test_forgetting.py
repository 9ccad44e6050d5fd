"""The demo lets go of calls that ended a while ago, without a word to boards that have seen them go."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.cast import Cast
from voicedash.calls import board as boards
from voicedash.calls.models import Call
from voicedash.demo import backstage
from voicedash.tenants.board import writing

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])]


def test_a_board_that_slept_meanwhile_is_read_anew(cast: Cast) -> None:
    versions = []
    for name, ended_at in (("c-old", Now() - timedelta(minutes=11)), ("c-fresh", Now() - timedelta(minutes=9))):
        with writing(cast.acme.pk) as stamp:
            versions.append(stamp.version)
            Call.objects.create(
                tenant=cast.acme,
                account=cast.acme_account,
                call_id=name,
                added_at=Now(),
                ended_at=ended_at,
                version=stamp.version,
            )
    backstage.forget(cast.acme_account)
    assert [call.call_id for call in Call.objects.all()] == ["c-fresh"]
    assert boards.newer(cast.acme.pk, versions[0] - 1).since == versions[0]  # above what was asked for: all anew
    assert boards.newer(cast.acme.pk, versions[0]).since == versions[0]
    backstage.forget(cast.acme_account)
    assert Call.objects.exists()

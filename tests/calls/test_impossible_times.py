"""A time that no call can have, in a list or an event or stored by an older version, never breaks a board."""

from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from tests.live.posting import event
from voicedash.bandwidth.callbacks import event_in
from voicedash.bandwidth.listing import calls_in
from voicedash.calls import callbacks, tracking
from voicedash.calls.callbacks import Arrived
from voicedash.calls.models import Call
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Tenant

FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
NEXT_TO_THEM = [(FIRST, "America/New_York"), (LAST, "Asia/Tokyo")]  # in the zone there is no such year


def listed(cast, **fields):
    tracking.learn(cast.acme_account, calls_in([{"callId": "c-odd", "state": "answered", **fields}]))


def told(cast, **fields):
    arrived = Arrived(event_in(event("gather", callId="c-odd", **fields)), database_time())
    assert callbacks.take_in(cast.acme.pk, {0: arrived}) == {}


@pytest.mark.parametrize(("moment", "zone"), NEXT_TO_THEM)
@pytest.mark.parametrize("field", ["startTime", "answerTime"])
@pytest.mark.parametrize("by", [listed, told])
def test_the_call_is_shown_without_it(cast, sign_in, by, field, moment, zone):
    Tenant.objects.filter(pk=cast.acme.pk).update(time_zone=zone)
    by(cast, **{"answerTime": "2026-11-20T12:00:00Z"} | {field: moment})
    if by is told and field == "answerTime":
        assert not Call.objects.exists()  # of an event of a call that goes on, that time is all there is
    else:
        assert "c-odd" in sign_in(cast.ana).get("/t/acme/").content.decode()


@pytest.mark.parametrize(("moment", "zone"), NEXT_TO_THEM)
def test_one_that_is_stored_is_forgotten_when_the_database_is_brought_up_to_date(cast, sign_in, moment, zone):
    Tenant.objects.filter(pk=cast.acme.pk).update(time_zone=zone)
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    listed(cast, startTime=noon.isoformat(), lastUpdate=noon.isoformat())
    Call.objects.update(answer_time=datetime.fromisoformat(moment))
    migration = import_module("voicedash.calls.migrations.0009_told_times")
    with connection.schema_editor() as editor:
        migration.forget_impossible(apps, editor)
    call = Call.objects.get()
    assert (call.start_time, call.answer_time, call.last_update) == (noon, None, noon)
    assert "c-odd" in sign_in(cast.ana).get("/t/acme/").content.decode()

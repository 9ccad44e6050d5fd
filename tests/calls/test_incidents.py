"""Incidents: a failed pause is one at once, one for each cause, and closes by itself when it is put right."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.calls.incidents import ago, nothing_happens, open_ones, put_back, told
from voicedash.calls import board, recording
from voicedash.calls.incidents import work
from voicedash.calls.incidents.models import Incident, IncidentCall
from voicedash.calls.models import Call, Command


@pytest.fixture
def one(cast, live_call):
    call, theirs = live_call(cast.acme_account)
    return call, theirs


@pytest.mark.parametrize(
    ("status", "kind", "cause"),
    [
        (400, "failed", "refused-{account}"),
        (404, "failed", "unknown-{call}"),
        (401, "account", "account-{account}"),
        ("drop", "unconfirmed", "unanswered-{account}"),
    ],
)
def test_a_pause_that_failed_or_is_not_confirmed_is_one_at_once_until_a_pause_is_acknowledged(
    cast, bandwidth, one, status, kind, cause
):
    call, _ = one
    cause = cause.format(account=call.account_id, call=call.pk)
    if status == "drop":
        bandwidth.drop_next()
        bandwidth.fail_next(400)
    else:
        for _ in range(4):
            bandwidth.fail_next(status)
    assert recording.pause(call=call, by=cast.ana).outcome != "acknowledged"
    bandwidth.forget()
    assert open_ones() == [(kind, cause, 1)]
    bandwidth.fail_next(400)
    recording.pause(call=call, by=cast.mia)  # the same call, in the same trouble still
    assert open_ones() == [(kind, cause, 1)]
    nothing_happens()
    put_back(185)
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    work.look()
    closed = Incident.objects.get()
    assert (closed.how, closed.closed_by, closed.over_at) == ("itself", None, None)
    assert IncidentCall.objects.get().right_at == closed.closed_at
    opened, right = told()
    assert opened.startswith(f"voicedash opened incident {closed.pk}, ") and f", call {call.call_id}" in opened
    assert "put right by itself after 3 min" in right
    nothing_happens()


def test_a_pause_that_fails_after_a_resume_is_not_put_right_by_that(cast, bandwidth, one):
    call, _ = one
    bandwidth.fail_next(400)
    recording.pause(call=call, by=cast.ana)
    assert recording.resume(call=call, by=cast.ana).outcome == "acknowledged"
    bandwidth.fail_next(400)
    recording.pause(call=call, by=cast.ana)  # before any worker has looked
    nothing_happens()
    assert len(open_ones()) == 1


def test_what_is_no_failed_pause_is_none(cast, bandwidth, one):
    call, _ = one
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    bandwidth.fail_next(400)
    recording.pause(call=call, by=cast.ana)  # it is paused all the same
    bandwidth.fail_next(400)
    recording.resume(call=call, by=cast.ana)  # it resumes at its end
    Call.objects.update(ended_at=Now(), recording="assumed")
    bandwidth.fail_next(404)
    recording.pause(call=call, by=cast.ana)  # there was nothing to pause
    nothing_happens()
    assert open_ones() == []


def test_one_cause_is_one_incident_with_its_calls_and_closes_with_the_last_of_them(cast, bandwidth, live_call):
    calls = [live_call(cast.acme_account)[0] for _ in range(3)]
    for call in calls:
        bandwidth.fail_next(400)
        recording.pause(call=call, by=cast.ana)
    [(kind, _, number)] = open_ones()
    assert (kind, number) == ("failed", 3)
    for call in calls[:2]:
        recording.pause(call=call, by=cast.ana)
        work.look()
    assert IncidentCall.objects.filter(right_at=None).get().call == calls[2]
    assert len(open_ones()) == 1
    # Somebody wished otherwise, and that was done: nothing is left to be put right.
    assert recording.resume(call=calls[2], by=cast.mia).outcome == "acknowledged"
    work.look()
    assert open_ones() == []
    assert [line.split(" incident")[0] for line in told()] == [
        "voicedash opened",
        "voicedash added to",
        "voicedash added to",
        "voicedash closed",
    ]


def test_a_call_that_ends_before_it_is_put_right_leaves_its_incident_to_a_person(cast, bandwidth, one, live_call):
    call, _ = one
    bandwidth.fail_next(400)
    recording.pause(call=call, by=cast.ana)
    Call.objects.update(ended_at=Now(), end_time=Now() + timedelta(seconds=1))
    work.look()
    kept = Incident.objects.get()
    assert (kept.over_at is not None, kept.closed_at) == (True, None)
    assert "kept open" in told()[-1]
    assert board.parts(cast.acme).attention.number == 0
    nothing_happens()
    # What happens next is another incident, even of the same cause.
    other, _ = live_call(cast.acme_account)
    bandwidth.fail_next(400)
    recording.pause(call=other, by=cast.ana)
    assert len(open_ones()) == 2
    # It turns out that the call lives: the pause is acknowledged, and the first one closes after all.
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    work.look()
    assert Incident.objects.get(pk=kept.pk).how == "itself"


def test_where_the_call_was_over_before_there_was_nothing_to_pause(cast, bandwidth, one):
    call, _ = one
    bandwidth.fail_next(404)
    recording.pause(call=call, by=cast.ana)
    assert len(open_ones()) == 1
    Call.objects.update(ended_at=Now(), end_time=ago(5))  # the list tells of it later
    work.look()
    assert open_ones() == []


def test_calls_that_are_deleted_after_their_days_leave_their_ids(cast, bandwidth, one):
    call, _ = one
    bandwidth.fail_next(400)
    recording.pause(call=call, by=cast.ana)
    Command.objects.all().delete()
    Call.objects.all().delete()
    item = IncidentCall.objects.get()
    assert (item.call, item.known_as) == (None, call.call_id)
    work.look()
    assert Incident.objects.get().over_at

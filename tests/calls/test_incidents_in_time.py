"""Incidents: what is not put right within half a minute is one, whichever worker sees it, and none is lost."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.calls.doubting import acknowledged, doubted
from tests.calls.incidents import ago, nothing_happens, open_ones, told, version
from voicedash.audit.models import Entry
from voicedash.calls import claims, recording, words
from voicedash.calls.incidents import work
from voicedash.calls.incidents.models import Incident, IncidentCall
from voicedash.calls.models import Call, Command, Conversation, Outcome, Sync, Wanted
from voicedash.calls.press import Claim, Press
from voicedash.tenants.board import database_time


@pytest.fixture
def one(cast, live_call):
    call, theirs = live_call(cast.acme_account)
    return call, theirs


def lost_resume(cast, call):
    Call.objects.filter(pk=call.pk).update(recording="unconfirmed", recording_since=ago(29))


def contradicted(cast, call):
    Call.objects.filter(pk=call.pk).update(recording="unconfirmed", recording_since=ago(29), contradicted_at=ago(29))


def outlived(cast, call):
    acknowledged(call, "paused", by=cast.ana, ago=200)
    Call.objects.filter(pk=call.pk).update(lease_from=ago(200), lease_ends_at=ago(29), lease_due_at=Now())


def joined(cast, call):
    whole = Conversation.objects.create(tenant=cast.acme, root="c-root")
    Call.objects.filter(pk=call.pk).update(conversation=whole, pause_due_at=ago(29))


def answered_late(cast, call):
    acknowledged(call, "paused", by=cast.ana, ago=100)
    resume = Press(call.tenant_id, call.pk, Wanted.RECORDING, cast.ana, anyway=True)
    claim = claims.claim(resume)
    assert isinstance(claim, Claim)
    Command.objects.filter(pk=claim.command.pk).update(state="closed", outcome="unconfirmed", closed_at=ago(5))
    claims.settle(claim, Outcome.ACKNOWLEDGED, [])
    Call.objects.filter(pk=call.pk).update(recording_since=ago(29))
    # The log is only ever added to: the answer is as old as the state here, where nobody can wait for that.
    assert Entry.objects.filter(verb="recording.answered_late").exists()


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (lost_resume, "unconfirmed"),
        (contradicted, "evidence"),
        (outlived, "outlived"),
        (joined, "joined"),
        (answered_late, "late"),
    ],
)
def test_what_is_not_put_right_within_half_a_minute_is_one_and_not_before(cast, bandwidth, one, trouble, kind):
    call, _ = one
    trouble(cast, call)
    nothing_happens()
    for name in ("recording_since", "contradicted_at", "lease_ends_at", "pause_due_at"):
        if at := getattr(Call.objects.get(), name):
            Call.objects.update(**{name: at - timedelta(seconds=2)})
    work.look()
    assert [(one, number) for one, _, number in open_ones()] == [(kind, 1)]
    assert 30 < (database_time() - Incident.objects.get().since).total_seconds() < 45
    nothing_happens()
    wish = recording.resume if kind == "outlived" else recording.pause
    assert wish(call=call, by=cast.ana).outcome == "acknowledged"
    work.look()
    assert Incident.objects.get().how == "itself"


def test_a_leg_that_rings_is_none_until_it_was_answered_for_half_a_minute(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account, state="initiated")
    joined(cast, call)
    Call.objects.update(pause_due_at=ago(60))
    nothing_happens()
    Call.objects.update(state="answered", answer_time=ago(20))
    nothing_happens()
    Call.objects.update(answer_time=ago(31))
    work.look()
    assert [kind for kind, _, _ in open_ones()] == ["joined"]


def test_a_doubt_that_ran_out_is_one_as_soon_as_it_is_written(cast, bandwidth, one):
    call, _ = one
    doubted(call, "recording", by=cast.mia, ago=56)
    acknowledged(call, "paused", by=cast.ana, ago=50)
    claims.close_due(cast.acme.pk)
    assert [kind for kind, _, _ in open_ones()] == ["unconfirmed"]


def test_a_pause_whose_sender_was_killed_is_one_when_its_claim_is_closed(cast, bandwidth, one):
    call, _ = one
    claim = claims.claim(Press(call.tenant_id, call.pk, Wanted.PAUSED, cast.ana, reason=cast.card))
    Command.objects.filter(pk=claim.command.pk).update(expires_at=ago(1))
    claims.close_due(cast.acme.pk)
    assert [kind for kind, _, _ in open_ones()] == ["unconfirmed"]


@pytest.mark.parametrize("refused", [True, False])
def test_an_account_that_refuses_us_or_is_not_heard_is_one_after_half_a_minute(cast, bandwidth, one, refused):
    why = (
        "Bandwidth refuses this account's credentials. Tell an admin."
        if refused
        else "Bandwidth cannot be reached. It is tried again by itself."
    )
    assert (why in words.REFUSES_US) is refused
    sync = Sync.objects.create(account=cast.acme_account, trouble=why, heard_at=ago(25))
    nothing_happens()
    Sync.objects.update(heard_at=ago(31))
    work.look()
    kind = "account" if refused else "unfed"
    assert open_ones() == [(kind, f"{kind}-{cast.acme_account.pk}", 0)]
    if refused:  # a pause that fails for the same cause is a call of the same incident
        bandwidth.fail_next(401)
        bandwidth.fail_next(401)
        recording.pause(call=one[0], by=cast.ana)
        assert [number for _, _, number in open_ones()] == [1]
        recording.pause(call=one[0], by=cast.ana)
    work.look()
    assert len(open_ones()) == 1
    Sync.objects.filter(pk=sync.pk).update(trouble="", heard_at=Now())
    work.look()
    assert open_ones() == []


def test_what_a_person_closed_is_not_opened_again_for_the_same_trouble(cast, bandwidth, one):
    call, _ = one
    lost_resume(cast, call)
    Call.objects.update(recording_since=ago(31))
    Sync.objects.create(account=cast.acme_account, trouble="Bandwidth cannot be reached.", heard_at=ago(31))
    work.look()
    assert len(open_ones()) == 2
    Incident.objects.update(closed_at=Now(), how="person", closed_by=cast.mia)
    nothing_happens()
    bandwidth.fail_next(400)
    recording.pause(call=call, by=cast.ana)  # this is another trouble
    Sync.objects.update(heard_at=Now() + timedelta(seconds=1))
    assert [kind for kind, _, _ in open_ones()] == ["failed"]


def test_of_many_workers_at_once_one_opens_and_one_closes(cast, bandwidth, one, threads):
    call, _ = one
    outlived(cast, call)
    Call.objects.update(lease_ends_at=ago(31))
    for job in [threads.submit(work.look) for _ in range(6)]:
        job.result(20)
    assert len(open_ones()) == 1
    recording.resume(call=call, by=cast.ana)
    for job in [threads.submit(work.look) for _ in range(6)]:
        job.result(20)
    assert [entry.verb for entry in Entry.objects.filter(verb__startswith="incident.").order_by("pk")] == [
        "incident.opened",
        "incident.put_right",
    ]


def test_a_time_without_a_worker_is_written_by_the_one_that_comes_back_with_what_it_left(cast, bandwidth, one, threads):
    call, _ = one
    outlived(cast, call)
    now = database_time()
    assert work.gap(None, now) is None  # there has never been one
    assert work.gap(now - timedelta(seconds=20), now) is None
    Call.objects.update(lease_ends_at=ago(40))
    found = work.gap(now - timedelta(seconds=190), now)
    assert found
    for job in [threads.submit(work.tell_gap, found) for _ in range(2)]:
        job.result(20)
    work.tell_gap(found)  # as by one that was killed before its first sign of life
    incident = Incident.objects.get(tenant=cast.acme)
    assert (incident.kind, incident.how, incident.items.get().call) == ("worker", "itself", call)
    assert "put right by itself after 3 min 10 s" in told()[1]
    # What it left has the usual time to be put right, from now on.
    nothing_happens()
    Incident.objects.update(closed_at=ago(31))
    work.look()
    assert [kind for kind, _, _ in open_ones()] == ["outlived"]


def test_an_outage_is_written_a_few_rows_at_a_time_and_whole(cast, bandwidth, live_call):
    now = database_time()
    Call.objects.bulk_create(
        Call(
            tenant=cast.acme,
            account=cast.acme_account,
            call_id=f"c-{at:04}",
            state="answered",
            added_at=now,
            recording="unconfirmed",
            recording_since=now - timedelta(seconds=40),
        )
        for at in range(60)
    )
    before = version()
    work.look()
    assert [number for _, _, number in open_ones()] == [60]
    assert version() == before + 3
    Call.objects.update(recording="paused")
    work.look()
    assert (open_ones(), IncidentCall.objects.filter(right_at=None).count()) == ([], 0)

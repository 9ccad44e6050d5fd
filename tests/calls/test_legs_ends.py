"""The end of a pause of several legs: who joins takes it, keeping keeps all, and the whole says which comes first."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.calls.doubting import the_due
from tests.calls.test_leases import left, let_it_end
from voicedash.calls import board, legs, recording
from voicedash.calls.models import Call, Command, Conversation
from voicedash.tenants.board import database_time


@pytest.fixture
def talk(cast, bandwidth, live_call):
    """Two legs; the first is paused, the second joins it."""
    first, second = live_call(cast.acme_account), live_call(cast.acme_account)
    assert recording.pause(call=first[0], by=cast.ana).outcome == "acknowledged"
    whole = Conversation.objects.create(tenant=cast.acme, root=first[0].call_id)
    Call.objects.update(conversation=whole)
    Call.objects.filter(pk=second[0].pk).update(pause_due_at=Now() - timedelta(seconds=1))
    return whole, first, second


@pytest.mark.parametrize("reason", ["card", "objects"])
def test_a_leg_that_joins_takes_the_end_of_its_conversation(cast, talk, reason):
    _, (first, _), (second, theirs) = talk
    recording.pause(call=first, by=cast.ana, reason=getattr(cast, reason))
    assert recording.reassert(the_due(second)).outcome == "acknowledged"
    assert theirs.recorder == "paused"
    first.refresh_from_db()
    second.refresh_from_db()
    assert (second.lease_ends_at, second.lease_reason) == (first.lease_ends_at, first.lease_reason)
    assert second.lease_due_at == first.lease_ends_at


def test_the_whole_says_when_the_first_of_them_resumes(cast, talk):
    whole, _, (second, _) = talk
    recording.reassert(the_due(second))
    Call.objects.filter(pk=second.pk).update(lease_ends_at=database_time() + timedelta(seconds=20))
    row = board.conversation(whole)[0]
    assert (row.word, row.slot1, row.ticks) == ("Paused", "Keep paused", True)
    assert row.lease_ends == Call.objects.get(pk=second.pk).lease_ends_at


def test_keeping_the_whole_keeps_every_leg(cast, talk, sign_in):
    whole, (first, _), (second, _) = talk
    recording.reassert(the_due(second))
    for call in (first, second):
        let_it_end(call, ago=-9)
    page = sign_in(cast.mia).post(f"/t/acme/conversations/{whole.pk}/renew/").content.decode()
    assert 'data-outcome="prolonged"' in page and "It resumes in 3:00" in page
    assert left(first) > 175 and left(second) > 175


def test_at_the_limit_of_one_leg_none_is_kept_without_a_note(cast, talk, sign_in):
    whole, (first, _), (second, _) = talk
    recording.reassert(the_due(second))
    Call.objects.filter(pk=second.pk).update(lease_prolonged=3)
    before = left(first)
    mia = sign_in(cast.mia)
    page = mia.post(f"/t/acme/conversations/{whole.pk}/renew/").content.decode()
    assert 'data-outcome="note"' in page and f'name="note-conversation-{whole.pk}"' in page
    assert left(first) <= before
    page = mia.post(f"/t/acme/conversations/{whole.pk}/renew/", {f"note-conversation-{whole.pk}": "slow"})
    assert 'data-outcome="prolonged"' in page.content.decode()
    assert Command.objects.filter(note="slow").count() == 2


def test_once_its_end_has_come_a_leg_that_joins_is_not_paused_any_more(cast, talk):
    whole, (first, _), (second, theirs) = talk
    joins = the_due(second)
    let_it_end(first)
    assert recording.reassert(the_due(first)).outcome == "acknowledged"
    assert recording.reassert(joins).outcome == "stale"
    assert legs.wish_of(whole.pk).source == "timer"
    assert theirs.recorder == "recording"

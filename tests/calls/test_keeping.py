"""Keep paused: one update of our own, no request; by anybody who may press, to a limit, and never against a resume."""

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from tests.calls.doubting import the_due
from tests.calls.test_leases import left, let_it_end
from voicedash.audit.models import Entry
from voicedash.calls import board, due, recording
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Reason


@pytest.fixture
def other(cast):
    return Reason.objects.create(tenant=cast.acme, name="Other", lease=60, prolong=1, note=True)


@pytest.fixture
def paused(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    return call, theirs


@pytest.fixture
def keep(cast, sign_in, paused):
    """Presses Keep paused on the call that is paused; gives the outcome and what is said."""

    def press(by=None, call=None, **data):
        client = sign_in(by or cast.mia)
        page = client.post(f"/t/acme/calls/{(call or paused[0]).pk}/renew/", data).content.decode()
        outcome = re.search(r'data-outcome="(\w+)"', page)
        assert outcome
        return outcome[1], re.sub(r"<[^>]*>", "", page.partition('id="say"')[2])

    return press


def test_anybody_who_may_press_prolongs_it_and_bandwidth_is_not_asked(cast, bandwidth, paused, keep):
    call, _ = paused
    let_it_end(call, ago=-30)
    before = Call.objects.get()
    outcome, said = keep(cast.mia)
    assert outcome == "prolonged"
    assert "Still paused" in said and "It resumes in 3:00. It can be kept 2 more times." in said
    assert 179 < left(call) <= 180
    after = Call.objects.get()
    assert after.version > before.version
    assert (after.recording_since, after.acknowledged) == (before.recording_since, before.acknowledged)
    assert len(bandwidth.puts) == 1
    entry = Entry.objects.get(verb="recording.kept")
    assert (entry.actor, entry.call_id) == (cast.mia.pk, call.call_id)
    assert (entry.data["until"], entry.data["prolonged"]) == (after.lease_ends_at.isoformat(), 1)
    assert board.row(call).note == "Ana Ruiz · Card details"


def test_a_viewer_may_not(cast, sign_in, paused):
    assert sign_in(cast.vic).post(f"/t/acme/calls/{paused[0].pk}/renew/").status_code == 403
    assert not Entry.objects.filter(verb="recording.kept").exists()


def test_at_the_limit_it_asks_for_a_note_and_with_one_it_goes_on(cast, paused, keep):
    call, _ = paused
    assert [keep()[0] for _ in range(4)] == ["prolonged"] * 3 + ["note"]
    before = Call.objects.get()
    page = keep()
    assert page[0] == "note" and "write a note" in page[1]
    assert Call.objects.get().version == before.version
    let_it_end(call, ago=-5)
    assert keep(**{f"note-call-{call.pk}": "the terminal is being started anew"})[0] == "prolonged"
    assert left(call) > 170
    assert board.row(call).note == "Ana Ruiz · Card details · the terminal is being started anew"
    assert keep()[0] == "note"  # each time
    assert "terminal" not in str(list(Entry.objects.values_list("data", flat=True)))  # what can be erased only


def test_the_row_that_asks_has_a_field_for_it(cast, sign_in, paused):
    call, _ = paused
    Call.objects.update(lease_prolonged=3)
    page = sign_in(cast.ana).post(f"/t/acme/calls/{call.pk}/renew/").content.decode()
    assert f'name="note-call-{call.pk}"' in page
    assert f'name="note-call-{call.pk}"' not in sign_in(cast.ana).get(f"/t/acme/calls/{call.pk}/").content.decode()


def test_there_is_nothing_to_prolong_where_only_a_person_ends_it(cast, paused, keep):
    call, _ = paused
    recording.pause(call=call, by=cast.ana, reason=cast.objects)
    assert keep()[0] == "endless"
    assert left(call) is None


@pytest.mark.parametrize("resumed", [True, False])
def test_what_is_not_paused_is_not_kept(cast, bandwidth, live_call, paused, keep, resumed):
    call = paused[0] if resumed else live_call(cast.acme_account)[0]
    if resumed:
        recording.resume(call=call, by=cast.ana)
    asked = len(bandwidth.puts)
    outcome, said = keep(call=call)
    assert outcome == "stale"
    assert "NOT paused: stop the caller" in said and "Press Pause" in said
    assert len(bandwidth.puts) == asked


def test_what_a_doubt_has_undone_is_not_kept(cast, paused, keep):
    call, _ = paused
    resume = Command.objects.create(
        call=call, wanted="recording", state="closed", asked_at=Now(), expires_at=Now(), version=1
    )
    ran_out = Now() - timedelta(seconds=3)
    Call.objects.update(asserted_at=Now() - timedelta(seconds=60))
    Attempt.objects.create(command=resume, number=1, began_at=Now(), result="unknown", doubt_until=ran_out)
    assert board.row(call).recording == "unconfirmed"
    assert keep()[0] == "stale"


def test_another_reason_counts_as_if_it_had_been_the_first_and_never_shortens(cast, paused, keep, other):
    call, _ = paused
    long = Reason.objects.create(tenant=cast.acme, name="Health details", lease=300, prolong=2)
    began = Call.objects.get().lease_from
    assert began
    assert keep(reason=long.pk)[0] == "prolonged"
    after = Call.objects.get()
    assert after.lease_ends_at == began + timedelta(seconds=300)
    assert (after.lease_reason, after.lease_limit, after.lease_prolonged) == ("Health details", 2, 0)
    assert keep(reason=other.pk)[0] == "prolonged"
    assert Call.objects.get().lease_ends_at == began + timedelta(seconds=300)
    assert board.row(call).note == "Ana Ruiz · Other"
    keep(reason=cast.objects.pk)
    keep(reason=long.pk)
    assert left(call) is None
    assert board.row(call).line == "until you resume"


def test_a_reason_that_wants_a_note_asks_for_it_and_never_before_a_pause(cast, bandwidth, live_call, sign_in, other):
    call, theirs = live_call(cast.acme_account)
    ana = sign_in(cast.ana)
    page = ana.post(f"/t/acme/calls/{call.pk}/pause/", {"reason": other.pk}).content.decode()
    assert "Paused: go ahead" in page and theirs.recorder == "paused"
    assert board.row(call).wants_note and f'name="note-call-{call.pk}"' in page
    before = Call.objects.get().lease_ends_at
    ana.post(f"/t/acme/calls/{call.pk}/renew/?keep=only", {f"note-call-{call.pk}": "a dog barks"})
    row = board.row(call)
    assert (row.wants_note, row.note) == (False, "Ana Ruiz · Other · a dog barks")
    assert (Call.objects.get().lease_ends_at, Call.objects.get().lease_prolonged) == (before, 0)


def test_with_its_note_at_once_it_asks_for_none(cast, bandwidth, live_call, sign_in, other):
    call, _ = live_call(cast.acme_account)
    sign_in(cast.ana).post(f"/t/acme/calls/{call.pk}/pause/", {"reason": other.pk, "note": "a dog barks"})
    assert not board.row(call).wants_note


@pytest.mark.parametrize("keeps", [True, False])
def test_a_card_number_is_refused_and_why(cast, paused, keep, keeps):
    outcome, said = keep(note="card 4111 1111 1111 1111", **({} if keeps else {"keep": "only"}))
    assert outcome == "note"
    assert "could be a card number" in said
    assert Call.objects.get().lease_prolonged == 0
    assert not Command.objects.exclude(note="").exists()


def test_a_card_number_beside_a_pause_is_left_out_and_said(cast, bandwidth, live_call, sign_in):
    call, theirs = live_call(cast.acme_account)
    page = sign_in(cast.ana).post(f"/t/acme/calls/{call.pk}/pause/", {"note": "4111111111111111"}).content.decode()
    assert theirs.recorder == "paused"
    assert "Paused: go ahead" in page and "The note was left out" in page
    assert Command.objects.get().note == ""


@pytest.mark.parametrize("note", ["call back +1 919 555 0100", "see c-2a913f94-6a486f3a-3cae-4034-bcc3-f0c9fa77ca2f"])
def test_numbers_to_call_and_ids_are_no_card_numbers(keep, note):
    assert keep(note=note)[0] == "prolonged"


def test_a_reason_that_is_gone_is_said_and_changes_nothing(cast, paused, keep):
    gone = cast.objects.pk
    cast.objects.delete()
    before = Call.objects.get().version
    outcome, said = keep(reason=gone)
    assert outcome == "refused" and "not there any more" in said
    assert Call.objects.get().version == before


@pytest.mark.parametrize("change", ["deleted", "changed"])
def test_a_running_pause_keeps_what_its_reason_said(cast, paused, keep, change):
    call, _ = paused
    before = Call.objects.get().lease_ends_at
    if change == "deleted":
        cast.card.delete()
    else:
        Reason.objects.filter(pk=cast.card.pk).update(name="Cards", lease=None, prolong=0)
    assert board.row(call).note == "Ana Ruiz · Card details"
    assert Call.objects.get().lease_ends_at == before
    let_it_end(call, ago=-9)
    assert keep()[0] == "prolonged"
    assert 170 < left(call) <= 180


def test_the_person_who_paused_may_be_deleted(cast, bandwidth, paused, keep):
    call, theirs = paused
    cast.ana.delete()
    assert board.row(call).note == "Somebody · Card details"
    assert keep()[0] == "prolonged"
    assert recording.resume(call=call, by=cast.mia).outcome == "confirm"
    let_it_end(call)
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert theirs.recorder == "recording"


def test_kept_after_its_end_while_nobody_has_resumed_it_it_stays(cast, bandwidth, paused, keep):
    """Bandwidth refuses the timer for a while, so it is paused all the time."""
    call, theirs = paused
    let_it_end(call)
    bandwidth.fail_next(409)
    assert recording.reassert(the_due(call)).outcome == "unknown_call"
    assert keep()[0] == "prolonged"
    assert due.again(database_time()) == []
    assert (theirs.recorder, left(call) > 170) == ("paused", True)


def test_it_is_not_kept_once_the_timer_has_claimed(cast, bandwidth, paused, keep, threads):
    call, theirs = paused
    let_it_end(call)
    bandwidth.delay_next(0.5)
    resuming = threads.submit(recording.reassert, the_due(call))
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    outcome, said = keep()
    assert outcome == "busy"
    assert "NOT paused: stop the caller" in said and "voicedash is resuming it right now. Press Pause." in said
    assert resuming.result().outcome == "acknowledged"
    assert theirs.recorder == "recording"


def test_of_a_prolongation_and_the_timer_at_the_same_instant_one_wins(cast, bandwidth, live_call, keep, threads):
    """Whoever takes the tenant's lock first: kept calls were never asked to resume, resumed ones say so."""
    for _ in range(5):
        call, theirs = live_call(cast.acme_account)
        recording.pause(call=call, by=cast.ana)
        let_it_end(call)
        one = the_due(call)
        kept, resumed = threads.submit(keep, call=call), threads.submit(recording.reassert, one)
        outcomes = (kept.result()[0], resumed.result().outcome)
        assert outcomes in {("prolonged", "stale"), ("busy", "acknowledged"), ("stale", "acknowledged")}
        stays = outcomes[0] == "prolonged"
        assert theirs.recorder == ("paused" if stays else "recording")
        assert (left(call) is not None) == stays
        asked = [put.state for put in bandwidth.puts if put.call_id == theirs.call_id]
        assert asked == (["paused"] if stays else ["paused", "recording"])


def test_two_people_who_keep_and_resume_at_the_same_instant_end_in_one_truth(cast, bandwidth, paused, keep, threads):
    call, theirs = paused
    for _ in range(6):
        recording.pause(call=call, by=cast.ana)
        kept = threads.submit(keep, cast.mia)
        resumed = threads.submit(recording.resume, call=call, by=cast.ana)
        assert kept.result()[0] in {"prolonged", "busy", "stale"}
        assert resumed.result().outcome == "acknowledged"
        row = board.row(call)
        assert (row.recording, row.lease_ends, theirs.recorder) == ("recording", None, "recording")


def test_two_people_who_keep_it_at_the_same_instant_count_twice(cast, paused, keep, threads):
    both = [threads.submit(keep, who) for who in (cast.ana, cast.mia)]
    assert [one.result()[0] for one in both] == ["prolonged", "prolonged"]
    assert Call.objects.get().lease_prolonged == 2


def test_without_javascript_the_board_asks_for_the_note(cast, paused):
    call, _ = paused
    Call.objects.update(lease_prolonged=3)
    ana = Client()
    ana.force_login(cast.ana, backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = ana.post(f"/t/acme/calls/{call.pk}/renew/", follow=True)
    assert answer.redirect_chain[-1][0] == f"/t/acme/?note={call.pk}#call-{call.pk}"
    page = answer.content.decode()
    assert f'name="note-call-{call.pk}"' in page and "Why still paused?" in page
    ana.post(f"/t/acme/calls/{call.pk}/renew/", {f"note-call-{call.pk}": "slow", "note-call-999": "another's"})
    assert board.row(call).note == "Ana Ruiz · Card details · slow"

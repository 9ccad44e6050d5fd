"""Calls that no list covers any more are asked about one by one; what Bandwidth never knew does not stay for ever."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.functions import Now

from tests import cast as people
from tests.live.posting import event
from voicedash.audit.models import Entry
from voicedash.bandwidth.callbacks import event_in
from voicedash.calls import board, callbacks, ids, recording, tracking
from voicedash.calls.callbacks import Arrived
from voicedash.calls.models import Call, Sync
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Board
from voicedash.worker import older
from voicedash.worker.models import Duty

USUAL = "c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85"
MINUTE = timedelta(minutes=1)


def ago(minutes):
    return datetime.now(UTC) - minutes * MINUTE


def looks(bandwidth):
    return [request.call_id for request in bandwidth.requests if request.kind == "get"]


@pytest.fixture
def typed(cast):
    def made(call_id=USUAL, account=None, hours=0.0):
        tracking.add_typed(cast.acme, ids.read(call_id), account=account, by=cast.ana)
        Call.objects.filter(call_id=call_id).update(added_at=Now() - timedelta(hours=hours))
        return Call.objects.get(call_id=call_id)

    return made


def test_an_older_call_that_ends_is_seen_within_two_cycles(bandwidth, turn, followed):
    [theirs, other] = followed(*(bandwidth.add_call("9900001", start=ago(minutes)) for minutes in (40, 50)))
    theirs.hang_up()
    turn(), turn()
    assert Call.objects.get(call_id=theirs.call_id).ended_at is not None
    assert Call.objects.get(call_id=other.call_id).ended_at is None


def test_with_many_older_calls_each_has_its_turn_within_a_budget(cast, bandwidth, turn, followed):
    old = followed(*(bandwidth.add_call("9900001", start=ago(20 + number)) for number in range(45)))
    young = bandwidth.add_call("9900001")
    at = Board.objects.get(tenant=cast.acme).version
    seen: Counter[str] = Counter()
    for _ in range(10):
        bandwidth.clear_requests()
        turn()
        assert len(looks(bandwidth)) == older.LOOKS
        seen += Counter(looks(bandwidth))
    assert set(seen) == {call.call_id for call in old}
    assert set(seen.values()) <= {2, 3}
    assert Call.objects.get(call_id=young.call_id).ended_at is None
    assert Board.objects.get(tenant=cast.acme).version == at + 1  # that of the young call


def test_with_few_of_them_each_is_asked_about_in_every_other_cycle(bandwidth, turn, followed):
    followed(*(bandwidth.add_call("9900001", start=ago(20 + number)) for number in range(4)))
    for _ in range(6):
        turn()
    assert set(Counter(looks(bandwidth)).values()) == {3}


def test_a_rate_limit_in_the_middle_ends_the_looks_and_is_heeded(bandwidth, turn, followed):
    followed(*(bandwidth.add_call("9900001", start=ago(20 + number)) for number in range(10)))
    bandwidth.fail_next(429, retry_after="40", on="get")
    state = turn()
    assert len(looks(bandwidth)) == 1
    assert (state.failures, state.trouble) == (0, "")  # what is new was heard all the same
    assert abs((Duty.objects.get(pk__startswith="sync").due_at - datetime.now(UTC)).total_seconds() - 40) < 3


def test_a_call_that_was_listed_and_is_not_found_now_stays(bandwidth, turn, followed):
    [theirs] = followed(bandwidth.add_call("9900001", start=ago(40)))
    bandwidth.forget_call(theirs)
    Call.objects.update(added_at=Now() - timedelta(days=3), listed_at=Now() - timedelta(days=3))
    turn(), turn()
    assert looks(bandwidth)
    assert Call.objects.get().ended_at is None


def test_after_a_week_a_call_that_is_not_found_must_be_over(bandwidth, turn, followed):
    [theirs] = followed(bandwidth.add_call("9900001", start=ago(40)))
    bandwidth.forget_call(theirs)
    Call.objects.update(listed_at=Now() - timedelta(days=8))
    turn()
    assert Call.objects.get().hidden_why == "forgotten"
    assert board.row(Call.objects.get()).line == "over for more than a week"


def test_a_typed_id_that_bandwidth_never_knew_is_hidden_after_four_hours_with_the_reason(
    cast, bandwidth, turn, followed, typed, sign_in
):
    followed()
    call = typed(hours=3.9)
    turn()
    assert Call.objects.get().ended_at is None
    call = typed("c-older", hours=4.1)
    bandwidth.clear_requests()
    turn(), turn()
    assert "c-older" in looks(bandwidth)
    call.refresh_from_db()
    assert (call.hidden_why, call.ended_at is not None) == ("unknown", True)
    row = board.row(call)
    assert (row.over, row.line, row.ended) == ("Hidden", "Bandwidth never knew this id", True)
    page = sign_in(cast.ana).get("/t/acme/", headers={"HX-Request": ""}).content.decode()
    assert "Bandwidth never knew this id" in page
    [entry] = Entry.objects.filter(verb="call.hidden")
    assert (entry.call_id, entry.data, entry.actor) == ("c-older", {"why": "unknown"}, None)
    assert Call.objects.get(call_id=USUAL).ended_at is None


def test_a_hidden_id_that_is_typed_again_has_its_time_once_more(cast, bandwidth, turn, followed, typed):
    followed()
    typed(hours=5)
    turn()
    assert Call.objects.get().hidden_why
    added = tracking.add_typed(cast.acme, ids.read(USUAL), account=None, by=cast.mia)
    assert added.added == [USUAL]
    assert "hidden before" in added.hints[0][1]
    turn()
    call = Call.objects.get()
    assert (call.hidden_why, call.ended_at, call.added_by) == ("", None, cast.mia)


def test_a_hidden_id_that_bandwidth_tells_of_after_all_is_back(bandwidth, turn, followed, typed):
    followed()
    typed(hours=5)
    turn()
    bandwidth.add_call("9900001", USUAL)
    turn()
    call = Call.objects.get()
    assert (call.hidden_why, call.ended_at, call.state) == ("", None, "answered")


def test_a_typed_id_that_was_paused_is_never_hidden(cast, bandwidth, turn, followed, typed):
    followed()
    theirs = bandwidth.add_call("9900001", USUAL, listed_after=60)
    call = typed(hours=5)
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    turn(), turn()
    assert looks(bandwidth)
    assert Call.objects.get().ended_at is None
    assert theirs.recorder == "paused"


def test_while_bandwidth_does_not_answer_no_typed_id_is_hidden(bandwidth, turn, followed, typed):
    followed()
    typed(hours=5)
    for status in (500, 503, 429):
        bandwidth.fail_next(status, on="get")
        turn()
    assert Call.objects.get().hidden_why == ""


def test_where_listing_is_forbidden_a_typed_id_that_nobody_heard_of_goes_as_well(bandwidth, turn, followed, typed):
    followed()
    old, young = typed(hours=5), typed("c-young", hours=1)
    bandwidth.fail_next(403, on="list")
    turn()
    assert not looks(bandwidth)
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.hidden_why, young.hidden_why) == ("unheard", "")
    assert board.row(old).line == "nothing was heard of this id"


def test_an_id_typed_for_the_wrong_account_is_found_by_asking_the_right_one(cast, bandwidth, turn, followed, typed):
    followed()
    second = people.account(cast.acme, "9900003")
    people.known_to(bandwidth, second)
    bandwidth.add_call("9900003", USUAL, start=ago(300))  # no list of the last minutes tells of it
    typed(account=cast.acme_account)
    turn()
    for _ in range(3):
        turn(second)
    call = Call.objects.get()
    assert (call.account, call.state) == (second, "answered")


@pytest.mark.parametrize("why", ["wrong credentials", "nobody has asked it yet"])
def test_a_typed_id_stays_while_an_account_where_it_may_live_cannot_be_asked(
    cast, bandwidth, turn, followed, typed, why
):
    followed()
    second = people.account(cast.acme, "9900003")
    bandwidth.add_account("9900003", client_id="x", secret="other", username="y", password="z")
    typed(hours=5)
    for _ in range(2):
        if why == "wrong credentials":
            assert turn(second).failures
        turn()
    assert USUAL in looks(bandwidth)
    assert Call.objects.get().hidden_why == ""
    Sync.objects.update_or_create(account=second, defaults={"heard_at": Now()})
    turn()
    assert Call.objects.get().hidden_why == "unknown"


def test_a_call_that_an_event_told_of_stays_for_a_week_and_was_known(cast, bandwidth, turn, followed):
    followed()
    told = event_in(event("gather", callId=USUAL, startTime=None))
    callbacks.take_in(cast.acme.pk, {0: Arrived(told, database_time())})
    Call.objects.update(added_at=Now() - timedelta(days=6))
    turn(), turn()
    assert USUAL in looks(bandwidth)
    assert Call.objects.get().hidden_why == ""
    Call.objects.update(added_at=Now() - timedelta(days=8))
    turn()
    assert Call.objects.get().hidden_why == "forgotten"


def test_a_hidden_id_that_an_event_tells_of_has_its_time_once_more(cast, bandwidth, turn, followed, typed):
    followed()
    typed(hours=24 * 8)
    turn()
    assert Call.objects.get().hidden_why == "unknown"
    callbacks.take_in(cast.acme.pk, {0: Arrived(event_in(event("gather", callId=USUAL)), database_time())})
    turn(), turn()
    assert looks(bandwidth).count(USUAL) >= 2
    assert (Call.objects.get().hidden_why, Call.objects.get().ended_at) == ("", None)


def test_a_call_in_the_queue_has_no_start_and_is_asked_about(bandwidth, turn, followed, typed):
    followed()
    theirs = bandwidth.add_call("9900001", state="queued")
    typed(theirs.call_id)
    turn()
    assert Call.objects.get().state == "queued"
    theirs.hang_up("cancel")
    turn()
    assert Call.objects.get().ended_at is not None

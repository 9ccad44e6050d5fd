"""What recordings that end say of a pause, and events of calls: judged by times, whatever the clocks of both sides."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import cast as people
from tests.calls.doubting import the_due
from tests.live import posting
from voicedash.audit.models import Entry
from voicedash.bandwidth.callbacks import event_in
from voicedash.calls import board, callbacks, due, recording
from voicedash.calls.callbacks import Arrived
from voicedash.calls.models import Call, Sync
from voicedash.tenants.board import database_time
from voicedash.tenants.models import BandwidthAccount

SKEWED = [0.0, 3600.0, -3600.0]  # seconds by which Bandwidth's clock is ahead of ours


def ended(
    call: Call,
    *,
    ago: float,
    kind: str = "recordingAvailable",
    skew: float = 0.0,
    recording_id: str = "r-1",
    **more: Any,
) -> Arrived:
    """A recording of the call that ended `ago` seconds before the event was made, which came at once."""
    now = database_time()
    made = datetime.now(UTC) + timedelta(seconds=skew)
    fields = {
        "eventType": kind,
        "eventTime": made.isoformat(),
        "accountId": call.account.account_id,
        "callId": call.call_id,
        "recordingId": recording_id,
        "startTime": (made - timedelta(seconds=ago + 30)).isoformat(),
        "endTime": (made - timedelta(seconds=ago)).isoformat(),
        "status": "complete",
    }
    told = fields | more
    return Arrived(event_in({name: value for name, value in told.items() if value is not None}), now)


def take_in(account: BandwidthAccount, *arrived: Arrived) -> dict[int, str]:
    return callbacks.take_in(account.tenant_id, dict(enumerate(arrived)))


@pytest.fixture
def paused(cast, bandwidth, live_call):
    """A call whose pause was acknowledged 30 s ago, and the stand-in's side of it."""
    call, theirs = live_call(cast.acme_account)
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    set_back(call, 30)
    return call, theirs


def set_back(call: Call, seconds: float) -> None:
    asserted = database_time() - timedelta(seconds=seconds)
    Call.objects.filter(pk=call.pk).update(asserted_at=asserted)


@pytest.mark.parametrize("skew", SKEWED)
@pytest.mark.parametrize("kind", ["recordingAvailable", "recordComplete", "recordingComplete"])
def test_a_recording_that_ended_under_a_pause_speaks_against_it(cast, bandwidth, paused, kind, skew):
    call, theirs = paused
    theirs.command("recording")  # a transfer began a new recording
    take_in(cast.acme_account, ended(call, ago=5, kind=kind, skew=skew))
    assert board.row(call).recording == "unconfirmed"
    entry = Entry.objects.get(verb="recording.contradicted")
    assert entry.data == {"why": "recording ended", "by": "r-1"}
    one = the_due(call)
    assert (one.wanted, one.source) == ("paused", "system")
    assert recording.reassert(one).outcome == "acknowledged"
    assert theirs.recorder == "paused"
    assert board.row(call).recording == "paused"


@pytest.mark.parametrize("skew", SKEWED)
def test_an_older_recording_that_ended_before_the_pause_says_nothing(cast, bandwidth, paused, skew):
    call, _ = paused
    take_in(cast.acme_account, ended(call, ago=40, skew=skew))  # it took long to be processed
    assert board.row(call).recording == "paused"
    assert due.again(database_time()) == []
    assert not Entry.objects.filter(verb="recording.contradicted").exists()


def test_where_times_are_missing_or_make_no_sense_it_speaks_against_the_pause(cast, bandwidth, live_call):
    for more in ({"endTime": None}, {"eventTime": None}, {"endTime": "soon"}, {"endTime": "2099-01-01T00:00:00Z"}):
        call, _ = live_call(cast.acme_account)
        recording.pause(call=call, by=cast.ana)
        set_back(call, 30)
        take_in(cast.acme_account, ended(call, ago=40, **more))
        assert board.row(call).recording == "unconfirmed", more


def test_what_ended_in_the_moment_of_the_pause_counts_against_it(cast, bandwidth, paused):
    call, _ = paused
    set_back(call, 9)  # by eventTime, which is approximate, it ended a second before
    take_in(cast.acme_account, ended(call, ago=10))
    assert board.row(call).recording == "unconfirmed"


def test_the_same_recording_speaks_once(cast, bandwidth, paused):
    call, _ = paused
    first = ended(call, ago=0)
    take_in(cast.acme_account, first, first)
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    again = Arrived(
        first.event, database_time() + timedelta(seconds=1)
    )  # Bandwidth saw its connection break, and tried again
    take_in(cast.acme_account, again)
    take_in(cast.acme_account, ended(call, ago=0, kind="recordComplete"))  # and another event of the same recording
    assert board.row(call).recording == "paused"
    assert Entry.objects.filter(verb="recording.contradicted").count() == 1
    take_in(cast.acme_account, ended(call, ago=0, recording_id="r-2"))
    assert board.row(call).recording == "unconfirmed"


def test_of_a_call_that_has_ended_nothing_is_asked(cast, bandwidth, paused):
    call, _ = paused
    over = {"eventType": "disconnect", "eventTime": datetime.now(UTC).isoformat(), "accountId": "9900001"}
    disconnect = Arrived(event_in(over | {"callId": call.call_id}), database_time())
    take_in(cast.acme_account, ended(call, ago=2), disconnect)  # in one batch, whichever came first
    row = board.row(call)
    assert (row.recording, row.ended) == ("paused", True)
    take_in(cast.acme_account, ended(call, ago=2))
    assert due.again(database_time()) == []
    assert not Entry.objects.filter(verb="recording.contradicted").exists()


def test_only_a_pause_that_is_shown_is_spoken_against(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    take_in(cast.acme_account, ended(call, ago=1))
    assert board.row(call).recording == "assumed"
    recording.pause(call=call, by=cast.ana)
    recording.resume(call=call, by=cast.ana)
    take_in(cast.acme_account, ended(call, ago=0, recording_id="r-2"))
    assert board.row(call).recording == "recording"


def test_what_comes_while_a_pause_is_asked_for_has_it_asked_again(cast, bandwidth, live_call, threads):
    call, theirs = live_call(cast.acme_account)
    bandwidth.delay_next(0.5, apply="before")
    pausing = threads.submit(recording.pause, call=call, by=cast.ana)
    assert bandwidth.wait_until(lambda: theirs.recorder == "paused")
    theirs.command("recording")  # at this moment a transfer begins a new recording
    take_in(cast.acme_account, ended(call, ago=0))
    assert pausing.result().outcome == "acknowledged"
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert theirs.recorder == "paused"
    assert due.again(database_time()) == []


def test_a_pause_that_was_refused_meanwhile_is_not_asked_again(cast, bandwidth, live_call, threads):
    call, _ = live_call(cast.acme_account)
    bandwidth.fail_next(400, delay=0.5)
    pausing = threads.submit(recording.pause, call=call, by=cast.ana)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    take_in(cast.acme_account, ended(call, ago=0))
    assert pausing.result().outcome == "refused"
    assert due.again(database_time()) == []


def test_a_recording_of_another_tenants_call_says_nothing(cast, bandwidth, paused):
    call, _ = paused
    before = Call.objects.filter(pk=call.pk).values().get()
    assert take_in(cast.globex_account, ended(call, ago=0)) == {0: "not one of your Bandwidth accounts"}
    assert take_in(cast.globex_account, ended(call, ago=0, accountId="9900002")) == {}
    assert Call.objects.filter(pk=call.pk).values().get() == before


def test_a_disconnect_of_a_call_that_nobody_knew_keeps_it_from_coming_to_life(cast, bandwidth):
    def told(kind: str, second: int, **more: str) -> Arrived:
        moment = (datetime.now(UTC) - timedelta(seconds=60 - second)).isoformat()
        fields = {
            "eventType": kind,
            "eventTime": moment,
            "accountId": "9900001",
            "callId": "c-late",
            "startTime": moment,
        }
        return Arrived(event_in(fields | more), database_time())

    take_in(cast.acme_account, told("disconnect", 20))
    take_in(cast.acme_account, told("initiate", 10))
    call = Call.objects.get()
    assert (call.state, call.ended_at is not None, call.version) == ("disconnected", True, 1)


def test_a_batch_of_a_hundred_is_one_transaction(cast, bandwidth, django_assert_max_num_queries):
    now = datetime.now(UTC).isoformat()
    arrived = [
        Arrived(
            event_in({"eventType": "initiate", "eventTime": now, "accountId": "9900001", "callId": f"c-{number:03}"}),
            database_time(),
        )
        for number in range(100)
    ]
    with django_assert_max_num_queries(12):
        take_in(cast.acme_account, *arrived)
    assert set(Call.objects.values_list("version", flat=True)) == {1}


def told(kind: str, second: float = 0, **fields: Any) -> Arrived:
    return Arrived(event_in(posting.event(kind, second=second, **fields)), database_time())


LEG, CALLER = "c-leg", "c-caller"
ANSWERED = {"callId": LEG, "parentCallId": CALLER, "answerTime": posting.moment(5)}
OVER = {"account": "", "callId": LEG, "parentCallId": CALLER, "accountId": None, "callUrl": None}


@pytest.mark.parametrize("known_by", [{}, {"callId": CALLER, "parentCallId": None}], ids=["its own", "its parent's"])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [1, -1])
def test_what_names_no_account_is_about_that_of_an_event_that_came_with_it(cast, bandwidth, known_by, together, order):
    people.account(cast.acme, "9900003")
    events = [told("transferAnswer", 5, **ANSWERED | known_by), told("transferDisconnect", 9, **OVER)]
    if together:
        assert take_in(cast.acme_account, *events[::order]) == {}
    else:
        assert take_in(cast.acme_account, events[0]) == {}
        assert take_in(cast.acme_account, events[1]) == {}
    leg = Call.objects.get(call_id=LEG)
    assert (leg.account, leg.state) == (cast.acme_account, "disconnected")


def test_what_names_no_account_and_whose_call_nobody_knows_is_left_out(cast, bandwidth):
    people.account(cast.acme, "9900003")
    left_out = take_in(cast.acme_account, told("transferDisconnect", 9, **OVER), told("answer", callId="c-other"))
    assert list(left_out) == [0]


@pytest.mark.parametrize("ahead", [3 * 60, 30 * 60, 26 * 3600])
def test_a_start_after_its_own_event_is_not_believed(cast, bandwidth, ahead):
    take_in(cast.acme_account, told("gather", 20, startTime=posting.moment(20 + ahead)))
    take_in(cast.acme_account, told("gather", 30, callId="c-right", startTime=posting.moment(0)))
    started = dict(Call.objects.values_list("call_id", "start_time"))
    assert started[posting.CALL] is None  # and so it is asked about by itself, as an older one is
    assert started["c-right"] == datetime.fromisoformat(posting.moment(0))


@pytest.mark.parametrize("skew", SKEWED)
def test_how_late_events_bring_calls_is_told_by_one_clock(cast, bandwidth, skew):
    Sync.objects.create(account=cast.acme_account, since=datetime.fromisoformat(posting.moment(-7200)))
    take_in(
        cast.acme_account,
        told("gather", skew + 4, startTime=posting.moment(skew), answerTime=posting.moment(skew + 2)),
        told("initiate", skew + 1, callId="c-other", startTime=posting.moment(skew)),
    )
    assert sorted(Sync.objects.get().appeared) == [1.0, 2.0]

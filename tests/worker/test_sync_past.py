"""What began before an account was followed, or in a silence: after the newest, backwards, and in nobody's way."""

from datetime import UTC, datetime, timedelta

from django.db.models.functions import Now

from voicedash.bandwidth.client import Client
from voicedash.bandwidth.listing import Page
from voicedash.calls.models import Call, Sync
from voicedash.worker import sync

MINUTE = timedelta(minutes=1)
NEAR = timedelta(seconds=4)


def ago(minutes):
    return datetime.now(UTC) - minutes * MINUTE


def test_first_the_newest_then_the_past_backwards_in_steps(cast, bandwidth, turn, lists, settings):
    settings.SYNC_SECONDS = 1e-6  # one step in a turn
    calls = {minutes: bandwidth.add_call("9900001", start=ago(minutes)).call_id for minutes in (5, 30, 60, 700, 800)}
    turn()
    began = Sync.objects.get().since  # by this all is reckoned, however long the turns take
    assert began is not None
    probe, newest = lists()
    assert abs(probe[0] - began) < NEAR
    assert abs(newest[0] - (began - 15 * MINUTE)) < NEAR
    assert newest[1] is None
    assert [call.call_id for call in Call.objects.all()] == [calls[5]]
    # What is older comes step by step, the newest first, and the front is looked at in between.
    begins = []
    for _ in range(24):
        turn()
        front, step = lists()
        assert front[1] is None
        assert abs((step[1] - step[0]) - 30 * MINUTE) < NEAR or step[0] - (began - 720 * MINUTE) < NEAR
        begins.append(step[0])
    assert begins == sorted(begins, reverse=True)
    assert abs(begins[0] - (began - 45 * MINUTE)) < NEAR
    assert abs(begins[-1] - (began - 720 * MINUTE)) < NEAR
    found = set(Call.objects.values_list("call_id", flat=True))
    assert found == {call_id for minutes, call_id in calls.items() if minutes <= 720}
    turn()
    assert len(lists()) == 1


def test_after_a_silence_what_began_in_between_is_read_from_the_newest_backwards(cast, bandwidth, turn, lists):
    bandwidth.add_call("9900001", start=ago(200))
    turn(), turn()
    Sync.objects.update(heard_at=Now() - 180 * MINUTE, newest_start=ago(181), back_from=None, back_to=None)
    missed = bandwidth.add_call("9900001", start=ago(120))
    lists()
    turn()
    assert abs(lists()[1][0] - ago(15)) < NEAR
    assert not Call.objects.filter(call_id=missed.call_id).exists()
    turn()
    steps = lists()[1:]
    assert Call.objects.filter(call_id=missed.call_id).exists()
    assert abs(min(since for since, _ in steps) - ago(181 + 15)) < NEAR


def test_a_silence_within_a_silence_loses_nothing(cast, bandwidth, turn, settings):
    settings.SYNC_SECONDS = 1e-6
    missed = bandwidth.add_call("9900001", start=ago(300))
    turn(), turn()  # the past of twelve hours is read for a step of it
    Sync.objects.update(heard_at=Now() - 20 * MINUTE)
    bandwidth.fail_next(503, on="list")
    turn()
    bandwidth.delay_next(0, on="list")
    bandwidth.fail_next(503, on="list")  # the first list after it fails half way
    turn()
    for _ in range(26):
        turn()
    assert Call.objects.filter(call_id=missed.call_id).exists()


def test_pages_of_the_past_without_an_end_cost_a_cycle_some_and_end_by_themselves(
    cast, bandwidth, turn, monkeypatch, caplog
):
    asked: list[datetime] = []

    def pages(client, *, since, until=None, page_size=1000):
        while until is not None and len(asked) < 1000:
            asked.append(until)
            yield Page([], None)
        yield from real(client, since=since, until=until, page_size=page_size) if until is None else []

    real = Client.pages
    monkeypatch.setattr(Client, "pages", pages)
    turn()
    for cycle in (1, 2):
        turn()
        assert len(asked) == cycle * sync.PAGES
    assert asked[0] - asked[-1] == 30 * MINUTE  # the first piece was left out, and that is told
    assert "leads nowhere" in caplog.text
    for _ in range(30):
        state = turn()
    assert state.back_to is None
    assert state.failures == 0


def test_a_slow_piece_of_the_past_is_listed_a_part_in_a_cycle_and_nothing_of_it_twice(
    cast, bandwidth, turn, lists, settings
):
    calls = [bandwidth.add_call("9900001", start=ago(40) + timedelta(seconds=one / 5)) for one in range(2500)]
    top = turn().back_to
    lists()
    settings.SYNC_SECONDS = 1e-6  # whatever it does, it is late
    state = turn()
    front, first, *more = lists()
    assert front[1] is None
    assert len(more) == 1  # two pages, and the newest come before the third
    assert Call.objects.count() == 2000
    assert state.back_at == calls[1999].created.replace(microsecond=calls[1999].created.microsecond // 1000 * 1000)
    state = turn()
    _, rest = lists()
    assert rest[1] == first[1]
    assert abs(rest[0] - state.back_to) > 6 * MINUTE
    assert Call.objects.count() == 2500
    assert state.back_at is None
    assert state.back_to == top - 30 * MINUTE

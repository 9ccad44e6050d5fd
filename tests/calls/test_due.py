"""When a state in doubt is due to be asked for again, by the moments of the design: 5, 12 and 25 s after a doubted request."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.calls.doubting import acknowledged, doubted
from voicedash.calls import due
from voicedash.calls.models import Call, Command
from voicedash.tenants.board import database_time


def due_now(call):
    return [(one.wanted, one.source) for one in due.again(database_time()) if one.call_pk == call.pk]


AGAIN = [("paused", "reassert")]


@pytest.mark.parametrize(
    ("sent", "asserted", "found"),
    [
        (4.0, 3.0, False),
        (5.5, 3.0, True),  # 5 s after it was sent
        (5.5, 0.3, False),  # and acknowledged again since
        (11.0, 5.0, False),
        (12.5, 5.0, True),
        (24.0, 11.0, False),
        (25.5, 12.0, True),  # its close
        (25.5, 0.9, True),  # acknowledged, but by a request that began before the close
        (25.5, 0.1, False),
        (54.0, 40.0, True),
        (56.0, 40.0, False),  # given up
    ],
)
def test_a_pause_in_doubt_is_due_three_times(cast, live_call, sent, asserted, found):
    call, _ = live_call(cast.acme_account)
    doubted(call, "recording", by=cast.ana, ago=sent)
    acknowledged(call, "paused", by=cast.ana, ago=asserted)
    assert due_now(call) == (AGAIN if found else [])
    assert bool(due.overdue(Now())) == (sent > 55)


@pytest.mark.parametrize(("sent", "found"), [(6.0, False), (13.0, False), (25.5, True), (56.0, False)])
def test_a_recording_in_doubt_is_due_once(cast, live_call, sent, found):
    call, _ = live_call(cast.acme_account)
    doubted(call, "paused", by=cast.ana, ago=sent)
    acknowledged(call, "recording", by=cast.ana, ago=2)
    assert due_now(call) == ([("recording", "reassert")] if found else [])


def test_the_attempts_of_a_command_count_as_one_request(cast, live_call):
    call, _ = live_call(cast.acme_account)
    command = doubted(call, "recording", by=cast.ana, ago=9)
    later = doubted(call, "recording", by=cast.ana, ago=4.5)
    later.attempts.update(command=command, number=2)
    acknowledged(call, "paused", by=cast.ana, ago=3.9)
    assert due_now(call) == []  # the second attempt was sent 4.5 s ago
    later.attempts.model.objects.update(doubt_until=Now() + timedelta(seconds=19.5))
    assert due_now(call) == AGAIN


@pytest.mark.parametrize("why", ["ended", "the same was wanted", "assumed", "unconfirmed", "somebody asks", "waits"])
def test_nothing_is_due(cast, live_call, why):
    call, _ = live_call(cast.acme_account)
    doubted(call, "paused" if why == "the same was wanted" else "recording", by=cast.ana, ago=6)
    acknowledged(call, "paused", by=cast.ana, ago=4)
    if why == "ended":
        Call.objects.update(ended_at=Now())
    if why in {"assumed", "unconfirmed"}:
        Call.objects.update(recording=why)
    if why in {"somebody asks", "waits"}:
        open_ = doubted(call, "paused", by=cast.mia, ago=0.1)
        state = "claimed" if why == "somebody asks" else "waiting"
        Command.objects.filter(pk=open_.pk).update(state=state, expires_at=Now() + timedelta(seconds=9))
    assert due_now(call) == []


def test_what_was_asked_again_in_vain_is_tried_with_pauses_that_grow(cast, live_call):
    call, _ = live_call(cast.acme_account)
    doubted(call, "recording", by=cast.ana, ago=26)
    acknowledged(call, "paused", by=cast.ana, ago=20)
    for tries, pause in enumerate([1, 2, 4, 5, 5], start=1):
        tried = doubted(call, "paused", by=None, ago=pause - 0.5)
        Command.objects.filter(pk=tried.pk).update(source="reassert", outcome="unknown_call")
        assert due_now(call) == [], f"after {tries}"
        earlier = Now() - timedelta(seconds=pause + 0.1)
        Command.objects.filter(source="reassert").update(closed_at=earlier, asked_at=earlier)
        assert due_now(call) == AGAIN, f"after {tries}"


def test_an_undo_that_is_long_past_is_found_once_for_all_tenants(cast, live_call):
    here, _ = live_call(cast.acme_account)
    there, _ = live_call(cast.globex_account)
    for call in (here, there):
        doubted(call, "recording", by=cast.ana, ago=60)
        acknowledged(call, "paused", by=cast.ana, ago=50)
    assert {attempt.command.call.tenant for attempt in due.overdue(Now())} == {cast.acme, cast.globex}
    # Somebody is asking: what comes of that decides.
    open_ = doubted(here, "paused", by=cast.mia, ago=0.1)
    Command.objects.filter(pk=open_.pk).update(state="claimed", expires_at=Now() + timedelta(seconds=9))
    assert [attempt.command.call.tenant for attempt in due.overdue(Now())] == [cast.globex]


def test_what_is_due_first_comes_first(cast, live_call):
    calls = [live_call(cast.acme_account)[0] for _ in range(3)]
    for call, sent in zip(calls, (7, 9, 8), strict=True):
        doubted(call, "recording", by=cast.ana, ago=sent)
        acknowledged(call, "paused", by=cast.ana, ago=6)
    assert [one.call_pk for one in due.again(database_time())] == [calls[1].pk, calls[2].pk, calls[0].pk]

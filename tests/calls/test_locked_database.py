"""A database that cannot be written: nothing is sent without its log entry, and the answer says so."""

import time
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models.functions import Now

from tests.calls.locking import locked
from voicedash.audit.models import Entry
from voicedash.calls import recording, times
from voicedash.calls.models import Command
from voicedash.tenants import workers


def test_a_press_that_cannot_be_written_is_not_sent(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    with locked(cast.acme):
        began = time.monotonic()
        answer = recording.pause(call=call, by=cast.ana)
        assert time.monotonic() - began < 4
    assert (answer.outcome, answer.said.lead) == ("not_asked", "NOT paused: stop the caller")
    assert "cannot write" in answer.said.sentence
    assert (bandwidth.puts, theirs.recorder, Entry.objects.count()) == ([], "recording", 0)
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"


def test_a_claim_that_was_written_too_slowly_is_closed_and_not_sent(cast, bandwidth, live_call, threads, monkeypatch):
    monkeypatch.setattr(times.times, "commit", 0.2)  # the database itself still waits for 2 s
    call, _ = live_call(cast.acme_account)
    with locked(cast.acme):
        pressing = threads.submit(press_and_close, call, cast.ana)
        with pytest.raises(TimeoutError):
            pressing.result(0.6)
    assert pressing.result().outcome == "not_asked"
    assert bandwidth.puts == []
    command = Command.objects.get()
    assert (command.state, command.outcome) == ("closed", "not_asked")
    assert Entry.objects.get(verb="recording.answered").data["why"] == "written too slowly"


def test_the_board_still_opens_and_its_expired_claims_claim_nothing(cast, bandwidth, live_call, sign_in):
    call, _ = live_call(cast.acme_account)
    Command.objects.create(
        call=call, wanted="paused", state="claimed", by=cast.ana, asked_at=Now(), expires_at=Now(), version=1
    )
    ana = sign_in(cast.ana)
    with locked(cast.acme):
        page = ana.get("/t/acme/")
    assert page.status_code == 200
    assert 'data-recording="assumed" data-asking="paused"' in page.content.decode()


def test_while_a_worker_is_alive_a_look_waits_for_no_lock(cast, bandwidth, live_call, sign_in):
    for _ in range(3):
        call, _theirs = live_call(cast.acme_account)
        Command.objects.create(
            call=call, wanted="paused", state="claimed", by=cast.ana, asked_at=Now(), expires_at=Now(), version=1
        )
    workers.beat(uuid4(), "another:1")
    ana = sign_in(cast.ana)
    ana.get("/t/acme/")
    with locked(cast.acme):
        began = time.monotonic()
        page = ana.get("/t/acme/")
        assert time.monotonic() - began < 1.5  # one wait for the lock takes two
    assert page.content.decode().count('data-recording="assumed" data-asking="paused"') == 3


def press_and_close(call, by):
    try:
        return recording.pause(call=call, by=by)
    finally:
        connections.close_all()


def test_an_acknowledgement_that_cannot_be_written_is_tried_until_it_can(cast, bandwidth, live_call, threads):
    call, theirs = live_call(cast.acme_account)
    bandwidth.delay_next(0.3)
    pressing = threads.submit(press_and_close, call, cast.ana)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    with locked(cast.acme):
        assert bandwidth.wait_until(lambda: theirs.recorder == "paused")
        with pytest.raises(TimeoutError):
            pressing.result(3)
        call.refresh_from_db()
        assert call.recording == "assumed"
    assert pressing.result().outcome == "acknowledged"
    call.refresh_from_db()
    assert call.recording == "paused"


def test_an_acknowledgement_that_can_not_be_written_in_time_is_not_confirmed(cast, bandwidth, live_call, threads):
    times.scale(0.2)  # a claim lives 3 s
    call, theirs = live_call(cast.acme_account)
    bandwidth.delay_next(0.6)
    pressing = threads.submit(press_and_close, call, cast.ana)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    with locked(cast.acme):
        answer = pressing.result(12)
    assert (answer.outcome, answer.said.lead) == ("unconfirmed", "NOT paused: stop the caller")
    call.refresh_from_db()
    assert call.recording == "assumed"  # until somebody looks: its claim is still open in the database
    assert theirs.recorder == "paused"


def test_a_crowd_before_a_locked_database_is_told_in_time(cast, bandwidth, live_call, threads):
    calls = [live_call(cast.acme_account)[0] for _ in range(8)]

    def press(call, after):
        time.sleep(after)
        began = time.monotonic()
        answer = recording.pause(call=call, by=cast.ana, reason=cast.card)
        return answer.outcome, time.monotonic() - began

    with locked(cast.acme):
        pressing = [threads.submit(press, call, number * 0.2) for number, call in enumerate(calls)]
        answers = [one.result() for one in pressing]
    assert {outcome for outcome, _ in answers} == {"not_asked"}
    assert max(took for _, took in answers) < 2.8
    assert bandwidth.puts == []
    # Whoever comes next waits as long as ever.
    assert recording.pause(call=calls[0], by=cast.ana, reason=cast.card).outcome == "acknowledged"

"""Pause all and resume all: one press for everyone that the filter shows, each call under the rules of a single press."""

import time
from itertools import pairwise

import pytest
from django.db.models import Count

from tests import cast as people
from voicedash.audit.models import Entry
from voicedash.calls import bulk, progress, recording, scope, times
from voicedash.calls.models import Attempt, Bulk, BulkItem, Call, Command, Wanted
from voicedash.tenants.board import writing


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.02)


def finished(seconds=20.0):
    until(lambda: Bulk.objects.exists() and not Bulk.objects.filter(finished_at=None).exists(), seconds)


@pytest.fixture
def ana(cast, sign_in):
    return sign_in(cast.ana)


@pytest.fixture
def floor(cast, live_call):
    """Twelve live calls of Acme, four of them of Support, and one of Globex."""
    calls = [live_call(cast.acme_account) for _ in range(12)]
    Call.objects.filter(pk__in=[ours.pk for ours, _ in calls[:4]]).update(team="Support")
    return calls, live_call(cast.globex_account)


def press(client, verb="pause", **fields):
    return client.post(f"/t/acme/{verb}-all/", {"sure": "1"} | fields)


def test_it_asks_once_and_says_number_and_scope(ana, floor, bandwidth):
    assert "Pause 12 calls of the whole floor?" in ana.post("/t/acme/pause-all/").text
    assert "Pause 4 calls of Support?" in ana.post("/t/acme/pause-all/", {"team": "Support"}).text
    assert (Bulk.objects.count(), bandwidth.puts) == (0, [])


def test_every_call_is_paused_and_each_has_its_command_its_log_and_its_lease(ana, cast, floor, bandwidth):
    calls, (_, others) = floor
    answer = press(ana)
    assert answer.status_code == 202
    assert "Wait, pausing…" in answer.text
    finished()
    assert {theirs.recorder for _, theirs in calls} == {"paused"}
    assert others.recorder == "recording"
    assert len(bandwidth.puts) == 12
    ours = Call.objects.filter(tenant=cast.acme)
    assert {call.recording for call in ours} == {"paused"}
    assert all(call.lease_ends_at and call.last_pause_id == call.acknowledged_id for call in ours)
    asked = Entry.objects.filter(verb="recording.asked", actor=cast.ana.pk)
    assert asked.count() == Entry.objects.filter(verb="recording.answered").count() == 12
    assert "Pause of 12 calls of the whole floor, by Ana Ruiz" in ana.get("/t/acme/").text
    assert "12 paused" in ana.get("/t/acme/").text
    assert [e.verb for e in Entry.objects.filter(verb__startswith="bulk.").order_by("id")] == [
        "bulk.asked",
        "bulk.ended",
    ]
    assert "asked to pause 12 calls at once" in ana.get("/t/acme/log/").text


def test_a_team_is_paused_alone(ana, floor):
    calls, _ = floor
    press(ana, team="Support")
    finished()
    assert [theirs.recorder for _, theirs in calls] == ["paused"] * 4 + ["recording"] * 8


def test_resume_all_takes_only_what_a_pause_of_all_did(ana, cast, sign_in, floor):
    calls, _ = floor
    mia = sign_in(cast.mia)
    by_hand = calls[5][0]
    mia.post(f"/t/acme/calls/{by_hand.pk}/pause/")
    press(ana)
    finished()
    question = ana.post("/t/acme/resume-all/").text
    assert "Resume 11 calls of the whole floor?" in question
    assert question.count(" checked") == 11
    assert "Mia Chen, this one alone" in question
    press(ana, "resume")
    finished()
    assert [theirs.recorder for _, theirs in calls].count("paused") == 1
    assert calls[5][1].recorder == "paused"


def test_what_is_ticked_is_resumed_and_nothing_of_another_tenant(ana, floor, bandwidth):
    calls, (theirs, _) = floor
    press(ana)
    finished()
    press(ana, "resume", listed="1", call=[calls[0][0].pk, theirs.pk])
    finished()
    assert [call.recorder for _, call in calls] == ["recording"] + ["paused"] * 11
    assert len(bandwidth.puts) == 13


def test_a_call_that_was_paused_after_the_question_is_not_resumed(ana, cast, sign_in, floor):
    calls, _ = floor
    press(ana)
    finished()
    seen = scope.to_resume(cast.acme, "").version
    mia, call = sign_in(cast.mia), calls[0][0]
    mia.post(f"/t/acme/calls/{call.pk}/resume/", {"anyway": "1"})
    mia.post(f"/t/acme/calls/{call.pk}/pause/")
    press(ana, "resume", seen=seen, listed="1", call=[ours.pk for ours, _ in calls])
    finished()
    assert [theirs.recorder for _, theirs in calls] == ["paused"] + ["recording"] * 11
    assert BulkItem.objects.get(call=call, bulk__wanted="recording").outcome == "stale"


def test_the_failed_ones_are_repeated_alone(ana, floor, bandwidth):
    calls, _ = floor
    for ours, _ in calls[:2]:
        bandwidth.fail_next(400, call_id=ours.call_id)
    press(ana)
    finished()
    page = ana.get("/t/acme/").text
    assert "10 paused, 2 failed" in page
    assert "Repeat the 2" in page
    first = Bulk.objects.get()
    assert ana.post(f"/t/acme/bulks/{first.pk}/repeat/").status_code == 202
    finished()
    assert {theirs.recorder for _, theirs in calls} == {"paused"}
    assert len(bandwidth.puts) == 14
    assert "Repeat the" not in ana.get("/t/acme/").text


def test_asked_too_often_it_slows_down_keeps_to_what_bandwidth_says_and_every_call_is_paused(ana, floor, bandwidth):
    calls, _ = floor
    bandwidth.fail_next(429, retry_after="1", times=8)
    press(ana)
    finished()
    assert {theirs.recorder for _, theirs in calls} == {"paused"}
    first, later = bandwidth.puts[0].at, [put.at for put in bandwidth.puts[12:]]
    assert min(later) - first >= 1
    assert Command.objects.filter(outcome="refused").count() == 8
    assert "12 paused" in ana.get("/t/acme/").text


def test_an_account_without_credentials_fails_alone(ana, cast, floor, bandwidth, live_call):
    calls, _ = floor
    refused = people.account(cast.acme, "9900003", secret="not-the-secret")
    people.known_to(bandwidth, refused)
    bad = [live_call(refused) for _ in range(3)]
    press(ana)
    finished()
    assert {theirs.recorder for _, theirs in calls} == {"paused"}
    assert {theirs.recorder for _, theirs in bad} == {"recording"}
    page = ana.get("/t/acme/").text
    assert "12 paused, 3 failed" in page
    assert "Bandwidth refuses the account" in page


def test_calls_that_end_and_come_meanwhile(ana, cast, floor, bandwidth, live_call):
    """One that ends before its turn is not asked for; one that comes later is not of the list."""
    calls, _ = floor
    more = [live_call(cast.acme_account) for _ in range(50)]
    bandwidth.hold(cast.acme_account.account_id, on="put")
    press(ana)
    until(lambda: len(bandwidth.puts) == 50)
    last = BulkItem.objects.filter(command=None).order_by("pk").last().call
    with writing(cast.acme.pk) as stamp:
        Call.objects.filter(pk=last.pk).update(ended_at=stamp.now, version=stamp.version)
    _, theirs = live_call(cast.acme_account)
    assert Command.objects.filter(state="claimed").count() == 50
    bandwidth.release_all()
    finished()
    assert theirs.recorder == "recording"
    assert BulkItem.objects.get(call=last).outcome == "ended"
    assert len(bandwidth.puts) == len(calls) + len(more) - 1
    assert "61 paused, 1 ended" in ana.get("/t/acme/").text


def test_a_pause_of_all_overtakes_a_resume_in_flight(ana, floor, bandwidth, threads):
    calls, _ = floor
    ours, _ = calls[0]
    ana.post(f"/t/acme/calls/{ours.pk}/pause/")
    bandwidth.delay_next(1.0, call_id=ours.call_id)
    resuming = threads.submit(ana.post, f"/t/acme/calls/{ours.pk}/resume/")
    until(lambda: Command.objects.filter(state="claimed", wanted="recording").exists())
    press(ana)
    resuming.result()
    finished()
    assert {their.recorder for _, their in calls} == {"paused"}
    assert not Command.objects.exclude(state="closed").exists()


def test_opposite_presses_at_once_end_in_one_truth(ana, cast, sign_in, floor, bandwidth, threads):
    calls, _ = floor
    press(ana)
    finished()
    bandwidth.latency = 0.1
    mia = sign_in(cast.mia)
    both = [threads.submit(press, client, verb) for client, verb in ((ana, "resume"), (mia, "pause"), (ana, "resume"))]
    for one in both:
        one.result()
    finished()
    shown = dict(Call.objects.filter(tenant=cast.acme).values_list("call_id", "recording"))
    assert all(shown[ours.call_id] == theirs.recorder for ours, theirs in calls)
    assert not Command.objects.exclude(state="closed").exists()
    puts = sorted(bandwidth.puts, key=lambda put: (put.call_id, put.at))
    assert all(before.effect_at <= after.at for before, after in pairwise(puts) if before.call_id == after.call_id)


def test_a_process_that_dies_in_the_middle_is_continued_by_a_worker_and_what_it_lost_is_repeated(
    cast, bandwidth, live_call, sign_in, node, worker
):
    calls = [live_call(cast.acme_account) for _ in range(60)]
    scale = 0.3
    first = node(scale)
    bandwidth.latency = 0.3
    first.browser_of(cast.ana).post("/t/acme/pause-all/", data={"sure": "1"})
    until(lambda: Command.objects.filter(outcome="acknowledged").count() >= 10)
    first.kill()
    held = set(Command.objects.filter(state="claimed").values_list("call__call_id", flat=True))
    assert held
    bandwidth.latency = 0.0
    worker(scale)
    finished(40)
    asked = dict(Command.objects.values_list("call__call_id").annotate(Count("pk")))
    assert len(asked) == 60
    # Nothing that had been acknowledged was asked for again, nor anything else a second time but to settle a doubt.
    again = Command.objects.filter(source="person").values("call").annotate(n=Count("pk")).filter(n__gt=1)
    assert not again.exists()
    assert all(theirs.recorder == "paused" for ours, theirs in calls if ours.call_id not in held)
    for item in BulkItem.objects.filter(call__call_id__in=held).select_related("command"):
        assert item.command.outcome in {"unconfirmed", "acknowledged"}
    lost = Bulk.objects.get()
    failed = len(progress.failed(lost))
    assert failed
    assert sign_in(cast.ana).post(f"/t/acme/bulks/{lost.pk}/repeat/").status_code == 202
    finished()
    assert lost.repeats.get().items.count() == failed
    assert {theirs.recorder for _, theirs in calls} == {"paused"}
    assert set(Call.objects.values_list("recording", flat=True)) == {"paused"}


def test_a_fault_of_ours_while_one_is_asked_for_leaves_a_doubt(cast, bandwidth, live_call, monkeypatch):
    """Whether its request was sent nobody can say: the claim ends as one whose sender vanished does."""
    times.scale(0.1)
    (call, _) = live_call(cast.acme_account)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(recording, "ask", broken)
    begun = bulk.begin(tenant=cast.acme, wanted=Wanted.PAUSED, by=cast.ana, calls=[call.pk])
    assert begun is not None
    until(lambda: Bulk.objects.get(pk=begun.pk).finished_at)
    attempt = Attempt.objects.get(command__call=call)
    assert (attempt.result, attempt.command.outcome) == ("vanished", "unconfirmed")
    assert attempt.doubt_until is not None
    assert Call.objects.get(pk=call.pk).recording == "unconfirmed"

"""Two web processes on one database: one request at a time for a call, and each board shows what the other asked."""

import random
import re
import time
from itertools import pairwise

import pytest

from voicedash.calls.models import Command

SCALE = 0.2  # an attempt 0.8 s, a claim 3 s
LONGER = 0.5  # a takeover after 2.5 s, and half a second more in which it may be waited for
AHEAD = "Paused: go ahead"


def row_of(visitor, call):
    """The marks of a call's row on the board that a person opens now."""
    page = visitor.get("/t/acme/").text
    return dict(re.findall(r'data-([a-z-]+)="([^"]*)"', page.split(f'id="call-{call.pk}"', 1)[1].split(">", 1)[0]))


def outcome_of(answer):
    return dict(re.findall(r'data-(outcome)="(\w+)"', answer.text))["outcome"]


def test_opposite_presses_through_both_are_asked_one_after_the_other(cast, bandwidth, live_call, node, threads):
    call, theirs = live_call(cast.acme_account)
    nodes = [node(), node()]
    bandwidth.latency = 0.05  # from a request's arrival to its effect

    def press(number):
        """Until 20 were asked, or for 20 s."""
        visitor = nodes[number % 2].browser_of([cast.ana, cast.mia][number // 2 % 2])
        dice, told, deadline = random.Random(number), [], time.monotonic() + 20
        while len(bandwidth.puts) < 20 and time.monotonic() < deadline:
            verb, began = dice.choice(["pause", "resume"]), time.monotonic()
            answer = visitor.post(f"/t/acme/calls/{call.pk}/{verb}/", data={"anyway": "1"})
            if AHEAD in answer.text:
                paused = [at for at, state in theirs.timeline if state == "paused" and at >= began]
                assert paused or theirs.recorder_at(began) == "paused"
            told.append((verb, outcome_of(answer)))
            time.sleep(dice.uniform(0, 0.1))  # who is busy does not ask again at once
        return told

    pressing = [threads.submit(press, number) for number in range(8)]
    told = [one for presser in pressing for one in presser.result()]
    puts = bandwidth.puts
    assert all(before.effect_at <= after.at for before, after in pairwise(puts))
    acknowledged = [one for one in told if one[1] == "acknowledged"]
    assert len(puts) == len(acknowledged) >= 20
    assert {outcome for _, outcome in told} <= {"acknowledged", "busy"}
    assert {verb for verb, _ in acknowledged} == {"pause", "resume"}
    # Whatever came last: both boards show it, and it is so.
    shown = [row_of(running.browser_of(cast.vic), call)["recording"] for running in nodes]
    assert shown == [theirs.recorder] * 2
    assert not Command.objects.exclude(state="closed").exists()


@pytest.mark.parametrize("trouble", ["hangs", "waits to ask again"])
def test_a_pause_through_one_overtakes_a_resume_in_trouble_on_the_other(
    cast, bandwidth, live_call, node, threads, trouble
):
    call, theirs = live_call(cast.acme_account)
    first, second = node(LONGER), node(LONGER)
    ana, mia = first.browser_of(cast.ana), second.browser_of(cast.mia)
    assert AHEAD in ana.post(f"/t/acme/calls/{call.pk}/pause/").text
    if trouble == "hangs":
        bandwidth.hang_next(apply=False, seconds=30)
    else:
        bandwidth.fail_next(429, retry_after="30")
    resuming = threads.submit(ana.post, f"/t/acme/calls/{call.pk}/resume/", data={"anyway": "1"})
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    assert row_of(mia, call)["asking"] == "recording"
    assert AHEAD in mia.post(f"/t/acme/calls/{call.pk}/pause/").text
    assert theirs.recorder == "paused"
    assert outcome_of(resuming.result()) == ("unconfirmed" if trouble == "hangs" else "refused")
    assert [put.state for put in bandwidth.puts] == ["paused", "recording", "paused"]
    assert [row_of(visitor, call)["recording"] for visitor in (ana, mia)] == ["paused", "paused"]


def test_what_is_asked_and_acknowledged_through_one_is_on_the_board_of_the_other_at_once(
    cast, bandwidth, live_call, node, threads
):
    call, _ = live_call(cast.acme_account)
    ana, mia = node().browser_of(cast.ana), node().browser_of(cast.mia)
    before = row_of(mia, call)
    assert (before["recording"], before["asking"]) == ("assumed", "")
    bandwidth.hold(cast.acme_account.account_id, on="put")
    pausing = threads.submit(ana.post, f"/t/acme/calls/{call.pk}/pause/")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    during = row_of(mia, call)
    assert (during["recording"], during["asking"]) == ("assumed", "paused")
    assert "Ana Ruiz is pausing this call right now" in mia.post(f"/t/acme/calls/{call.pk}/resume/").text
    bandwidth.release_all()
    assert AHEAD in pausing.result().text
    paused = row_of(mia, call)
    assert (paused["recording"], paused["asking"]) == ("paused", "")
    assert int(before["version"]) < int(during["version"]) < int(paused["version"])
    # From a row that does not show the pause yet nobody resumes it; from the new one it takes a second press.
    stale = {"seen": before["version"], "anyway": "1"}
    assert outcome_of(mia.post(f"/t/acme/calls/{call.pk}/resume/", data=stale)) == "stale"
    assert outcome_of(mia.post(f"/t/acme/calls/{call.pk}/resume/", data={"seen": paused["version"]})) == "confirm"
    assert len(bandwidth.puts) == 1
    seen = {"seen": paused["version"], "anyway": "1"}
    assert outcome_of(mia.post(f"/t/acme/calls/{call.pk}/resume/", data=seen)) == "acknowledged"
    assert row_of(ana, call)["recording"] == "recording"


def test_one_dies_while_both_look_and_the_other_takes_over(cast, bandwidth, live_call, node, threads):
    call, theirs = live_call(cast.acme_account)
    first, second = node(SCALE), node(SCALE)
    ana, mia = first.browser_of(cast.ana), second.browser_of(cast.mia)
    bandwidth.hang_next(apply=False, seconds=30)
    threads.submit(ana.post, f"/t/acme/calls/{call.pk}/pause/")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    first.kill()
    seen: list[tuple[str, str]] = []
    deadline = time.monotonic() + 10
    while (not seen or seen[-1][0] == "assumed") and time.monotonic() < deadline:
        row = row_of(mia, call)
        seen.append((row["recording"], row["asking"]))
        time.sleep(0.02)
    # As long as the dead one's claim lives it counts as being asked; then the call is not confirmed, never paused.
    assert set(seen) == {("assumed", "paused"), ("unconfirmed", "")}
    assert Command.objects.get().outcome == "unconfirmed"
    assert AHEAD in mia.post(f"/t/acme/calls/{call.pk}/pause/").text
    assert (theirs.recorder, row_of(mia, call)["recording"]) == ("paused", "paused")

"""Legs that come and go at random under random presses and faults: the row of the whole never lies, and nothing is left."""

import threading
import time
from random import Random

import pytest

from tests.calls.test_legs import told
from voicedash.calls import board, conversations, times, tracking
from voicedash.calls.models import Call, Command, Conversation
from voicedash.worker.loop import Loop

SCALE = 0.2
LIE = 2.0 * SCALE + 0.5  # seconds of one that a busy machine is granted between two looks


@pytest.mark.parametrize("seed", [1, 2])
def test_the_row_of_all_legs_never_says_paused_while_one_records(cast, bandwidth, threads, seed):
    times.scale(SCALE)
    dice = Random(seed)
    account = cast.acme_account
    first = bandwidth.add_call(account.account_id)
    legs = {first.call_id: first}
    over: set[str] = set()
    tracking.learn(account, [told(first.call_id)])
    loop, stop = Loop(), threading.Event()
    lies: list[str] = []

    def transfer() -> None:
        leg = bandwidth.add_call(
            account.account_id, state=dice.choice(["answered", "initiated"]), parent_call_id=first.call_id
        )
        legs[leg.call_id] = leg
        tracking.learn(account, [told(leg.call_id, first.call_id, state=leg.state)])

    def move_on() -> None:
        leg = dice.choice([one for one in legs.values() if one is not first and one.call_id not in over] or [first])
        if leg.state == "initiated":
            leg.answer()
            tracking.learn(account, [told(leg.call_id, first.call_id, second=5)])
        elif leg is not first:
            leg.hang_up()
            over.add(leg.call_id)
            tracking.learn(account, [told(leg.call_id, first.call_id, state="disconnected", second=9)])

    def watch() -> None:
        since: dict[str, float] = {}
        while not stop.is_set():
            rows = board.conversation(it)
            whole = next((row for row in rows if row.legs), rows[0])
            says = whole.word == "Paused" and not whole.asking and whole.doubt_until is None
            live = [row.call_id for row in rows if not row.legs and not row.ended]
            for call_id in list(legs):
                if says and call_id in live and call_id not in over and legs[call_id].recorder == "recording":
                    began = since.setdefault(call_id, time.monotonic())
                    if time.monotonic() - began > LIE:
                        lies.append(f"{call_id} after {began}")
                else:
                    since.pop(call_id, None)
            time.sleep(0.03)

    transfer()
    it = Conversation.objects.get()
    running, watching = threads.submit(loop.run, lambda: None), threads.submit(watch)
    for _ in range(25):
        fault = dice.random()
        if fault < 0.15:
            bandwidth.fail_next(dice.choice([404, 409, 503]))
        elif fault < 0.25:
            bandwidth.drop_next(apply=dice.random() < 0.5)
        what = dice.choice(["pause", "pause", "resume", "transfer", "transfer", "move on", "move on"])
        if what == "pause":
            conversations.pause(conversation=it, by=cast.ana, reason=cast.card)
        elif what == "resume":
            conversations.resume(conversation=it, by=cast.ana, anyway=True)
        elif what == "transfer" and len(legs) - len(over) < 5:
            transfer()
        else:
            move_on()
        time.sleep(dice.uniform(0, 0.2))
    bandwidth.forget()
    for leg in list(legs.values()):
        if leg.state == "initiated":
            leg.answer()
    tracking.learn(account, [told(one, first.call_id, second=6) for one in legs if one != first.call_id])
    last = conversations.pause(conversation=it, by=cast.ana, reason=cast.card)
    assert last.outcome in {"acknowledged", "busy", "next"}
    until = time.monotonic() + 20
    while board.conversation(it)[0].word != "Paused":
        assert time.monotonic() < until, board.conversation(it)
        time.sleep(0.05)
    stop.set()
    loop.stop.set()
    watching.result()
    running.result()
    assert lies == []
    assert {one.recorder for one in legs.values() if one.call_id not in over} == {"paused"}
    assert not Command.objects.exclude(state="closed").exists()
    assert not Call.objects.filter(ended_at=None).exclude(pause_due_at=None).exists()

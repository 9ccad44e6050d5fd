"""The demo's floor: alive for hours, and with nobody's real number on it."""

import re
import time

from voicedash.bandwidth.fake import Fake
from voicedash.demo.scenario import FLOORS, Scenario

FICTION = re.compile(r"\+1\d{3}55501\d\d")


def working() -> Scenario:
    fake = Fake()  # not started: nobody asks it anything
    for floor in FLOORS:
        fake.add_account(floor.account_id, client_id="c", secret="s")
    scenario = Scenario(fake)
    scenario.fill()
    return scenario


def test_for_two_hours_the_floor_keeps_its_size_and_calls_ring_talk_and_end() -> None:
    scenario = working()
    now = time.monotonic()
    ended: set[str] = set()
    states: set[str] = set()
    for step in range(0, 7200, 3):
        before = {plan.call.call_id: plan.call for plans in scenario.plans.values() for plan in plans}
        scenario.move_on(now + step)
        for floor in FLOORS:
            assert floor.least <= len(scenario.plans[floor.account_id]) <= floor.most
        live = {plan.call.call_id for plans in scenario.plans.values() for plan in plans}
        states |= {call.state for call in before.values()}
        ended |= {call_id for call_id in before if call_id not in live}
        assert all(before[call_id].state == "disconnected" for call_id in before if call_id not in live)
    assert len(ended) > 100
    assert states == {"initiated", "answered", "disconnected"}
    everyone = [call for floor in FLOORS for call in scenario.fake.world.calls(floor.account_id)]
    assert {call.cause for call in everyone} >= {"hangup", "timeout"}


def test_every_number_is_one_that_is_set_aside_for_fiction() -> None:
    scenario = working()
    for step in range(0, 3600, 10):
        scenario.move_on(time.monotonic() + step)
    calls = [call for floor in FLOORS for call in scenario.fake.world.calls(floor.account_id)]
    assert all(FICTION.fullmatch(call.from_) and FICTION.fullmatch(call.to) for call in calls)


def test_the_same_floor_is_there_at_every_start_but_for_the_ids() -> None:
    def seen(scenario: Scenario) -> list[tuple[str, str, str]]:
        return [(plan.call.from_, plan.call.to, plan.call.state) for plans in scenario.plans.values() for plan in plans]

    first, second = working(), working()
    assert seen(first) == seen(second)
    assert not set(first.fake.world._calls["9900001"]) & set(second.fake.world._calls["9900001"])

"""The demo's floor: alive for hours, and with nobody's real number on it."""

import re
import time
import tomllib
from itertools import pairwise

import requests

from voicedash.bandwidth.fake import Fake
from voicedash.demo.__main__ import TENANTS
from voicedash.demo.scenario import FLOORS, LENGTHS, LONG, Plan, Scenario

FICTION = re.compile(r"\+1\d{3}55501\d\d")


def working(lengths: tuple[tuple[float, float, float], ...] = LENGTHS) -> Scenario:
    fake = Fake()  # not started: nobody asks it anything
    for floor in FLOORS:
        fake.add_account(floor.account_id, client_id="c", secret="s")
    scenario = Scenario(fake, lengths=lengths)
    scenario.fill()
    return scenario


def test_for_two_hours_the_floor_keeps_its_size_and_calls_ring_talk_and_end() -> None:
    scenario = working()
    now = time.monotonic()
    ended: set[str] = set()
    states: set[str] = set()
    causes: set[str | None] = set()
    for step in range(0, 7200, 3):
        before = {plan.call.call_id: plan.call for plans in scenario.plans.values() for plan in plans}
        scenario.move_on(now + step)
        for floor in FLOORS:
            assert floor.least <= len(scenario.plans[floor.account_id]) <= floor.most
        live = {plan.call.call_id for plans in scenario.plans.values() for plan in plans}
        states |= {call.state for call in before.values()}
        ended |= {call_id for call_id in before if call_id not in live}
        assert all(before[call_id].state == "disconnected" for call_id in before if call_id not in live)
        causes |= {before[call_id].cause for call_id in before if call_id not in live}
    assert len(ended) > 100
    assert states == {"initiated", "answered", "disconnected"}
    assert causes == {"hangup", "timeout"}


def test_calls_come_and_go_all_the_time_at_both_tenants_and_some_last() -> None:
    scenario = working()
    now = time.monotonic()
    for accounts, patience in ((("9900001", "9900002"), 90), (("9900003",), 240)):
        arrivals, ends, longest = [0.0], [0.0], 0.0
        since: dict[str, float] = {}
        for step in range(0, 3600):
            before = {plan.call.call_id for account in accounts for plan in scenario.plans[account]}
            scenario.move_on(now + step)
            after = {plan.call.call_id for account in accounts for plan in scenario.plans[account]}
            arrivals += [step] * bool(after - before)
            ends += [step] * bool(before - after)
            for call_id in after:
                longest = max(longest, step - since.setdefault(call_id, step))
        now += 3600
        assert max(later - earlier for earlier, later in pairwise(arrivals)) < patience
        assert max(later - earlier for earlier, later in pairwise(ends)) < patience
        assert longest > 900


def test_calls_are_transferred_from_the_first_minute_on_and_legs_ring_at_a_colleagues() -> None:
    scenario = working()
    now = time.monotonic()
    assert any(plan.call.parent_call_id for plans in scenario.plans.values() for plan in plans)
    transferred: set[str] = set()
    for step in range(0, 3600, 3):
        scenario.move_on(now + step)
        for plans in scenario.plans.values():
            lines = [plan.line for plan in plans]
            assert len(lines) == len(set(lines))
            transferred |= {plan.call.call_id for plan in plans if plan.call.parent_call_id and plan.call.answered}
    assert len(transferred) > 20


def test_a_call_whose_recording_is_paused_does_not_end_under_the_hand_but_does_some_time() -> None:
    scenario = working()
    now = time.monotonic()
    plan = min((plan for plans in scenario.plans.values() for plan in plans if plan.call.answered), key=_end)
    plan.call.command("paused")
    end = int(plan.end_at - now)
    for step in range(0, end + 500, 2):
        scenario.move_on(now + step)
    assert plan.call.state == "answered"
    for step in range(end + 500, end + 1200, 2):
        scenario.move_on(now + step)
    assert plan.call.state == "disconnected"


def test_what_ended_and_what_was_asked_is_forgotten_but_not_before_every_board_has_seen_it() -> None:
    scenario = working()
    now = time.monotonic()
    gone: dict[str, int] = {}
    most = 0
    for step in range(0, 14400, 2):
        live = {plan.call.call_id for plans in scenario.plans.values() for plan in plans}
        scenario.move_on(now + step)
        for call_id in live - {plan.call.call_id for plans in scenario.plans.values() for plan in plans}:
            gone[call_id] = step
        kept = {call_id for calls in scenario.fake.world._calls.values() for call_id in calls}
        assert all(call_id in kept for call_id, at in gone.items() if step - at < 120)
        most = max(most, len(kept))
    assert len(gone) > 500
    assert most - sum(floor.past for floor in FLOORS) < 100


def test_the_stand_in_forgets_what_it_was_asked() -> None:
    scenario = working()
    with scenario.fake as fake:
        now = time.monotonic()
        requests.get(f"{fake.voice_url}/accounts/9900001/calls", timeout=5)
        assert len(fake.requests) == 1
        scenario.move_on(now + 1)
        requests.get(f"{fake.voice_url}/accounts/9900001/calls", timeout=5)
        scenario.move_on(now + 30)
        assert len(fake.requests) == 1
        scenario.move_on(now + 70)
        assert fake.requests == []


def _end(plan: Plan) -> float:
    return plan.end_at


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


def test_all_numbers_of_a_floor_but_one_have_a_person_in_one_of_the_tenants_teams() -> None:
    tenants = tomllib.loads(TENANTS.read_text("utf-8"))["tenant"]
    for floor in FLOORS:
        (tenant,) = [one for one in tenants if floor.account_id in {a["account_id"] for a in one["account"]}]
        named = {line["address"] for line in tenant["line"] if line["name"] and line["team"]}
        assert len({floor.line(number) for number in range(floor.lines)} - named) == 1
        assert len({line["team"] for line in tenant["line"]}) > 1


def test_of_long_calls_none_that_was_answered_ends_within_ten_minutes() -> None:
    scenario = working(LONG)
    now = time.monotonic()
    answered: set[str] = set()
    for step in range(0, 600, 3):
        scenario.move_on(now + step)
        plans = [plan for of_floor in scenario.plans.values() for plan in of_floor]
        assert answered <= {plan.call.call_id for plan in plans}
        answered |= {plan.call.call_id for plan in plans if plan.call.answered}
    assert len(answered) > 15

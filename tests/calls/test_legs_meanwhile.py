"""A press and legs that come meanwhile: nobody is told to go ahead while a leg records that the press did not reach."""

import pytest

from tests import cast as people
from tests.calls.doubting import the_due, until
from tests.calls.test_conversations import Talk, attribute
from tests.calls.test_legs import told
from voicedash.calls import due, recording, times, tracking
from voicedash.calls.models import Call
from voicedash.tenants.board import database_time


@pytest.fixture
def talk(cast, bandwidth, sign_in):
    return lambda legs: Talk(cast, bandwidth, legs, sign_in(cast.ana))


def test_a_press_on_one_leg_says_nothing_of_going_ahead_while_another_records(cast, bandwidth, talk):
    it = talk(2)
    place = f"/t/acme/calls/{it.calls[0].pk}/pause/"
    page = it.client.post(place).content.decode()
    assert "go ahead" not in page and "NOT paused: stop the caller" in page
    assert "Paused on 1 of 2 legs; another: Recording (assumed). Pause the whole call." in page
    answer = it.client.post(place, headers={"HX-Request": ""})
    page = it.client.get(answer["Location"], headers={"HX-Request": ""}).content.decode()
    assert "go ahead" not in page and "Paused on 1 of 2 legs" in page
    second = it.calls[1]
    page = it.client.post(f"/t/acme/calls/{second.pk}/pause/", {"seen": second.version}).content.decode()
    assert "Paused: go ahead" in page


def test_a_leg_that_joins_while_its_only_other_is_pressed_keeps_it_from_saying_go_ahead(
    cast, bandwidth, sign_in, threads
):
    times.scale(4)  # what is held must not time out on a busy machine
    first = bandwidth.add_call(cast.acme_account.account_id)
    tracking.learn(cast.acme_account, [told(first.call_id)])
    place = f"/t/acme/calls/{Call.objects.get().pk}/pause/"
    bandwidth.hold(first.account_id, on="put")
    pressing = threads.submit(sign_in(cast.ana).post, place)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    tracking.learn(cast.acme_account, [told("c-joins", first.call_id)])
    bandwidth.release(first.account_id)
    page = pressing.result().content.decode()
    assert "go ahead" not in page
    assert "Wait, pausing…" in page and "Paused on 1 of 2 legs; another is still being asked." in page


@pytest.mark.parametrize("stood_in_one", [False, True], ids=["a call of its own", "the one leg that was known"])
def test_a_pause_pressed_on_a_row_from_before_it_became_a_leg_pauses_the_whole_call(
    cast, bandwidth, sign_in, stood_in_one
):
    first = bandwidth.add_call(cast.acme_account.account_id)
    root = "c-unknown" if stood_in_one else first.call_id
    tracking.learn(cast.acme_account, [told(first.call_id, "c-unknown" if stood_in_one else "")])
    ours = Call.objects.get()  # as a board shows it: a row for the whole call
    second = bandwidth.add_call(first.account_id, parent_call_id=root)
    tracking.learn(cast.acme_account, [told(second.call_id, root)])
    page = sign_in(cast.ana).post(f"/t/acme/calls/{ours.pk}/pause/", {"seen": ours.version}).content.decode()
    assert (first.recorder, second.recorder) == ("paused", "paused")
    assert "Paused: go ahead" in page and "Bandwidth acknowledged it on both legs." in page
    assert attribute(page, f"call-{ours.pk}", "data-outcome") == "acknowledged"


def test_still_being_asked_is_said_only_of_a_leg_that_is(cast, bandwidth, talk, threads):
    times.scale(4)
    it = talk(2)
    other = people.account(cast.acme, "9900003")
    people.known_to(bandwidth, other)
    third = bandwidth.add_call(other.account_id, parent_call_id=it.theirs[0].call_id)
    tracking.learn(other, [told(third.call_id, it.theirs[0].call_id)])
    bandwidth.hold(other.account_id, on="put")
    pressing = threads.submit(it.press, "pause")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 3)
    until(lambda: all(call.recording == "paused" for call in it.calls))
    assert recording.resume(call=it.calls[0], by=cast.mia, anyway=True).outcome == "acknowledged"
    bandwidth.release(other.account_id)
    page = pressing.result()
    assert "still being asked" not in page and "go ahead" not in page
    assert "NOT paused: stop the caller" in page and "Paused on 3 of 3 legs; the whole call: Recording." in page
    assert attribute(page, it.id, "data-outcome") == "not_asked"


def test_a_leg_that_joins_between_the_look_at_the_legs_and_the_press_is_due(cast, bandwidth, talk):
    it = talk(3)
    first, second, third = it.calls
    read = frozenset({first.pk, second.pk})  # and then the third joined
    assert recording.pause(call=first, by=cast.ana, together=read).outcome == "acknowledged"
    assert [one.call_pk for one in due.again(database_time())] == [third.pk]
    assert Call.objects.get(pk=third.pk).version > third.version  # every board says so
    assert recording.pause(call=second, by=cast.ana, together=read).outcome == "acknowledged"
    assert (it.row.asking, it.row.recording) == ("paused", "assumed")
    assert recording.reassert(the_due(third)).outcome == "acknowledged"
    assert it.row.word == "Paused"


def test_a_press_on_all_legs_makes_none_of_them_due(cast, bandwidth, talk):
    it = talk(3)
    it.press("pause")
    assert not Call.objects.filter(pause_due_at__isnull=False).exists()

"""Older calls that cannot be asked about: one keeps no other from its turn, and none keeps the past."""

import pytest

from tests.worker.test_sync_older import ago, looks
from voicedash.calls.models import Call, Sync
from voicedash.calls.times import times
from voicedash.worker import older

ALWAYS = [
    ("500", lambda fake, call_id: fake.fail_next(500, on="get", call_id=call_id, times=999)),
    ("400", lambda fake, call_id: fake.fail_next(400, on="get", call_id=call_id, times=999)),
    ("403", lambda fake, call_id: fake.fail_next(403, on="get", call_id=call_id, times=999)),
    ("HTML", lambda fake, call_id: fake.html_next(200, on="get", call_id=call_id, times=999)),
    ("no answer", lambda fake, call_id: fake.hang_next(on="get", call_id=call_id, times=999)),
]


@pytest.mark.parametrize("fails", [row[1] for row in ALWAYS], ids=[row[0] for row in ALWAYS])
def test_one_call_that_can_never_be_asked_about_keeps_no_other_from_its_turn(
    bandwidth, turn, followed, monkeypatch, fails
):
    monkeypatch.setattr(times, "read", 0.3)
    bad, *others = followed(*(bandwidth.add_call("9900001", start=ago(60 - number)) for number in range(5)))
    for call in others:
        call.hang_up()
    fails(bandwidth, bad.call_id)
    for _ in range(4):
        state = turn()
    live = Call.objects.filter(ended_at=None, call_id__in=[bad.call_id, *(call.call_id for call in others)])
    assert [call.call_id for call in live] == [bad.call_id]
    assert (state.failures, state.trouble) == (0, "")


def test_two_looks_in_vain_one_after_the_other_end_those_of_a_cycle_and_the_past_goes_on(
    bandwidth, turn, followed, caplog
):
    followed(*(bandwidth.add_call("9900001", start=ago(20 + number)) for number in range(10)))
    missed = bandwidth.add_call("9900001", start=ago(180), state="disconnected", ended=ago(170))
    Sync.objects.update(back_from=ago(190), back_to=ago(165))
    bandwidth.fail_next(500, on="get", times=999)
    state = turn()
    assert len(looks(bandwidth)) == older.IN_VAIN
    assert "cannot be read" in state.why
    assert state.back_to is None
    asked = set(looks(bandwidth))
    turn()
    assert len(asked | set(looks(bandwidth))) == 2 * older.IN_VAIN  # the next ones have their turn
    assert caplog.text.count("older calls could not be asked about") == 1
    assert not Call.objects.filter(call_id=missed.call_id).exists()

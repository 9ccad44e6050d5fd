"""Many presses at once: one account that hangs is nobody else's trouble."""

import time

from voicedash.calls import recording
from voicedash.calls.models import Command
from voicedash.tenants.models import Membership, Role


def test_the_seventeenth_press_on_one_account_is_answered_at_once(cast, bandwidth, live_call, threads):
    calls = [live_call(cast.acme_account)[0] for _ in range(17)]
    bandwidth.hold(cast.acme_account.account_id, on="put")
    sixteen = [threads.submit(recording.pause, call=call, by=cast.ana) for call in calls[:16]]
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 16)
    began = time.monotonic()
    answer = recording.pause(call=calls[16], by=cast.mia)
    assert time.monotonic() - began < 3  # an attempt takes four
    assert (answer.outcome, answer.said.lead) == ("not_asked", "NOT paused: stop the caller")
    assert Command.objects.get(call=calls[16]).outcome == "not_asked"
    bandwidth.release(cast.acme_account.account_id)
    assert {press.result().outcome for press in sixteen} == {"acknowledged"}
    assert recording.pause(call=calls[16], by=cast.mia).outcome == "acknowledged"


def test_an_account_that_hangs_does_not_hold_up_another(cast, bandwidth, live_call, node, threads):
    """Through the real server: a full queue on Acme's account, presses on Globex's."""
    calls = [live_call(cast.acme_account)[0] for _ in range(20)]
    other, theirs = live_call(cast.globex_account)
    Membership.objects.create(tenant=cast.globex, user=cast.mia, role=Role.SUPERVISOR)
    running = node()
    bandwidth.hold(cast.acme_account.account_id, on="put")
    for call in calls:
        threads.submit(running.browser_of(cast.ana).post, f"/t/acme/calls/{call.pk}/pause/")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) >= 16)
    omar = running.browser_of(cast.omar)
    began = time.monotonic()
    assert "Paused: go ahead" in omar.post(f"/t/globex/calls/{other.pk}/pause/").text
    assert time.monotonic() - began < 3  # an attempt on the other account takes four
    assert theirs.recorder == "paused"
    assert omar.get("/t/globex/").status_code == 200
    bandwidth.release_all()

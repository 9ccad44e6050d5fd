"""A web process that dies or sleeps in the middle of a press: nothing shows Paused that nobody acknowledged."""

import time

import pytest
from django.db import connections
from django.db.models.functions import Now

from tests.calls.locking import locked
from voicedash.audit.models import Entry
from voicedash.calls.models import Attempt, Command

SCALE = 0.2  # a claim lives 3 s, an attempt 0.8 s, a takeover comes after 1 s


def eventually(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def shown(visitor, call):
    """What the board claims of the call, by its row."""
    page = visitor.get("/t/acme/", headers={"X-Background": "1"}).text
    return page.split(f'id="call-{call.pk}"', 1)[1].split('data-recording="', 1)[1].split('"', 1)[0]


@pytest.fixture
def pressing(cast, bandwidth, live_call, node, threads):
    """Ana at a first node with a live call; gives what a test needs to press and to look."""
    call, theirs = live_call(cast.acme_account)
    first = node(SCALE)
    ana = first.browser_of(cast.ana)

    def press(verb, visitor=ana):
        return threads.submit(visitor.post, f"/t/acme/calls/{call.pk}/{verb}/", data={"anyway": "1"})

    return call, theirs, first, press


def after_expiry(call):
    assert eventually(lambda: Command.objects.latest("id").state == "claimed"), "no claim was written"
    return Command.objects.latest("id")


def test_killed_before_it_was_sent(cast, bandwidth, pressing, node):
    call, theirs, first, press = pressing
    bandwidth.hold(cast.acme_account.account_id, on="token")
    press("pause")
    assert bandwidth.wait_until(lambda: len(bandwidth.tokens) == 1)
    first.kill()
    bandwidth.release(cast.acme_account.account_id)
    claim = after_expiry(call)
    mia = node(SCALE).browser_of(cast.mia)
    assert shown(mia, call) != "paused"
    assert eventually(lambda: shown(mia, call) == "unconfirmed")
    claim.refresh_from_db()
    assert (claim.state, claim.outcome) == ("closed", "unconfirmed")
    assert Attempt.objects.get(command=claim).doubt_until > claim.expires_at
    assert (bandwidth.puts, theirs.recorder) == ([], "recording")
    assert "Paused: go ahead" in mia.post(f"/t/acme/calls/{call.pk}/pause/").text
    assert theirs.recorder == "paused"


def test_killed_between_sending_and_settling(cast, bandwidth, pressing, node):
    call, theirs, first, press = pressing
    bandwidth.hang_next(apply=True, seconds=30)
    press("pause")
    assert bandwidth.wait_until(lambda: theirs.recorder == "paused")
    first.kill()
    mia = node(SCALE).browser_of(cast.mia)
    assert shown(mia, call) != "paused"
    assert eventually(lambda: shown(mia, call) == "unconfirmed")
    assert [e.verb for e in Entry.objects.order_by("seq")] == [
        "recording.asked",
        "recording.sender_vanished",
        "incident.opened",
    ]


def test_killed_after_the_acknowledgement_but_before_it_was_written(cast, bandwidth, pressing, node):
    call, theirs, first, press = pressing
    bandwidth.delay_next(0.3)
    press("pause")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    with connections["default"].cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE" if connections["default"].vendor == "sqlite" else "BEGIN")
        cursor.execute("UPDATE tenants_board SET version = version")
        assert bandwidth.wait_until(lambda: bandwidth.puts[0].status == 200)
        first.kill()
        cursor.execute("ROLLBACK")
    mia = node(SCALE).browser_of(cast.mia)
    assert theirs.recorder == "paused"
    assert eventually(lambda: shown(mia, call) == "unconfirmed")


def test_an_expired_claim_is_closed_by_a_press_on_that_call(cast, bandwidth, pressing, node):
    call, _, first, press = pressing
    bandwidth.hang_next(apply=False, seconds=30)
    press("resume")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 1)
    first.kill()
    mia = node(SCALE).browser_of(cast.mia)
    # Taken over: its attempt is older than any attempt can be.
    assert "Paused: go ahead" in mia.post(f"/t/acme/calls/{call.pk}/pause/").text
    assert [c.outcome for c in Command.objects.order_by("id")] == ["unconfirmed", "acknowledged"]
    row = mia.get(f"/t/acme/calls/{call.pk}/").text
    assert "data-doubt-until" in row


def test_a_sender_that_slept_past_its_claim_sends_nothing(cast, bandwidth, pressing, node):
    call, theirs, first, press = pressing
    bandwidth.hold(cast.acme_account.account_id, on="token")
    press("pause")
    assert bandwidth.wait_until(lambda: len(bandwidth.tokens) == 1)
    first.suspend()
    mia = node(SCALE).browser_of(cast.mia)
    assert eventually(lambda: shown(mia, call) == "unconfirmed")
    bandwidth.release(cast.acme_account.account_id)
    first.wake()
    # The late sender itself asks the newest wish again: that PUT, and no other, reaches Bandwidth.
    assert eventually(lambda: Command.objects.filter(source="system", state="closed").exists())
    assert Entry.objects.filter(verb="recording.answered_late").count() == 1
    assert len(bandwidth.puts) == Attempt.objects.filter(command__source="system").count() == 1
    assert shown(mia, call) == "paused"
    assert theirs.recorder == "paused"


def test_a_resume_whose_sender_slept_does_not_undo_a_newer_pause(cast, bandwidth, pressing, node):
    """Its request reached Bandwidth and takes effect late, after the pause of a second node was acknowledged."""
    call, theirs, first, press = pressing
    assert "Paused: go ahead" in press("pause").result().text
    bandwidth.delay_next(0.6, apply="before")
    resuming = press("resume")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    first.suspend()
    mia = node(SCALE).browser_of(cast.mia)
    assert "Paused: go ahead" in mia.post(f"/t/acme/calls/{call.pk}/pause/").text
    first.wake()
    assert "Paused: go ahead" not in resuming.result().text
    assert eventually(lambda: not Command.objects.exclude(state="closed").exists())
    assert eventually(lambda: shown(mia, call) == "paused")
    assert theirs.recorder == "paused"
    newest = Command.objects.latest("id")
    assert (newest.source, newest.wanted, newest.outcome) == ("system", "paused", "acknowledged")


def test_a_late_sender_that_cannot_write_at_once_still_puts_right_what_it_undid(cast, bandwidth, pressing, node):
    """Its resume took effect after the newer pause; when it wakes, the database is busy for a while."""
    call, theirs, first, press = pressing
    assert "Paused: go ahead" in press("pause").result().text
    mia = node(SCALE).browser_of(cast.mia)
    bandwidth.delay_next(2.5, apply="after")
    press("resume")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    first.suspend()
    assert "Paused: go ahead" in mia.post(f"/t/acme/calls/{call.pk}/pause/").text
    assert eventually(lambda: theirs.recorder == "recording")
    claim = Command.objects.filter(wanted="recording").latest("id")
    assert eventually(lambda: Command.objects.filter(pk=claim.pk, expires_at__lt=Now()).exists())
    with locked(cast.acme):
        first.wake()
        time.sleep(2.6)  # longer than the database waits for a lock
    assert eventually(lambda: theirs.recorder == "paused")
    assert eventually(lambda: shown(mia, call) == "paused")
    assert Entry.objects.filter(verb="recording.answered_late").exists()

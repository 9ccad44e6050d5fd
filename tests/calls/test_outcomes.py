"""Every way in which Bandwidth can answer a press, or not, and what the board may claim then."""

import pytest

from voicedash.bandwidth.fake import Fault
from voicedash.calls import recording, times
from voicedash.calls.models import Attempt, Command

HANG = {"seconds": 30.0}


@pytest.fixture(autouse=True)
def quick():
    """A tenth of the real times: a hang costs 0.4 s, a command 1 s."""
    times.scale(0.1)


ONE_FAULT = [
    # fault, outcome, what the row claims, PUTs that reached Bandwidth
    ("429 with a number", lambda f: f.fail_next(429, retry_after="0"), "acknowledged", "paused", 2),
    ("a server error", lambda f: f.fail_next(500), "acknowledged", "paused", 2),
    ("overload", lambda f: f.fail_next(503), "acknowledged", "paused", 2),
    ("an HTML page with 200", lambda f: f.html_next(200), "acknowledged", "paused", 2),
    ("another 2xx", lambda f: f.fail_next(204, body=""), "acknowledged", "paused", 2),
    ("a redirect", lambda f: f.redirect_next(307), "acknowledged", "paused", 2),
    ("garbage that calls itself JSON", lambda f: f.garbage_next(), "acknowledged", "paused", 2),
    ("half a body", lambda f: f.truncate_next(), "acknowledged", "paused", 2),
    ("a drop before", lambda f: f.drop_next(apply=False), "acknowledged", "paused", 2),
    ("a reset after", lambda f: f.drop_next(apply=True, reset=True), "acknowledged", "paused", 2),
    ("a hang", lambda f: f.hang_next(apply=False, **HANG), "acknowledged", "paused", 2),
    ("a hang that was done", lambda f: f.hang_next(apply=True, **HANG), "acknowledged", "paused", 2),
    ("an answer byte by byte", lambda f: f.trickle_next(20), "acknowledged", "paused", 2),
    ("a bad request", lambda f: f.fail_next(400), "refused", "assumed", 1),
    ("HTML with 405", lambda f: f.html_next(405), "refused", "assumed", 1),
    ("an unknown 4xx", lambda f: f.fail_next(418, body="teapot"), "refused", "assumed", 1),
    ("another's account", lambda f: f.fail_next(403), "credentials", "assumed", 1),
    ("a call that ended", lambda f: f.fail_next(404), "unknown_call", "assumed", 1),
    ("a call that cannot be changed", lambda f: f.fail_next(409), "unknown_call", "assumed", 1),
]


@pytest.mark.parametrize(
    ("fault", "outcome", "shown", "puts"), [row[1:] for row in ONE_FAULT], ids=[r[0] for r in ONE_FAULT]
)
def test_one_fault_and_then_fair_weather(cast, bandwidth, live_call, fault, outcome, shown, puts):
    call, theirs = live_call(cast.acme_account)
    fault(bandwidth)
    answer = recording.pause(call=call, by=cast.ana)
    call.refresh_from_db()
    assert (answer.outcome, call.recording, len(bandwidth.puts)) == (outcome, shown, puts)
    assert (theirs.recorder == "paused") == (outcome == "acknowledged")
    assert answer.said.lead == ("Paused: go ahead" if outcome == "acknowledged" else "NOT paused: stop the caller")
    assert Attempt.objects.count() == puts


LASTING = [
    ("server errors", lambda f: f.fail_next(500, times=99)),
    ("HTML", lambda f: f.html_next(200, times=99)),
    ("drops", lambda f: f.drop_next(apply=True, times=99)),
    ("hangs", lambda f: f.hang_next(apply=True, times=99, **HANG)),
]


@pytest.mark.parametrize("fault", [row[1] for row in LASTING], ids=[row[0] for row in LASTING])
def test_no_readable_answer_leaves_the_call_unconfirmed_and_in_doubt(cast, bandwidth, live_call, fault):
    call, _ = live_call(cast.acme_account)
    fault(bandwidth)
    answer = recording.pause(call=call, by=cast.ana)
    call.refresh_from_db()
    assert (answer.outcome, call.recording) == ("unconfirmed", "unconfirmed")
    assert answer.said.lead == "NOT paused: stop the caller"
    doubts = Attempt.objects.filter(doubt_until__isnull=False)
    assert doubts.count() == len(bandwidth.puts) >= 2
    assert Command.objects.get().state == "closed"


def test_a_refusal_after_an_unreadable_answer_does_not_restore_what_was(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    bandwidth.drop_next(apply=True)
    bandwidth.fail_next(404)
    assert recording.pause(call=call, by=cast.ana).outcome == "unconfirmed"
    call.refresh_from_db()
    assert call.recording == "unconfirmed"


def test_an_unreadable_answer_to_what_is_acknowledged_already_changes_nothing(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    bandwidth.drop_next(apply=True, times=99)
    assert recording.pause(call=call, by=cast.ana).outcome == "unconfirmed"
    call.refresh_from_db()
    assert call.recording == "paused"


def test_an_unreadable_resume_makes_a_paused_call_unconfirmed(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    bandwidth.drop_next(apply=False, times=99)
    assert recording.resume(call=call, by=cast.ana).outcome == "unconfirmed"
    call.refresh_from_db()
    assert call.recording == "unconfirmed"


def test_a_retry_after_that_is_no_number_waits_a_second_and_asks_again(cast, bandwidth, live_call):
    times.scale(0.3)
    call, _ = live_call(cast.acme_account)
    bandwidth.fail_next(429, retry_after="string")
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    first, second = bandwidth.puts
    assert 0.9 < second.at - first.at < 2


def test_a_rate_limit_that_lasts_is_a_refusal_within_the_budget(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    bandwidth.fail_next(429, times=99, retry_after="3600")
    answer = recording.pause(call=call, by=cast.ana)
    assert (answer.outcome, answer.said.lead) == ("refused", "NOT paused: stop the caller")
    took = Command.objects.get().took_ms
    assert took is not None
    assert took < 1200


def test_nobody_there_is_told_as_not_reached_after_two_tries(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    bandwidth.stop()
    answer = recording.resume(call=call, by=cast.ana)
    call.refresh_from_db()
    assert (answer.outcome, call.recording) == ("unreachable", "paused")
    assert [a.result for a in Command.objects.first().attempts.all()] == ["never_reached", "never_reached"]
    assert not Attempt.objects.filter(doubt_until__isnull=False).exists()


def test_a_call_not_known_to_be_answered_is_asked_for_again(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account, state="initiated")
    bandwidth.fail_next(409, times=2)
    theirs.answer()
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    assert len(bandwidth.puts) == 3


def test_it_gives_up_on_a_call_that_stays_unknown(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account, state="initiated")
    answer = recording.pause(call=call, by=cast.ana)
    assert (answer.outcome, len(bandwidth.puts)) == ("unknown_call", 4)
    call.refresh_from_db()
    assert (call.recording, call.ended_at) == ("assumed", None)


def test_an_expired_token_is_renewed_once_and_the_pause_asked_again(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    bandwidth.expire_tokens()
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    assert len(bandwidth.tokens) == 2
    assert [put.status for put in bandwidth.puts] == [200, 401, 200]


def test_a_revoked_credential_is_told_as_such(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    bandwidth.expire_tokens()
    bandwidth.refuse_tokens()
    answer = recording.resume(call=call, by=cast.ana)
    assert (answer.outcome, answer.said.lead) == ("credentials", "NOT resumed")
    call.refresh_from_db()
    assert call.recording == "paused"


def test_a_token_endpoint_that_fails_is_not_a_matter_of_credentials(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    bandwidth.token_fault(Fault("down", status=500))
    answer = recording.pause(call=call, by=cast.ana)
    assert (answer.outcome, bandwidth.puts) == ("unreachable", [])


def test_a_200_revives_a_call_that_was_thought_ended(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    type(call).objects.filter(pk=call.pk).update(ended_at=call.added_at, end_time=call.added_at, state="disconnected")
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    call.refresh_from_db()
    assert (call.ended_at, call.state) == (None, "answered")


def test_a_missing_sealing_key_is_told_and_nothing_is_sent(cast, bandwidth, live_call, settings):
    call, _ = live_call(cast.acme_account)
    settings.SEALING_KEYS_FILE = None  # nowhere else to look
    settings.SEALING_KEYS = ["bm90LXRoZS1rZXktdGhhdC1zZWFsZWQtdGhpcy0xMjM="]
    answer = recording.pause(call=call, by=cast.ana)
    assert (answer.outcome, bandwidth.requests) == ("credentials", [])
    assert "sealing key" in answer.said.sentence

"""An id typed for the wrong account: a press tries the tenant's other accounts in turn, and remembers who answered."""

import time

import pytest

from tests import cast as people
from tests.calls.doubting import acknowledged
from voicedash.audit.models import Entry
from voicedash.bandwidth.listing import CallState
from voicedash.calls import ids, recording, times, tracking
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.accounts import client_for
from voicedash.tenants.models import BandwidthAccount

USUAL = "c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85"
FIRST, SECOND, THIRD = "9900001", "9900003", "9900004"


@pytest.fixture
def accounts(cast, bandwidth):
    """Acme has three accounts; Globex one."""
    made = [people.account(cast.acme, account_id) for account_id in (SECOND, THIRD)]
    for account in made:
        people.known_to(bandwidth, account)
    return [cast.acme_account, *made]


@pytest.fixture
def typed(cast, accounts):
    """Ana has typed an id without its account: it goes to the first."""
    tracking.add_typed(cast.acme, ids.read(USUAL), account=None, by=cast.ana)
    return Call.objects.get()


def asked(bandwidth):
    return [put.account_id for put in bandwidth.puts]


def test_the_account_that_knows_the_call_answers_and_is_remembered(cast, bandwidth, accounts, typed):
    theirs = bandwidth.add_call(THIRD, USUAL)
    began = time.monotonic()
    answer = recording.pause(call=typed, by=cast.ana)
    assert time.monotonic() - began < 1.5
    assert (answer.outcome, answer.said.lead) == ("acknowledged", "Paused: go ahead")
    assert theirs.recorder == "paused"
    assert asked(bandwidth) == [FIRST, SECOND, THIRD]
    typed.refresh_from_db()
    assert (typed.account, typed.recording) == (accounts[2], "paused")
    assert recording.resume(call=typed, by=cast.ana, anyway=True).outcome == "acknowledged"
    assert asked(bandwidth)[3:] == [THIRD]


def test_the_row_of_the_answer_is_that_of_the_account_that_answered(cast, bandwidth, accounts, typed, sign_in):
    BandwidthAccount.objects.filter(account_id=SECOND).update(records="some")
    bandwidth.add_call(SECOND, USUAL)
    page = sign_in(cast.ana).post(f"/t/acme/calls/{typed.pk}/pause/").content.decode()
    assert 'data-outcome="acknowledged"' in page
    assert ">, if recorded</span>" in page


def test_every_request_is_in_the_log_with_the_account_that_was_asked(cast, bandwidth, accounts, typed):
    bandwidth.add_call(SECOND, USUAL)
    recording.pause(call=typed, by=cast.ana)
    told = Entry.objects.get(verb="recording.answered").data["attempts"]
    assert told == [
        {"result": "unknown_call", "status": 404, "reference": ""},
        {"result": "acknowledged", "status": 200, "reference": "", "account": accounts[1].pk},
    ]
    assert Attempt.objects.count() == len(bandwidth.puts) == 2


def test_where_nobody_knows_it_all_are_asked_again_as_it_may_be_in_its_first_seconds(cast, bandwidth, accounts, typed):
    times.scale(0.2)
    answer = recording.pause(call=typed, by=cast.ana)
    assert (answer.outcome, answer.said.lead) == ("unknown_call", "NOT paused: stop the caller")
    assert asked(bandwidth) == [FIRST, SECOND, THIRD] * 4
    typed.refresh_from_db()
    assert (typed.account, typed.recording, typed.ended_at) == (accounts[0], "assumed", None)


def test_a_call_that_becomes_known_meanwhile_is_found_in_the_next_round(cast, bandwidth, accounts, typed):
    bandwidth.add_call(SECOND, USUAL, known_after=0.3)
    assert recording.pause(call=typed, by=cast.ana).outcome == "acknowledged"
    assert asked(bandwidth) == [FIRST, SECOND, THIRD, FIRST, SECOND]


OWN_TROUBLE = [
    ("forbidden", lambda f: f.fail_next(403, account=SECOND, times=99), "credentials"),
    ("a rate limit", lambda f: f.fail_next(429, retry_after="60", account=SECOND, times=99), "refused"),
    ("wrong credentials", lambda f: f.fail_next(401, account=SECOND, on="token", times=99), "credentials"),
    ("no token", lambda f: f.fail_next(500, account=SECOND, on="token", times=99), "unreachable"),
    ("a bad request", lambda f: f.fail_next(400, account=SECOND, times=99), "refused"),
]


@pytest.mark.parametrize(("fault", "outcome"), [row[1:] for row in OWN_TROUBLE], ids=[row[0] for row in OWN_TROUBLE])
def test_another_accounts_trouble_of_its_own_is_passed_over(cast, bandwidth, accounts, typed, fault, outcome):
    fault(bandwidth)
    bandwidth.add_call(THIRD, USUAL)
    assert recording.pause(call=typed, by=cast.ana).outcome == "acknowledged"
    typed.refresh_from_db()
    assert typed.account == accounts[2]


@pytest.mark.parametrize(("fault", "outcome"), [row[1:] for row in OWN_TROUBLE], ids=[row[0] for row in OWN_TROUBLE])
def test_but_is_told_where_nobody_else_knows_the_call_as_it_may_be_of_that_account(
    cast, bandwidth, accounts, typed, fault, outcome
):
    times.scale(0.2)
    fault(bandwidth)
    answer = recording.pause(call=typed, by=cast.ana)
    assert (answer.outcome, answer.said.lead) == (outcome, "NOT paused: stop the caller")
    assert f"account {SECOND} did not say" in answer.said.sentence
    typed.refresh_from_db()
    assert (typed.account, typed.recording, typed.not_known) == (accounts[0], "assumed", False)


def test_credentials_that_are_refused_there_are_tried_once_a_press(cast, bandwidth, accounts, typed):
    times.scale(0.2)
    bandwidth.add_call(SECOND, USUAL)
    bandwidth.fail_next(403, account=SECOND, times=99)
    assert recording.pause(call=typed, by=cast.ana).outcome == "credentials"
    assert asked(bandwidth).count(SECOND) == 1 < asked(bandwidth).count(FIRST)


def test_a_rate_limit_there_is_kept_to_while_the_others_are_asked_again(cast, bandwidth, accounts, typed):
    bandwidth.add_call(SECOND, USUAL)
    bandwidth.fail_next(429, retry_after="1", account=SECOND)
    assert recording.pause(call=typed, by=cast.ana).outcome == "acknowledged"
    assert asked(bandwidth) == [FIRST, SECOND, THIRD, FIRST, THIRD, SECOND]
    first, again = [put.at for put in bandwidth.puts if put.account_id == SECOND]
    assert again - first >= 1


def test_a_rate_limit_of_its_own_account_keeps_nobody_from_asking_the_others(cast, bandwidth, accounts, typed):
    bandwidth.fail_next(429, retry_after="60", account=FIRST, times=99)
    bandwidth.add_call(THIRD, USUAL)
    assert recording.pause(call=typed, by=cast.ana).outcome == "acknowledged"
    assert asked(bandwidth) == [FIRST, SECOND, THIRD]


@pytest.mark.parametrize("account", [FIRST, SECOND])
@pytest.mark.parametrize(
    "fault",
    [lambda f, **at: f.hang_next(seconds=30, **at), lambda f, **at: f.fail_next(503, **at)],
    ids=["hangs", "is overloaded"],
)
def test_an_account_that_does_not_answer_keeps_no_call_from_those_behind_it(
    cast, bandwidth, accounts, typed, fault, account
):
    times.scale(0.25)
    fault(bandwidth, account=account, times=99)
    theirs = bandwidth.add_call(THIRD, USUAL)
    assert recording.pause(call=typed, by=cast.ana).outcome == "acknowledged"
    assert theirs.recorder == "paused"
    assert asked(bandwidth) == [FIRST, SECOND, THIRD]
    typed.refresh_from_db()
    assert (typed.recording, typed.account) == ("paused", accounts[2])
    assert Attempt.objects.filter(doubt_until__isnull=False).count() == 1  # its doubt stays


def test_of_several_that_hang_each_leaves_time_for_the_last(cast, bandwidth, accounts, typed):
    times.scale(0.5)
    for account_id in ("9900005", "9900006"):
        people.known_to(bandwidth, people.account(cast.acme, account_id))
    for account_id in (SECOND, THIRD, "9900005"):
        bandwidth.hang_next(account=account_id, seconds=30, times=9)
    theirs = bandwidth.add_call("9900006", USUAL)
    assert recording.pause(call=typed, by=cast.ana).outcome == "acknowledged"
    assert theirs.recorder == "paused"


def test_an_account_whose_secret_cannot_be_opened_did_not_say_either(cast, bandwidth, accounts, typed):
    times.scale(0.2)
    BandwidthAccount.objects.filter(account_id=THIRD).update(sealed_secret="")
    answer = recording.pause(call=typed, by=cast.ana)
    assert answer.outcome == "credentials"
    assert f"account {THIRD} did not say: its credentials are refused, or cannot be opened." in answer.said.sentence
    assert THIRD not in asked(bandwidth)


def test_a_token_that_was_taken_back_is_renewed_there_too(cast, bandwidth, accounts, typed):
    other = bandwidth.add_call(SECOND)
    client_for(accounts[1]).put_recording(other.call_id, "paused", deadline=time.monotonic() + 4)
    bandwidth.expire_tokens()
    bandwidth.add_call(SECOND, USUAL)
    assert recording.pause(call=typed, by=cast.ana).outcome == "acknowledged"


def test_an_account_whose_secret_cannot_be_opened_is_passed_over(cast, bandwidth, accounts, typed):
    BandwidthAccount.objects.filter(account_id=SECOND).update(sealed_secret="")
    bandwidth.add_call(THIRD, USUAL)
    assert recording.pause(call=typed, by=cast.ana).outcome == "acknowledged"
    assert asked(bandwidth) == [FIRST, THIRD]


def test_no_readable_answer_from_another_account_keeps_its_doubt_whatever_the_next_one_says(
    cast, bandwidth, accounts, typed
):
    times.scale(0.2)
    theirs = bandwidth.add_call(SECOND, USUAL)
    bandwidth.drop_next(apply=True, account=SECOND)
    bandwidth.fail_next(404, account=SECOND, times=99)
    answer = recording.pause(call=typed, by=cast.ana)
    assert answer.outcome == "unconfirmed"
    typed.refresh_from_db()
    assert (typed.recording, typed.account) == ("unconfirmed", accounts[0])
    assert theirs.recorder == "paused"
    [doubt] = Attempt.objects.filter(doubt_until__isnull=False)
    assert doubt.result == "unknown"
    assert asked(bandwidth)[:4] == [FIRST, SECOND, THIRD, SECOND]


def test_after_no_readable_answer_only_a_200_settles_it(cast, bandwidth, accounts, typed):
    bandwidth.add_call(SECOND, USUAL)
    bandwidth.drop_next(apply=False, account=SECOND)
    assert recording.pause(call=typed, by=cast.ana).outcome == "acknowledged"
    typed.refresh_from_db()
    assert (typed.recording, typed.account) == ("paused", accounts[1])
    assert Attempt.objects.filter(doubt_until__isnull=False).count() == 1


def test_an_account_that_hangs_takes_no_more_than_an_attempts_time_of_the_budget(cast, bandwidth, accounts, typed):
    times.scale(0.25)  # an attempt 1 s, a press 2.5 s
    bandwidth.hang_next(account=SECOND, seconds=30)
    began = time.monotonic()
    assert recording.pause(call=typed, by=cast.ana).outcome == "unconfirmed"
    assert time.monotonic() - began < 3.5
    assert Command.objects.get().state == "closed"


def listed(call):
    tracking.learn(call.account, [CallState(call.call_id, "", "answered", "", "", "", None, None, None, None)])


PLACED = [
    ("that Bandwidth listed", listed),
    ("that was paused before", lambda call: acknowledged(call, "paused", by=call.added_by, ago=60)),
    ("that an event told of", lambda call: Call.objects.filter(pk=call.pk).update(state="answered")),
]


@pytest.mark.parametrize("how", [row[1] for row in PLACED], ids=[row[0] for row in PLACED])
def test_a_call_whose_account_is_known_is_asked_about_nowhere_else(cast, bandwidth, accounts, typed, how):
    how(typed)
    typed.refresh_from_db()
    bandwidth.add_call(SECOND, USUAL)
    assert recording.pause(call=typed, by=cast.ana).outcome == "unknown_call"
    assert set(asked(bandwidth)) == {FIRST}


def test_another_tenants_account_is_never_asked(cast, bandwidth, accounts, typed):
    times.scale(0.2)
    theirs = bandwidth.add_call("9900002", USUAL)
    assert recording.pause(call=typed, by=cast.ana).outcome == "unknown_call"
    assert "9900002" not in asked(bandwidth)
    assert theirs.recorder == "recording"


def test_credentials_of_its_own_account_that_are_refused_end_it_there(cast, bandwidth, accounts, typed):
    bandwidth.fail_next(403, account=FIRST)
    bandwidth.add_call(SECOND, USUAL)
    assert recording.pause(call=typed, by=cast.ana).outcome == "credentials"
    assert asked(bandwidth) == [FIRST]

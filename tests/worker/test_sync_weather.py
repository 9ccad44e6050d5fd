"""Bad weather at Bandwidth: an account that cannot be followed says why, nothing is hammered, and it heals by itself."""

import logging
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.functions import Now

from tests import cast as people
from tests.calls.doubting import until
from voicedash.bandwidth import credentials
from voicedash.bandwidth.fake.faults import failing
from voicedash.calls import board, ids, recording, tracking, words
from voicedash.calls.models import Call, Sync
from voicedash.calls.times import scale
from voicedash.tenants.models import BandwidthAccount, Board
from voicedash.worker.models import Duty

HTML = "<html><body>Sorry</body></html>"


def version(cast):
    return Board.objects.get(tenant=cast.acme).version


def line(cast):
    """What Acme's board says of its first account."""
    return board.parts(cast.acme).lines[0]


def due_in():
    return (Duty.objects.get(pk__startswith="sync").due_at - datetime.now(UTC)).total_seconds()


def unheard(seconds=30):
    Sync.objects.update(heard_at=Now() - timedelta(seconds=seconds))


LASTING = [
    ("a wrong secret", lambda f: f.refuse_tokens(), "refuses this account's credentials"),
    ("a bad request", lambda f: f.fail_next(400, on="list", times=9), "refuses to list the calls. Type their ids"),
    ("an address that is none", lambda f: f.fail_next(404, on="list", times=9), "refuses to list the calls"),
]


@pytest.mark.parametrize(("fault", "sentence"), [row[1:] for row in LASTING], ids=[row[0] for row in LASTING])
def test_what_will_not_pass_by_itself_is_told_at_once(cast, bandwidth, turn, fault, sentence):
    turn()
    at = version(cast)
    credentials._tokens.clear()
    fault(bandwidth)
    turn()
    assert sentence in line(cast).trouble
    assert line(cast).bad
    assert version(cast) == at + 1
    turn(), turn()
    assert version(cast) == at + 1  # the same again is no news


PASSING = [
    ("HTML", lambda f: f.fail_next(200, body=HTML, content_type="text/html", on="list", times=9), "cannot be read"),
    ("no list", lambda f: f.fail_next(200, body='{"calls": []}', on="list", times=9), "cannot be read"),
    ("overload", lambda f: f.fail_next(503, on="list", times=9), "cannot be read"),
    ("drops", lambda f: f.drop_next(on="list", times=9), "cannot be read"),
    ("nobody there", lambda f: f.stop(), "cannot be reached"),
    ("a rate limit", lambda f: f.fail_next(429, retry_after="1", on="list", times=9), "look less often"),
    ("a token endpoint that fails", lambda f: f.token_fault(failing(500)), "cannot be reached"),
    ("a token endpoint that rate-limits", lambda f: f.token_fault(failing(429)), "sign in less often"),
]


@pytest.mark.parametrize(("fault", "sentence"), [row[1:] for row in PASSING], ids=[row[0] for row in PASSING])
def test_what_may_pass_is_told_once_it_has_lasted_and_taken_back(cast, bandwidth, turn, fault, sentence):
    bandwidth.add_call("9900001")
    turn(), turn()
    at = version(cast)
    credentials._tokens.clear()
    fault(bandwidth)
    for _ in range(3):
        assert turn().failures
    assert (line(cast).trouble, version(cast)) == ("", at)  # for some seconds nobody needs to know
    unheard()
    assert sentence in turn().trouble
    told = line(cast)
    assert sentence in told.trouble
    assert told.heard_at is not None
    assert version(cast) == at + 1
    bandwidth.forget()
    bandwidth.token_fault(None)
    bandwidth.start()
    state = turn()
    assert (state.failures, state.trouble, state.why) == (0, "", "")
    assert (line(cast).trouble, version(cast)) == ("", at + 2)
    assert Call.objects.get().ended_at is None


def test_each_failure_in_a_row_waits_longer_but_not_for_ever(cast, bandwidth, turn):
    turn()
    bandwidth.fail_next(500, on="list", times=99)
    waits = []
    for _ in range(8):
        turn()
        waits.append(round(due_in()))
    assert waits == [5, 10, 20, 30, 30, 30, 30, 30]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("45", 45), ("1", 5), ("string", 5), ("86400", 600)],
    ids=["longer", "shorter", "no number", "a day"],
)
def test_a_rate_limit_says_how_long(cast, bandwidth, turn, told, seconds):
    turn()
    bandwidth.fail_next(429, retry_after=told, on="list")
    turn()
    assert abs(due_in() - seconds) < 2


def test_a_token_endpoint_that_rate_limits_is_asked_less_and_less(cast, bandwidth, turn):
    bandwidth.token_fault(failing(429))
    for _ in range(6):
        turn()
    assert len(bandwidth.tokens) == 6  # one a turn, and the last turns are half a minute apart
    assert round(due_in()) == 30


def test_only_listing_is_forbidden_and_typed_ids_work(cast, bandwidth, turn, live_call, sign_in):
    turn()
    bandwidth.fail_next(403, on="list", times=99)
    turn()
    assert line(cast).trouble == words.CANNOT_LIST
    page = sign_in(cast.ana).get("/t/acme/", headers={"HX-Request": ""}).content.decode()
    assert "Cannot list calls: Bandwidth forbids it. Typed ids and callbacks still work." in page
    theirs = bandwidth.add_call("9900001")
    tracking.add_typed(cast.acme, ids.read(theirs.call_id), account=None, by=cast.ana)
    assert recording.pause(call=Call.objects.get(), by=cast.ana).outcome == "acknowledged"
    assert theirs.recorder == "paused"
    bandwidth.forget()
    turn()
    assert line(cast).trouble == ""


def test_a_token_that_says_itself_that_the_account_is_not_its_own_is_told_as_such(cast, bandwidth, turn):
    bandwidth.world.accounts["9900001"].roles = ["HTTP Application Management"]
    turn()
    assert line(cast).trouble == words.NOT_ALLOWED


def test_with_username_and_password_only_a_press_tells_whether_ids_can_be_typed(cast, bandwidth, turn, live_call):
    BandwidthAccount.objects.filter(pk=cast.acme_account.pk).update(auth="basic")
    bandwidth.fail_next(403, on="list", times=99)
    turn()
    assert line(cast).trouble == words.MAY_NOT_LIST
    call, _ = live_call(cast.acme_account)
    assert recording.pause(call=call, by=cast.ana).outcome == "acknowledged"
    turn()
    assert line(cast).trouble == words.CANNOT_LIST


def test_a_missing_sealing_key_is_told_and_nothing_is_asked(cast, bandwidth, turn, settings):
    settings.SEALING_KEYS_FILE = None
    settings.SEALING_KEYS = ["bm90LXRoZS1rZXktdGhhdC1zZWFsZWQtdGhpcy0xMjM="]
    turn()
    assert line(cast).trouble == words.SEALED
    assert bandwidth.requests == []


def test_a_fault_of_our_own_is_told_and_does_not_end_it(cast, bandwidth, turn, monkeypatch, caplog):
    turn()
    with monkeypatch.context() as broken:
        broken.setattr(tracking, "learn", lambda *told, **how: 1 / 0)
        turn()
    assert line(cast).trouble == words.FOLLOW_BROKE
    turn()
    assert line(cast).trouble == ""


def test_an_account_that_nobody_follows_any_more_says_since_when(cast, bandwidth, turn):
    turn()
    unheard(90)
    told = line(cast)
    assert told.trouble == words.NOT_HEARD
    assert told.bad
    assert not told.followed


def test_bandwidth_is_down_for_ten_minutes(cast, bandwidth, loop, settings, caplog):
    """A hundredth of the times: six seconds of nobody there, and an interval of 50 ms."""
    scale(0.01)
    settings.SYNC_SECONDS = 0.05
    other = people.account(cast.globex, "9900004")
    bandwidth.add_account("9900004", client_id="CLI-9900004", secret="secret-9900004")
    before = bandwidth.add_call("9900001")
    caplog.set_level(logging.INFO)
    loop()
    until(lambda: Call.objects.filter(call_id=before.call_id).exists())
    at = version(cast)
    bandwidth.stop()
    until(lambda: line(cast).trouble)
    time.sleep(6)
    assert "cannot be reached" in line(cast).trouble
    # Told once, and once that it needs a person; not with every one of dozens of tries.
    assert version(cast) <= at + 4
    bandwidth.start()
    back = time.monotonic()
    before.hang_up()
    new = bandwidth.add_call("9900001")
    until(
        lambda: (
            Call.objects.filter(call_id=new.call_id).exists() and Call.objects.filter(ended_at__isnull=False).exists()
        )
    )
    assert time.monotonic() - back < 2.5  # the longest wait between two tries is 0.3 s here, and this machine is busy
    until(lambda: not line(cast).trouble)
    assert board.parts(cast.globex).lines[-1].account == other
    told = [record.getMessage() for record in caplog.records if "account" in record.getMessage()]
    ours = [text for text in told if text.startswith(f"account {cast.acme_account.pk}:")]
    assert len([text for text in ours if "cannot be followed" in text]) <= 3, "\n".join(ours)
    assert len(told) < 30, "\n".join(told)

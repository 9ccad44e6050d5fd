"""Bandwidth's callbacks at the address of a tenant: who gets in, what each event changes, and what changes nothing."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests import cast as people
from tests.cast import Cast
from tests.live.house import House, open_house, version_of
from tests.live.posting import CALL, OTHER, Customer, basic, customer, event, moment
from tests.live.wire import until
from voicedash.calls.models import Call
from voicedash.live.models import Heard, OddCallback
from voicedash.tenants import callbacks
from voicedash.tenants.board import writing

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True, databases=["default", "snapshot"])]


@pytest.fixture
def house(cast: Cast) -> Iterator[House]:
    with open_house() as running:
        yield running


@pytest.fixture
def acme(house: House, cast: Cast) -> Customer:
    return customer(house.url, cast.acme)


def at(second: float) -> datetime:
    return datetime.fromisoformat(moment(second))


def kept(customer: Customer) -> list[tuple[str, str]]:
    return list(OddCallback.objects.filter(tenant=customer.tenant).order_by("pk").values_list("kind", "why"))


def test_the_first_request_is_challenged_and_the_second_one_taken(acme: Customer) -> None:
    with requests.Session() as session:
        bare = session.post(acme.url, json=event("initiate"), timeout=10)
        assert (bare.status_code, bare.headers["WWW-Authenticate"]) == (401, 'Basic realm="voicedash"')
        assert not Call.objects.exists()
        signed = session.post(acme.url, json=event("initiate"), auth=(acme.username, acme.password), timeout=10)
    assert (signed.status_code, signed.content) == (204, b"")
    call = Call.objects.get()
    assert (call.tenant, call.call_id, call.state, call.ended_at) == (acme.tenant, CALL, "initiated", None)
    assert (call.from_address, call.to_address, call.direction) == ("+19195554321", "+19195551234", "inbound")


def test_every_refusal_is_the_same_answer(acme: Customer, house: House, cast: Cast) -> None:
    globex = customer(house.url, cast.globex)
    unknown = house.url + "/callbacks/" + "A" * 22 + "/"
    refused = [
        (acme.url, {}),
        (acme.url, {"Authorization": basic(acme.username, "wrong")}),
        (acme.url, {"Authorization": basic("somebody", acme.password)}),
        (acme.url, {"Authorization": globex.authorization}),
        (acme.url, {"Authorization": "Basic !!!"}),
        (acme.url, {"Authorization": f"Bearer {acme.password}"}),
        (acme.url, {"Authorization": basic("", "")}),
        (unknown, {}),
        (unknown, {"Authorization": acme.authorization}),
        (house.url + "/callbacks/", {"Authorization": acme.authorization}),
        (house.url + "/callbacks/no/such/place", {"Authorization": acme.authorization}),
    ]
    answers = []
    for url, headers in refused:
        for method in ("POST", "GET", "PUT"):
            answer = requests.request(method, url, data=json.dumps(event("initiate")), headers=headers, timeout=10)
            told = {name.lower(): value for name, value in answer.headers.items() if name.lower() != "date"}
            answers.append((answer.status_code, answer.content, tuple(sorted(told.items()))))
    assert len(set(answers)) == 1
    assert answers[0][0] == 401
    assert not Call.objects.exists()


def test_a_call_comes_goes_on_and_ends_by_its_events(acme: Customer) -> None:
    acme.send(event("initiate"))
    acme.send(event("redirect", second=3))  # forwarded, too: the call was answered
    call = Call.objects.get()
    assert (call.state, call.answer_time) == ("answered", at(2))
    acme.send(event("disconnect", second=60))
    call = Call.objects.get()
    assert (call.state, call.ended_at is not None, call.end_time) == ("disconnected", True, at(60))


def test_an_outbound_call_is_answered_by_its_answer(acme: Customer) -> None:
    acme.send(event("answer", second=2, direction="outbound"))
    call = Call.objects.get()
    assert (call.state, call.direction, call.answer_time is not None) == ("answered", "outbound", True)


def test_in_reverse_order_and_repeated_it_ends_all_the_same(acme: Customer) -> None:
    told = [event("initiate"), event("redirect", second=3), event("disconnect", second=60)]
    for _ in range(2):
        acme.send(*reversed(told))
    call = Call.objects.get()
    assert (call.state, call.ended_at is not None) == ("disconnected", True)


def test_what_is_no_news_writes_nothing(acme: Customer) -> None:
    acme.send(event("initiate"), event("disconnect", second=60))
    at = version_of("acme")
    acme.send(event("disconnect", second=60), event("initiate"), event("dtmf", second=20, digit="4"))
    assert version_of("acme") == at
    assert kept(acme) == []


def test_a_transfer_brings_the_new_leg_with_its_parent_and_takes_it_away(acme: Customer) -> None:
    acme.send(event("initiate"))
    leg = {
        "callId": OTHER,
        "parentCallId": CALL,
        "direction": "outbound",
        "transferCallerId": "+19195551234",
        "transferTo": "sip:desk-7@acme.example",
    }
    acme.send(event("transferAnswer", second=30, answerTime=moment(30), **leg))
    made = Call.objects.get(call_id=OTHER)
    assert (made.parent_call_id, made.state, made.direction) == (CALL, "answered", "outbound")
    assert (made.from_address, made.to_address) == ("+19195551234", "sip:desk-7@acme.example")
    acme.send(event("transferComplete", second=50, cause="hangup"))  # about the call that goes on
    # Bandwidth's page names no account for it.
    acme.send(event("transferDisconnect", second=50, endTime=moment(50), accountId=None, applicationId=None, **leg))
    states = dict(Call.objects.values_list("call_id", "ended_at"))
    assert states[CALL] is None and states[OTHER] is not None
    assert kept(acme) == []


def test_events_of_a_conference_name_no_account_and_change_nothing(acme: Customer) -> None:
    member: dict[str, Any] = {
        "accountId": None,
        "applicationId": None,
        "callUrl": None,
        "conferenceId": "conf-fe23a767-a75a5b77-20c5",
    }
    acme.send(
        event("conferenceCreated", callId=None, **member),
        event("conferenceMemberJoin", **member),
        event("conferenceMemberExit", **member),
        event("conferenceCompleted", callId=None, **member),
    )
    assert not Call.objects.exists()
    assert kept(acme) == []


def test_an_event_without_an_account_is_about_that_of_its_call(acme: Customer, cast: Cast) -> None:
    people.account(cast.acme, "9900003")
    nameless: dict[str, Any] = {"accountId": None, "callUrl": None}
    acme.send(event("initiate", **nameless))  # of two accounts nobody knows which
    assert not Call.objects.exists()
    assert kept(acme) == [("initiate", "names no Bandwidth account, and its call is not known")]
    acme.send(event("initiate", "9900003"), event("disconnect", second=9, **nameless))
    call = Call.objects.get()
    assert (call.account.account_id, call.state) == ("9900003", "disconnected")


def test_a_tenant_cannot_touch_anothers_calls(acme: Customer, cast: Cast) -> None:
    theirs = Call.objects.create(
        tenant=cast.globex, account=cast.globex_account, call_id=CALL, state="answered", added_at=cast.globex.created
    )
    before = Call.objects.filter(pk=theirs.pk).values().get()
    acme.send(event("disconnect", cast.globex_account, second=60))  # their account: changes nothing at all
    assert Call.objects.count() == 1
    acme.send(event("disconnect", second=60))  # its own account, and an id of theirs: a call of its own
    assert Call.objects.filter(pk=theirs.pk).values().get() == before
    assert Call.objects.get(tenant=cast.acme).state == "disconnected"
    assert kept(acme) == [("disconnect", "not one of your Bandwidth accounts")]
    assert version_of("globex") == 0


def test_junk_and_unknown_types_are_taken_kept_and_change_nothing(acme: Customer) -> None:
    acme.send({"eventType": "somethingNew", "callId": CALL, "accountId": "9900001"})
    for junk in (b"", b"not JSON", b"[1, 2]", b'"text"', b"\xff\xfe\x00", b"{" * 5000, b'{"callId": "c-1"}', b"NaN"):
        assert acme.post(data=junk).status_code == 204
    assert not Call.objects.exists()
    whys = [why for _, why in kept(acme)]
    assert whys[0] == "an event type that voicedash does not know"
    assert whys[2] == "not JSON: Expecting value at 0 (8 bytes)"
    assert whys[3] == "JSON, but no object (6 bytes)"
    assert whys[7] == "no eventType (17 bytes)"
    assert len(whys) == 9


def test_nothing_of_a_callers_is_kept_of_what_changed_nothing(acme: Customer) -> None:
    private: dict[str, Any] = {
        "from": "+19195554321",
        "to": "sip:ana.ruiz@acme.example",
        "digits": "4111111111111111",
        "tag": "Ms Ruiz, card 4111",
        "sipHeaders": [{"name": "From", "value": "Ana"}],
        "+19195550100": "as a name",
        "cause": "+19195554321",
        "errorId": "4111111111111111",
    }
    acme.send(event("somethingNew", **private), event("gather", "9911111", **private))
    acme.post(data=b"from=%2B19195554321&to=Ana")
    told = json.dumps(list(OddCallback.objects.values("kind", "why", "call_id", "text")))
    for piece in ("919555", "ana", "Ana", "Ruiz", "4111", "Ms", "+1"):
        assert piece not in told
    assert CALL in told and "sipHeaders" in told


@pytest.mark.parametrize("call_id", ["abcd-" + 60 * "0", "abcd-" + 59 * "0", "c-" + 70 * "0"])
def test_an_odd_one_is_kept_however_long_its_id_is(acme: Customer, call_id: str) -> None:
    acme.send({"eventType": "junk", "callId": call_id})
    [kept] = OddCallback.objects.all()
    assert kept.call_id == (call_id if len(call_id) <= 64 else "")


def test_only_the_newest_hundred_are_kept(acme: Customer) -> None:
    with ThreadPoolExecutor(20) as several:
        for first in range(0, 140, 20):
            told = [
                event("somethingNew", applicationId=f"00000000-0000-0000-0000-{number:012}")
                for number in range(first, first + 20)
            ]
            assert {answer.status_code for answer in several.map(acme.post, told)} == {204}
    texts = list(OddCallback.objects.order_by("pk").values_list("text", flat=True))
    assert len(texts) == 100
    numbers = [int(re.findall(r"0000-(\d{12})", text)[0]) for text in texts]
    assert sorted(numbers) == list(range(40, 140))


def test_a_get_carries_the_event_in_its_address(acme: Customer) -> None:
    told = urlencode({name: value for name, value in event("initiate").items() if isinstance(value, str)})
    assert requests.get(f"{acme.url}?{told}", timeout=10).status_code == 401
    answer = requests.get(f"{acme.url}?{told}", auth=(acme.username, acme.password), timeout=10)
    assert answer.status_code == 204
    assert Call.objects.get().from_address == "+19195554321"
    form = urlencode({name: value for name, value in event("disconnect", second=9).items() if isinstance(value, str)})
    acme.post(data=form.encode(), **{"Content-Type": "application/x-www-form-urlencoded"})
    assert Call.objects.get().state == "disconnected"


def test_other_methods_are_refused_after_the_credentials(acme: Customer) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert requests.request(method, acme.url, timeout=10).status_code == 401
        answer = requests.request(method, acme.url, headers={"Authorization": acme.authorization}, timeout=10)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")


def test_a_forgotten_slash_loses_no_event(acme: Customer) -> None:
    answer = requests.post(
        acme.url.rstrip("/"), json=event("initiate"), auth=(acme.username, acme.password), timeout=10
    )
    assert (answer.status_code, Call.objects.count()) == (204, 1)


def test_credentials_are_changed_without_losing_an_event(acme: Customer, house: House) -> None:
    second = customer(house.url, acme.tenant)
    acme.send(event("initiate"))
    second.send(event("disconnect", second=5))
    with writing(acme.tenant.pk) as stamp:
        callbacks.remove(acme.credential, stamp, by=None)
    until(lambda: acme.post(event("initiate")).status_code == 401)
    second.send(event("initiate"))


def test_a_time_far_ahead_makes_nothing_later_old(acme: Customer) -> None:
    acme.send(event("initiate", eventTime="2099-01-01T00:00:00Z"), event("disconnect", second=60))
    assert Call.objects.get().state == "disconnected"


def test_the_documented_examples_are_read(acme: Customer) -> None:
    """A recording's eventTime without a Z, a callUrl that is a template."""
    acme.send(
        event(
            "recordingAvailable",
            eventTime="2019-09-13T16:49:40.500",
            startTime="2019-09-13T16:48:29.235Z",
            endTime="2019-09-13T16:48:48.890Z",
            callUrl="https://../{accountId}/calls/{callId-1}",
            recordingId="r-115da407-e3d9-4ea7-889f-5f4ad7386a80",
            status="complete",
        )
    )
    assert not Call.objects.exists()  # it does not say whether the call goes on
    assert kept(acme) == []


def test_when_each_kind_came_last_is_told_and_who_was_refused(acme: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicedash.live.callbacks.TELL_EVERY", 0.1)
    acme.send(event("initiate"), event("disconnect", second=1), event("disconnect", second=1), {"eventType": "new"})
    acme.post(data=b"junk")
    requests.post(acme.url, timeout=10)  # the bare request of a challenge counts as nothing
    requests.post(acme.url, headers={"Authorization": basic(acme.username, "wrong")}, timeout=10)
    expected = {"initiate": 1, "disconnect": 2, "other": 1, "unreadable": 1, "refused": 1}
    until(lambda: dict(Heard.objects.filter(tenant=acme.tenant).values_list("kind", "count")) == expected)
    acme.send(event("initiate"))
    until(lambda: Heard.objects.get(kind="initiate").count == 2)

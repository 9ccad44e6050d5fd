"""Leaving with calls still paused by oneself: they are shown, resumed, handed over or kept, and nobody is held back."""

import time

import pytest
from django.db import DatabaseError
from django.test import Client

from tests.calls.doubting import the_due
from tests.cast import PASSWORD
from voicedash.audit.models import Entry
from voicedash.calls import board, held, leaving, recording
from voicedash.calls.models import Call, Command, Conversation
from voicedash.tenants.models import Membership, Role

PAGE = "/accounts/paused/"
ACT = "/t/acme/own-pauses/"


@pytest.fixture
def ana(cast):
    client = Client()
    client.force_login(cast.ana, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def paused(cast, live_call):
    """Pauses a new call of Acme; Ana's, for the usual reason, unless told otherwise."""

    def made(by=None, *, reason=None, person="Tom Berg", account=None):
        call, theirs = live_call(account or cast.acme_account)
        Call.objects.filter(pk=call.pk).update(person=person)
        assert recording.pause(call=call, by=by or cast.ana, reason=reason).outcome == "acknowledged"
        call.refresh_from_db()
        return call, theirs

    return made


def mine(user):
    return [one for holding in held.of(user) for one in holding.calls]


def sentences(client):
    """What the log page tells, newest first, without its markup."""
    return client.get("/t/acme/log/").text


def test_signing_out_shows_first_what_is_paused_and_takes_one_more_press(ana, cast, paused):
    call, theirs = paused()
    endless, _ = paused(reason=cast.objects, person="Eva Lang")
    paused(cast.mia, person="Not Hers")
    answer = ana.post("/accounts/logout/")
    assert (answer.status_code, answer["Location"]) == (303, PAGE)
    page = ana.get(PAGE).text
    assert "Before you go: 2 calls are paused by you" in page
    for told in ("Tom Berg", "+1 919 555 0123", "Ana Ruiz · Card details", "resumes at", "Eva Lang", "until a person"):
        assert told in page
    assert "Not Hers" not in page
    assert "Sign out, keep all paused" in page
    assert ana.post("/accounts/logout/", {"keep": "1"})["Location"] == "/accounts/login/"
    assert ana.get("/t/acme/").status_code == 302
    assert (theirs.recorder, Call.objects.get(pk=call.pk).lease_ends_at) == ("paused", call.lease_ends_at)
    left = Entry.objects.filter(verb="recording.left").order_by("id")
    assert {entry.call_id for entry in left} == {call.call_id, endless.call_id}
    assert {entry.actor for entry in left} == {cast.ana.pk}
    log = Client()
    log.force_login(cast.mia, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert "signed out and left paused call" in sentences(log)


def test_without_a_pause_of_ones_own_signing_out_is_one_press(ana, cast, paused):
    paused(cast.mia)
    assert ana.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert not Entry.objects.filter(verb="recording.left").exists()


def test_one_call_or_all_that_end_by_themselves_are_resumed_and_each_answer_is_shown(ana, cast, bandwidth, paused):
    first, second, third = (paused(person=name) for name in ("One", "Two", "Three"))
    endless, _ = paused(reason=cast.objects, person="Endless")
    bandwidth.fail_next(400, call_id=first[0].call_id)
    page = ana.post(ACT, {"resume": first[0].pk}, follow=True).text
    assert "NOT resumed. Bandwidth refused. Press Resume again. · One" in page
    assert "Before you go: 4 calls" in page
    page = ana.post(ACT, {"resume-all": "1", "seen": held.of(cast.ana)[0].version}, follow=True).text
    assert page.count("Recording. Bandwidth acknowledged it. · ") == 3
    assert [theirs.recorder for _, theirs in (first, second, third)] == ["recording"] * 3
    assert "Before you go: 1 call is paused by you" in page
    assert "This pause has no end of its own." in page
    assert Call.objects.get(pk=endless.pk).recording == "paused"
    page = ana.post(ACT, {"anyway": endless.pk}, follow=True).text
    assert "Nothing is paused by you" in page
    assert Call.objects.get(pk=endless.pk).recording == "recording"
    assert ana.post("/accounts/logout/")["Location"] == "/accounts/login/"


def test_what_somebody_has_paused_since_the_page_is_not_resumed(ana, cast, sign_in, paused):
    call, theirs = paused()
    seen = held.of(cast.ana)[0].version
    recording.resume(call=call, by=cast.ana)
    recording.pause(call=call, by=cast.ana)
    page = ana.post(ACT, {"resume": call.pk, "seen": seen}, follow=True).text
    assert "Paused since by Ana Ruiz" in page
    recording.pause(call=call, by=cast.mia)
    assert "no call is paused by you" in ana.post(ACT, {"resume": call.pk, "seen": seen}, follow=True).text
    assert theirs.recorder == "paused"


def test_handed_over_it_is_the_others_on_every_board_and_needs_no_second_press(ana, cast, sign_in, bandwidth, paused):
    call, theirs = paused()
    assert "Mia Chen, manager" in ana.get(PAGE).text
    assert "Vic Moor" not in ana.get(PAGE).text
    page = ana.post(ACT, {"hand": call.pk, "to": cast.mia.pk}, follow=True).text
    assert "Handed to Mia Chen. Tom Berg: the pause stays" in page
    assert "Nothing is paused by you" in page
    row = board.row(call)
    assert (row.note, row.by, row.handed) == ("Ana Ruiz · handed to Mia Chen · Card details", cast.mia.pk, True)
    assert row.version > call.version
    drawn = sign_in(cast.vic).get("/t/acme/").text
    assert f'data-by="{cast.mia.pk}" data-handed' in drawn
    assert (mine(cast.ana), [one.pks for one in mine(cast.mia)]) == ([], [(call.pk,)])
    question = recording.resume(call=call, by=cast.ana)
    assert question.outcome == "confirm"
    assert ", handed to Mia Chen. Resume anyway?" in question.confirm
    entry = Entry.objects.get(verb="recording.handed")
    assert (entry.actor, entry.call_id, entry.data["user"]) == (cast.ana.pk, call.call_id, cast.mia.pk)
    assert "handed over to Mia Chen the pause of call" in sentences(ana)
    assert len(bandwidth.puts) == 1
    assert recording.resume(call=call, by=cast.mia).outcome == "acknowledged"
    assert theirs.recorder == "recording"


def test_what_voicedash_asks_again_stays_the_others_and_a_new_pause_is_its_presser_s(cast, bandwidth, paused):
    call, _ = paused()
    [holding] = held.of(cast.ana)
    leaving.hand_over(chosen=holding.calls, by=cast.ana, to=cast.mia, tenant_id=cast.acme.pk)
    assert recording.contradict(call=call, why="recording ended", by="r-1")
    assert board.row(call).note == "last pause: Ana Ruiz · handed to Mia Chen · Card details"
    assert [one.row.word for one in mine(cast.mia)] == ["Not confirmed: treat as recording"]
    assert recording.reassert(the_due(call)).outcome == "acknowledged"
    assert board.row(call).note == "Ana Ruiz · handed to Mia Chen · Card details"
    assert mine(cast.ana) == []
    recording.pause(call=call, by=cast.ana)
    assert (board.row(call).by, mine(cast.mia)) == (cast.ana.pk, [])


def test_all_are_handed_over_only_to_somebody_who_may_press_there_now(ana, cast, paused):
    calls = [paused(person=f"P{at}")[0] for at in range(3)]
    for nobody in (cast.vic, cast.omar, cast.ana, cast.root):
        page = ana.post(ACT, {"hand-all": "1", "to": nobody.pk}, follow=True).text
        assert "NOT handed over. Choose a supervisor or manager" in page
    [holding] = held.of(cast.ana)
    Membership.objects.filter(user=cast.mia).update(role=Role.VIEWER)
    said = leaving.hand_over(chosen=holding.calls, by=cast.ana, to=cast.mia, tenant_id=cast.acme.pk)
    assert said.lead == "NOT handed over"
    assert "Hand over" not in ana.get(PAGE).text
    assert not Command.objects.exclude(held_by=None).exists()
    Membership.objects.filter(user=cast.mia).update(role=Role.MANAGER)
    assert "Handed to Mia Chen. 3 calls" in ana.post(ACT, {"hand-all": "1", "to": cast.mia.pk}, follow=True).text
    assert len(mine(cast.mia)) == 3
    cast.mia.delete()
    assert {board.row(call).note for call in calls} == {"Ana Ruiz · Card details"}
    assert len(mine(cast.ana)) == 3


def test_legs_of_one_call_are_one_line_and_one_press(ana, cast, paused):
    (first, theirs), (second, also) = paused(person="One"), paused(person="One")
    whole = Conversation.objects.create(tenant=cast.acme, root=first.call_id)
    Call.objects.filter(pk__in=(first.pk, second.pk)).update(conversation=whole)
    page = ana.get(PAGE).text
    assert "1 call is paused by you" in page
    assert "(2 legs)" in page
    [one] = mine(cast.ana)
    ana.post(ACT, {"resume": one.key})
    assert (theirs.recorder, also.recorder, mine(cast.ana)) == ("recording", "recording", [])


def test_what_is_not_confirmed_and_what_is_being_paused_is_shown_too(ana, cast, bandwidth, live_call, threads):
    unsure, _ = live_call(cast.acme_account)
    bandwidth.drop_next(apply=True)
    bandwidth.fail_next(400)
    assert recording.pause(call=unsure, by=cast.ana).outcome == "unconfirmed"
    flying, _ = live_call(cast.acme_account)
    bandwidth.hold(cast.acme_account.account_id, on="put")
    pressing = threads.submit(recording.pause, call=flying, by=cast.ana)
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 3)
    page = ana.get(PAGE).text
    assert "Not confirmed: treat as recording" in page
    assert "Wait, pausing…" in page
    assert page.count(">Resume again") == 1
    assert page.count(">Hand over<") == 2
    ana.post(ACT, {"hand-all": "1", "to": cast.mia.pk})
    bandwidth.release_all()
    assert pressing.result().outcome == "acknowledged"
    assert board.row(flying).note == "Ana Ruiz · handed to Mia Chen · Card details"
    assert len(mine(cast.mia)) == 2


def test_two_tenants_are_two_lists_and_neither_hands_over_into_the_other(ana, cast, paused):
    Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.SUPERVISOR)
    paused()
    theirs, _ = paused(person="Gil", account=cast.globex_account)
    page = ana.get(PAGE).text
    assert "Acme Support</h2>" in page
    assert "Globex Care</h2>" in page
    assert "no pause is yours" in ana.post(ACT, {"hand": theirs.pk, "to": cast.mia.pk}, follow=True).text
    assert ana.post("/t/globex/own-pauses/", {"hand": theirs.pk, "to": cast.omar.pk}).status_code == 303
    assert [one.pks for one in mine(cast.omar)] == [(theirs.pk,)]
    Membership.objects.filter(user=cast.ana).delete()
    assert mine(cast.ana) == []  # who may press nothing there any more is shown nothing


def test_after_signing_in_again_what_is_still_paused_comes_first(cast, paused):
    def sign_in(**more):
        client = Client()
        answer = client.post("/accounts/login/", {"login": "ana", "password": PASSWORD} | more)
        return client, answer["Location"]

    assert sign_in()[1] == "/"
    call, theirs = paused()
    client, to = sign_in(next="/t/acme/")
    assert to == f"{PAGE}?next=%2Ft%2Facme%2F"
    page = client.get(to).text
    assert "1 call is still paused by you" in page
    assert '<a class="button solid" href="/t/acme/">Keep it paused and go on</a>' in page
    assert sign_in(next=PAGE)[1] == PAGE
    assert "Nothing is paused by you" in client.post(ACT, {"resume": call.pk, "next": "/t/acme/"}, follow=True).text
    assert theirs.recorder == "recording"
    assert "evil.example" not in client.get(f"{PAGE}?next=https://evil.example/").text


def test_where_nothing_can_be_read_or_written_one_signs_out_all_the_same(ana, cast, paused, monkeypatch):
    paused()

    def broken(*_, **__):
        raise DatabaseError("no")

    monkeypatch.setattr(leaving, "writing", broken)
    page = ana.post(ACT, {"hand-all": "1", "to": cast.mia.pk}, follow=True).text
    assert "NOT handed over. voicedash cannot write." in page
    monkeypatch.setattr(held, "calls", broken)
    assert ana.post("/accounts/logout/", {"keep": "1"})["Location"] == "/accounts/login/"
    assert ana.get("/t/acme/").status_code == 302


def test_calls_for_which_there_is_no_time_are_not_asked_for_and_told(ana, cast, bandwidth, paused, monkeypatch):
    for at in range(4):
        paused(person=f"P{at}")
    page = ana.post(ACT, {"resume-all": "1"}, follow=True).text
    assert "Recording. 4 calls. Bandwidth acknowledged each." in page
    paused()
    monkeypatch.setattr(leaving, "PATIENCE", -1)
    began = time.monotonic()
    assert (
        "Bandwidth was not asked. Press Resume again. · Tom Berg"
        in ana.post(ACT, {"resume-all": "1"}, follow=True).text
    )
    assert time.monotonic() - began < 5
    assert len(bandwidth.puts) == 9

"""What a doubt has undone needs a person, also in counts and filters, before anybody has written that down."""

import re
from collections import defaultdict
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from tests.calls.doubting import acknowledged, doubted
from voicedash.calls import board, due, recording
from voicedash.calls.models import Attempt, Call, Command
from voicedash.calls.rows import Doubt, believed
from voicedash.tenants.board import database_time

QUIET = {"X-Background": "1"}


@pytest.fixture
def shown(cast, live_call):
    """Makes a call of Acme that shows what was acknowledged so many seconds ago, with doubts of requests before."""

    def made(wanted, *sent, asserted=20.0, account=None, **columns):
        call, _ = live_call(account or cast.acme_account)
        for ago in sent:
            doubted(call, "recording" if wanted == "paused" else "paused", by=cast.mia, ago=ago)
        acknowledged(call, wanted, by=cast.ana, ago=asserted, reason=cast.card)
        Call.objects.filter(pk=call.pk).update(**columns)
        return call

    return made


@pytest.fixture
def look(cast, sign_in):
    """The numbers in the header, and the rows that `show` finds."""
    ana = sign_in(cast.ana)

    def looked(show=""):
        page = ana.get(f"/t/acme/?show={show}", headers={"HX-Request": ""}).content.decode()
        told = re.search(r'id="part-counts"[^>]* data-live="(\d+)" data-paused="(\d+)" data-needs="(\d+)"', page)
        rows = re.findall(r'<li id="call-(\d+)"[^>]* data-recording="(\w+)"', page)
        return [int(number) for number in told.groups()], {int(pk): shows for pk, shows in rows}

    return looked


def test_it_counts_as_needing_a_person_and_not_as_paused(cast, shown, look):
    undone = [shown("paused", 27.5), shown("recording", 40.0), shown("paused", 28.0, 50.0)]
    paused = [
        shown("paused"),
        shown("paused", 6.0, asserted=4.0),
        shown("paused", 40.0, 20.0, asserted=10.0),  # one is over, the other is not
        shown("paused", 40.0, asserted=10.0),  # dealt with
        shown("paused", 60.0 * 60 * 24 + 30, asserted=60.0 * 60 * 24 + 10),
    ]
    unconfirmed = shown("paused", 40.0, recording="unconfirmed")
    shown("recording")
    shown("paused", 40.0, ended_at=Now())
    shown("paused", 40.0, account=cast.globex_account)
    needs = {call.pk for call in (*undone, unconfirmed)}

    numbers, rows = look()
    assert numbers == [10, len(paused), len(needs)]
    assert {pk for pk, shows in rows.items() if shows == "unconfirmed"} >= needs
    assert look("needs") == (numbers, dict.fromkeys(needs, "unconfirmed"))
    assert look("paused") == (numbers, {call.pk: "paused" for call in paused})
    assert board.newer(cast.acme.pk, 0).counts == board.parts(cast.acme).counts

    # Nothing of it was written, and whoever asks again brings it back.
    assert recording.pause(call=undone[0], by=cast.ana).outcome == "acknowledged"
    assert look()[0] == [10, len(paused) + 1, len(needs) - 1]


def test_counts_decide_for_many_what_a_row_decides_for_one(cast, shown):
    for wanted in ("paused", "recording"):
        for sent in [(), (1.0,), (4.0, 9.0), (3.0, 30.0), (30.0,)]:
            for asserted in (0.5, 8.0, 40.0):
                shown(wanted, *sent, asserted=asserted)
    shown("paused", 9.0, asserted_at=None)
    calls, now, seen = Call.objects.all(), database_time(), set()
    doubts: dict[int, list[Doubt]] = defaultdict(list)
    for attempt in Attempt.objects.select_related("command"):
        if attempt.doubt_until is not None:
            doubts[attempt.command.call_id].append(Doubt(attempt.command.wanted, attempt.doubt_until))
    for tenths in range(0, 300, 5):
        then = now + timedelta(seconds=tenths / 10)
        undone = {call.pk for call in calls if believed(call, doubts[call.pk], then)[0] == "unconfirmed"}
        assert due.lapsed(cast.acme.pk, then, "snapshot" if connection.vendor == "sqlite" else "default") == undone
        assert due.lapsed(cast.globex.pk, then, "default") == set()
        seen.add(len(undone))
    assert min(seen) < 10 and len(seen) > 4


def test_what_is_being_resumed_and_undone_counts_once(cast, shown, look):
    call = shown("paused", 40.0)
    Command.objects.create(
        call=call,
        wanted="recording",
        state="claimed",
        asked_at=Now(),
        expires_at=Now() + timedelta(seconds=15),
        version=1,
    )
    assert look()[0] == [1, 0, 1]


def test_it_is_on_the_first_page_wherever_it_stands(cast, shown, look):
    Call.objects.bulk_create(
        Call(tenant=cast.acme, account=cast.acme_account, call_id=f"c-{at}", added_at=Now()) for at in range(100)
    )
    call = shown("recording", 40.0)
    shown("recording")
    assert look()[1].get(call.pk) == "unconfirmed"
    assert len(look()[1]) == 101

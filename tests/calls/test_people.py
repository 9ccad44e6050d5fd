"""Rows speak of people: who is on a call comes from the tenant's lines, follows them while it lives, and is erased."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.test import Client

from tests.calls.test_board_reads import ids, look
from tests.calls.test_tracking import told
from tests.cast import Cast
from voicedash.calls import board, naming, recording, tracking
from voicedash.calls.ids import Typed
from voicedash.calls.models import NO_PLACE, Call
from voicedash.tenants import lines
from voicedash.tenants.models import Board, Line, Tenant, User
from voicedash.worker import duties, pruning

SignIn = Callable[[User], Client]
CUSTOMER = "+12025550123"


def line(tenant: Tenant, address: str, name: str, team: str = "", *, tell: bool = True) -> Line:
    made = Line.objects.create(tenant=tenant, address=address, name=name, team=team)
    if tell:
        lines.tell(tenant.pk)
    return made


def learnt(cast: Cast, to: str, second: int = 0, *, of: str = CUSTOMER, **fields: Any) -> Call:
    """A call that came in for `to`, as Bandwidth told it."""
    call_id = fields.pop("call_id", f"c-{uuid4()}")
    start = f"2026-11-20T12:00:{second:02}Z"
    tracking.learn(cast.acme_account, [told(call_id, **{"to": to, "from": of, "startTime": start} | fields)])
    return Call.objects.get(call_id=call_id)


def seen(page: str) -> list[str]:
    """The names and numbers on our side, row by row."""
    return [re.sub("<[^>]+>", "", who) for who in re.findall(r'<span class="who">(.*?)</span></div>', page)]


def test_a_row_names_the_person_and_the_team_and_keeps_the_number_for_who_wants_it(cast: Cast, sign_in: SignIn) -> None:
    line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    call = learnt(cast, "+19195550100")
    row = board.row(call)
    assert (row.person, row.team, row.party, row.other) == ("Ana Ruiz", "Sales", "+1 919 555 0100", "+1 202 555 0123")
    page = look(sign_in(cast.vic))  # viewers see names as they see numbers
    assert seen(page) == ["Ana Ruiz, Sales"]
    assert f'title="+1 919 555 0100 · {call.call_id}"' in page and 'data-team="Sales"' in page
    assert "the recording of Ana Ruiz" in look(sign_in(cast.ana))


def test_our_side_of_a_call_that_goes_out_is_whoever_calls(cast: Cast) -> None:
    line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    call = learnt(cast, CUSTOMER, of="+19195550100", direction="outbound")
    row = board.row(call)
    assert (row.person, row.other) == ("Ana Ruiz", "+1 202 555 0123")


def test_a_colleague_on_the_other_side_has_a_name_too(cast: Cast, sign_in: SignIn) -> None:
    line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    line(cast.acme, "sip:tom@pbx.example", "Tom Berg", "Support")
    call = learnt(cast, "+19195550100", of="sip:Tom@pbx.example;transport=udp")
    row = board.row(call)
    assert (row.person, row.other_person, row.other) == ("Ana Ruiz", "Tom Berg", "sip:Tom@pbx.example;transport=udp")
    assert ids(look(sign_in(cast.ana), "?q=tom berg")) == [call.pk]


def test_what_is_on_no_line_stays_a_number_and_another_tenants_lines_name_nobody(cast: Cast) -> None:
    line(cast.globex, "+19195550100", "Gil Other", "Theirs")
    call = learnt(cast, "+19195550100")
    hidden = learnt(cast, "Anonymous", of="Restricted")
    typed = tracking.add_typed(cast.acme, Typed(ids={"c-typed": ""}), account=None, by=cast.ana)
    assert typed.added == ["c-typed"]
    shown = [board.row(one) for one in (call, hidden, Call.objects.get(call_id="c-typed"))]
    assert [row.person for row in shown] == ["", "", ""]
    assert [row.party for row in shown] == ["+1 919 555 0100", "Anonymous", "c-typed"]


def test_a_typed_call_gets_its_name_as_soon_as_bandwidth_tells_its_number(cast: Cast) -> None:
    line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    tracking.add_typed(cast.acme, Typed(ids={"c-typed": ""}), account=None, by=cast.ana)
    call = learnt(cast, "+19195550100", call_id="c-typed")
    assert call.person == "Ana Ruiz"


def test_a_press_names_the_person(cast: Cast, sign_in: SignIn, live_call: Any) -> None:
    call, _ = live_call(cast.acme_account)
    line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    ana = sign_in(cast.ana)
    ana.post(f"/t/acme/calls/{call.pk}/pause/", headers={"HX-Request": ""})
    page = ana.get("/t/acme/", headers={"HX-Request": ""}).content.decode()
    assert "Paused: go ahead" in page and "· Ana Ruiz" in page


# ---- Lines that change ---------------------------------------------------------------------------


def test_open_boards_hear_of_a_line_that_changed_and_only_of_its_calls(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    mine = line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    calls = [learnt(cast, "+19195550100"), learnt(cast, "+19195550100"), learnt(cast, "+19195550101")]
    since = Board.objects.get(tenant=cast.acme).version
    Line.objects.filter(pk=mine.pk).update(name="Eva Ruiz")
    assert lines.tell(cast.acme.pk)
    page = look(ana, f"?since={since}")
    assert sorted(ids(page)) == sorted(call.pk for call in calls[:2]) and seen(page) == ["Eva Ruiz, Sales"] * 2
    since = Board.objects.get(tenant=cast.acme).version
    lines.tell(cast.acme.pk)  # nothing is new: no version
    assert Board.objects.get(tenant=cast.acme).version == since
    Line.objects.all().delete()
    lines.tell(cast.acme.pk)
    assert seen(look(ana, f"?since={since}")) == ["+1 919 555 0100"] * 2


def test_many_calls_of_one_number_are_renamed_in_short_transactions(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming, "PAUSE", 0)
    tracking.learn(cast.acme_account, [told(f"c-{at:06}", to="+19195550100") for at in range(1200)])
    since = Board.objects.get(tenant=cast.acme).version
    line(cast.acme, "+19195550100", "Front Desk", "Sales")
    assert set(Call.objects.values_list("person", flat=True)) == {"Front Desk"}
    versions = list(Call.objects.values_list("version", flat=True))
    assert min(versions) == since + 1
    assert max(versions.count(version) for version in set(versions)) == naming.AT_ONCE < 100


def test_a_press_that_goes_on_meanwhile_is_not_undone(cast: Cast, live_call: Any, bandwidth: Any) -> None:
    call, _ = live_call(cast.acme_account)
    old = Call.objects.get(pk=call.pk)
    recording.pause(call=call, by=cast.ana)
    line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    call.refresh_from_db()
    assert (call.recording, call.person) == ("paused", "Ana Ruiz") and old.recording == "assumed"


def test_a_call_that_is_over_keeps_the_names_of_its_time(cast: Cast) -> None:
    mine = line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    call = learnt(cast, "+19195550100", call_id="c-over")
    Line.objects.filter(pk=mine.pk).update(name="Eva Ruiz")  # nobody was told yet
    learnt(cast, "+19195550100", call_id="c-over", state="disconnected", lastUpdate="2026-11-20T12:01:00Z")
    lines.tell(cast.acme.pk)
    learnt(cast, "+19195550100", call_id="c-over", state="disconnected", lastUpdate="2026-11-20T12:02:00Z")
    call.refresh_from_db()
    assert call.ended_at is not None and call.person == "Ana Ruiz"


def test_names_are_erased_with_the_numbers(cast: Cast) -> None:
    line(cast.acme, "+19195550100", "Ana Ruiz", "Sales")
    line(cast.acme, "+19195550101", "Tom Berg", "Sales")
    call = learnt(cast, "+19195550100", of="+19195550101")
    Call.objects.update(ended_at=Now() - timedelta(days=91))
    duties.make_known("pruning")
    held = duties.take("pruning", uuid4())
    assert held is not None and pruning.prune(held, threading.Event())
    call.refresh_from_db()
    kept = {name: getattr(call, name) for name in [*naming.COLUMNS, "from_address", "to_address"]}
    assert kept == dict.fromkeys(kept, "") | {"place": NO_PLACE}
    assert "616e61" not in str(Call.objects.values().get())  # "ana", as a place spells it

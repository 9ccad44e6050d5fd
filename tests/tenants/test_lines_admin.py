"""Lines in Django admin: whose a number is, told to the log by key and to open boards by name; out as CSV."""

import re
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import cast as people
from tests.cast import Cast
from tests.tenants.conftest import told
from tests.tenants.two_tenants import FIRST, Two, everything, silent
from voicedash.calls import naming
from voicedash.calls.models import Call
from voicedash.tenants import line_files
from voicedash.tenants.models import BandwidthAccount, Board, Line, Membership, Tenant

LINES = "/admin/tenants/line/"


def form(of: Tenant, **fields: Any) -> dict[str, Any]:
    return {"tenant": of.pk, "address": "(919) 555-0100", "name": "Ana Ruiz", "team": "Sales"} | fields


def live(account: BandwidthAccount, to: str = "+19195550100") -> Call:
    return Call.objects.create(
        tenant=account.tenant,
        account=account,
        call_id=f"c-{Call.objects.count():06}",
        state="answered",
        to_address=to,
        added_at=timezone.now(),
    )


def exported(client: Client, query: str = "") -> str:
    answer: Any = client.get(f"{LINES}export/{query}")
    assert answer.status_code == 200 and answer.streaming
    assert answer["Content-Disposition"] == 'attachment; filename="lines.csv"'
    return b"".join(answer.streaming_content).decode("utf-8-sig")


def test_a_line_is_added_changed_and_removed_and_its_calls_follow(cast: Cast, root: Client) -> None:
    call = live(cast.acme_account)
    root.post(f"{LINES}add/", form(cast.acme))
    line = Line.objects.get()
    assert (line.address, line.name, line.team) == ("+19195550100", "Ana Ruiz", "Sales")
    call.refresh_from_db()
    assert (call.person, call.team) == ("Ana Ruiz", "Sales")
    assert call.version == Board.objects.get(tenant=cast.acme).version

    root.post(f"{LINES}{line.pk}/change/", form(cast.acme, name=" Eva  Ruiz "))
    call.refresh_from_db()
    assert (call.person, call.version) == ("Eva Ruiz", Board.objects.get(tenant=cast.acme).version)

    root.post(f"{LINES}{line.pk}/delete/", {"post": "yes"})
    call.refresh_from_db()
    assert (call.person, call.team, call.names) == ("", "", "")
    assert [(verb, actor, data["id"]) for verb, actor, data in told(cast.acme)] == [
        (f"line.{did}", cast.root.pk, line.pk) for did in ("added", "changed", "removed")
    ]
    log = str(told(cast.acme))
    assert "Ruiz" not in log and "555" not in log and "Sales" not in log


def test_several_lines_are_removed_at_once(cast: Cast, root: Client) -> None:
    made = [Line.objects.create(tenant=cast.acme, address=f"+1919555010{at}", name="Ana") for at in range(3)]
    call = live(cast.acme_account)
    root.post(f"{LINES}{made[2].pk}/change/", form(cast.acme, address="919 555 0102", name="Ana"))
    call.refresh_from_db()
    assert call.person == "Ana"
    chosen = {"action": "delete_selected", "_selected_action": [line.pk for line in made[:2]], "post": "yes"}
    root.post(LINES, chosen)
    call.refresh_from_db()
    assert Line.objects.get() == made[2] and call.person == ""
    assert told(cast.acme)[-1] == ("lines.changed", cast.root.pk, {"removed": [line.pk for line in made[:2]]})


def test_thousands_are_removed_in_short_transactions(cast: Cast, root: Client) -> None:
    Line.objects.bulk_create(
        Line(tenant=of, address=f"+1919{at:07}", name="P") for of in (cast.acme, cast.globex) for at in range(1000)
    )
    chosen = {"action": "delete_selected", "_selected_action": [Line.objects.earliest("pk").pk], "select_across": "1"}
    root.post(f"{LINES}?tenant__id__exact={cast.acme.pk}", chosen | {"post": "yes"})
    assert set(Line.objects.values_list("tenant", flat=True)) == {cast.globex.pk}
    removed = [len(data["removed"]) for _, _, data in told(cast.acme)]
    assert sum(removed) == 1000 and max(removed) < 100


def test_a_line_is_kept_where_open_boards_cannot_be_told(
    cast: Cast, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(tenant_id: int) -> int:
        raise OperationalError("database is locked")

    monkeypatch.setattr(naming, "rename_live", locked)
    page = root.post(f"{LINES}add/", form(cast.acme), follow=True).content.decode()
    assert "Open boards could not be told just now" in page and Line.objects.exists()


def test_an_address_stands_once_in_a_tenant_however_it_is_written(cast: Cast, root: Client) -> None:
    Line.objects.create(tenant=cast.acme, address="+19195550100", name="Ana Ruiz")
    page = root.post(f"{LINES}add/", form(cast.acme, address="+1 919.555.0100")).content.decode()
    assert "There is a line with this address already." in page
    assert root.post(f"{LINES}add/", form(cast.globex)).status_code == 302
    assert Line.objects.count() == 2


def test_what_is_no_address_and_what_cannot_be_shown_is_refused(cast: Cast, root: Client) -> None:
    for fields, why in [
        ({"address": "555 0100"}, "The area code is missing."),
        ({"address": "n/a"}, "This is neither a phone number nor a SIP address."),
        ({"name": "Ana\u202eRuiz"}, "There is a character in it that cannot be shown."),
        ({"name": "\u3164"}, "There is nothing in it that can be seen."),
        ({"team": "\u200b \u2060"}, "There is nothing in it that can be seen."),
        ({"name": ""}, "This field is required."),
    ]:
        page = root.post(f"{LINES}add/", form(cast.acme, **fields)).content.decode()
        assert why in page
    assert not Line.objects.exists()


def test_the_list_finds_a_number_as_people_write_it(cast: Cast, root: Client) -> None:
    for at, name in enumerate(["Ana Ruiz", "Tom Berg", "Eva Roe"]):
        Line.objects.create(tenant=cast.acme, address=f"+1919555010{at}", name=name, team=["Sales", "Support"][at % 2])
    for query, expected in [
        ("?q=555-0101", ["Tom Berg"]),
        ("?q=ruiz", ["Ana Ruiz"]),
        ("?q=support", ["Tom Berg"]),
        ("?team=Sales", ["Ana Ruiz", "Eva Roe"]),
        ("", ["Ana Ruiz", "Eva Roe", "Tom Berg"]),
    ]:
        page = root.get(f"{LINES}{query}").content.decode()
        assert re.findall(r'field-name"><a[^>]*>([^<]*)', page) == expected, query
    assert "+1 919 555 0101" in page


def test_the_list_comes_out_as_csv_as_it_is_filtered_and_never_as_a_formula(cast: Cast, root: Client) -> None:
    Line.objects.create(tenant=cast.acme, address="+19195550100", name="=2+3", team="@Sales")
    Line.objects.create(tenant=cast.acme, address="sip:tom@pbx.example", name="Núñez, José", team="")
    assert exported(root) == (
        "number,name,team\r\n'+19195550100,'=2+3,'@Sales\r\nsip:tom@pbx.example,\"Núñez, José\",\r\n"
    )
    Line.objects.create(tenant=cast.globex, address="+19195550100", name="Gil Other", team="Theirs")
    assert exported(root, "?q=gil&o=1") == "number,name,team\r\n'+19195550100,Gil Other,Theirs\r\n"
    assert exported(root).splitlines()[-1] == "'+19195550100,Gil Other,Theirs,globex"
    assert root.get(f"{LINES}export/?tenant__id__exact=x").status_code == 302
    listed = root.get(f"{LINES}?q=gil").content.decode()
    assert f'href="{LINES}export/?q=gil"' in listed and f'href="{LINES}import/"' in listed


def test_ten_thousand_lines_come_out_piece_by_piece(cast: Cast, root: Client) -> None:
    Line.objects.bulk_create(
        Line(tenant=cast.acme, address=f"+1919{at:07}", name=f"Person {at}", team=f"Team {at % 40}")
        for at in range(10_000)
    )
    with CaptureQueriesContext(connection) as asked:
        found = line_files.read(exported(root))
    assert (len(found.wishes), found.problems) == (10_000, [])
    assert max(sql["sql"].count("LIMIT 500") for sql in asked) == 1 and len(asked) < 40


def test_a_tenant_admin_has_the_lines_of_their_tenant_and_no_others(two: Two, tia: Client) -> None:
    assert exported(tia) == "number,name,team\r\n'+19195550100,Ana Ruiz,Sales\r\n"
    for query in ("?q=zeta", f"?tenant__id__exact={FIRST}", "?team=Zeta team"):
        answer: Any = tia.get(f"{LINES}export/{query}")
        text = b"".join(answer.streaming_content).decode() if answer.streaming else ""
        assert "Zeta" not in text and "9911111" not in text
    silent(tia.get(LINES))
    silent(tia.get(f"{LINES}add/"))
    assert tia.post(f"{LINES}add/", form(two.cast.acme, address="919 555 0101")).status_code == 302
    before = everything()
    silent(tia.post(f"{LINES}add/", form(two.zeta, address="919 555 0102")), said=str(FIRST))
    assert everything() == before


def test_a_line_does_not_move_to_another_tenant(two: Two, tia: Client) -> None:
    Membership.objects.create(tenant=two.cast.globex, user=two.tia, role="manager")
    mine = two.ours[Line]
    tia.post(f"{LINES}{mine.pk}/change/", form(two.cast.globex, name="Moved"))
    assert Line.objects.get(pk=mine.pk).tenant == two.cast.acme


def test_who_is_no_admin_gets_nothing_of_it(cast: Cast, browser: Any) -> None:
    nobody = people.person("noa", "Noa Staff")
    type(nobody).objects.filter(pk=nobody.pk).update(is_staff=True)  # of no tenant
    for user in (cast.mia, cast.ana, nobody):
        for page in ("", "import/", "export/", "add/"):
            assert browser(user).get(f"{LINES}{page}").status_code in {302, 403}
            assert browser(user).post(f"{LINES}{page}", form(cast.acme)).status_code in {302, 403}
    assert not Line.objects.exists()

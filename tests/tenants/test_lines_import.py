"""A list of lines by CSV: first what it would do, then it is done, in short transactions; bad lines stop none of the rest."""

import re
import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client

from tests.cast import Cast
from tests.tenants.conftest import told
from tests.tenants.test_lines_admin import LINES, exported, live
from tests.tenants.two_tenants import Two, everything, silent
from voicedash.audit.models import Entry
from voicedash.tenants import board, lines
from voicedash.tenants.models import Board, Line, Membership, Tenant

IMPORT = f"{LINES}import/"


def look(client: Client, tenant: Tenant, data: bytes | str) -> str:
    """The page that shows what a file would do."""
    data = data.encode() if isinstance(data, str) else data
    answer = client.post(IMPORT, {"tenant": tenant.pk, "file": SimpleUploadedFile("people.csv", data)})
    assert answer.status_code == 200
    return str(answer.content.decode())


def shown(page: str) -> dict[str, str]:
    """What its form holds, as a browser sends it."""
    found = dict(re.findall(r'<input type="hidden" name="(tenant|text|seal)"(?: id="[^"]*")? value="([^"]*)"', page))
    found |= dict(re.findall(r'<input type="hidden" name="(text|seal)" value="([^"]*)"', page))
    for was, is_ in (("&quot;", '"'), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        found = {name: value.replace(was, is_) for name, value in found.items()}
    return found


def confirm(client: Client, page: str) -> str:
    answer: Any = client.post(IMPORT, shown(page), follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def counted(page: str) -> list[int]:
    """New, to change, as they are, wrong."""
    place = re.search(r'<p id="found">(.*?)</p>', page)
    assert place, page
    return [int(number) for number in re.findall(r"<b>(\d+)</b>", place[1])]


def table(page: str, name: str) -> list[str]:
    """The rows of a table, as text."""
    place = page.partition(f'<table id="{name}">')[2].partition("</table>")[0].partition("<tbody>")[2]
    return [" | ".join(re.findall(r"<td>(.*?)</td>", row)) for row in re.findall(r"<tr>(.*?)</tr>", place)]


def test_a_file_is_shown_before_it_is_taken_in(cast: Cast, root: Client) -> None:
    Line.objects.create(tenant=cast.acme, address="+19195550100", name="Ana Ruiz", team="Sales")
    Line.objects.create(tenant=cast.acme, address="+19195550101", name="Tom Berg", team="Sales")
    kept = Line.objects.create(tenant=cast.acme, address="+19195550109", name="Not In It", team="Sales")
    call = live(cast.acme_account, to="sip:eva@pbx.example")
    version = Board.objects.get(tenant=cast.acme).version
    page = look(
        root,
        cast.acme,
        "Phone;Person;Team;Desk\n919 555 0100;Ana Ruiz;Sales;1\n(919) 555-0101;Tom Berg;Support;2\n"
        "Eva@pbx.example;Eva <Roe>;Billing;3\nnobody;Max;Sales;4\n",
    )
    assert counted(page) == [1, 1, 1, 1]
    assert "Not read: the column Desk." in page
    assert table(page, "new") == ["4 | sip:eva@pbx.example | Eva &lt;Roe&gt; | Billing"]
    assert table(page, "changes") == ["3 | +1 919 555 0101 | Tom Berg | <del>Sales</del> Support"]
    assert table(page, "problems") == ["5 | this is neither a phone number nor a SIP address | nobody;Max;Sales;4"]
    assert Line.objects.count() == 3 and Board.objects.get(tenant=cast.acme).version == version

    done = confirm(root, page)
    assert "Acme Support: 1 added, 1 changed. 1 of the file not taken." in done
    assert dict(Line.objects.values_list("address", "team")) == {
        "+19195550100": "Sales",
        "+19195550101": "Support",
        "sip:eva@pbx.example": "Billing",
        "+19195550109": "Sales",
    }
    assert Line.objects.filter(pk=kept.pk).exists()
    call.refresh_from_db()
    assert call.person == "Eva <Roe>" and call.version == Board.objects.get(tenant=cast.acme).version
    (entry,) = told(cast.acme)
    eva, tom = Line.objects.get(name="Eva <Roe>"), Line.objects.get(name="Tom Berg")
    assert entry == ("lines.changed", cast.root.pk, {"added": [eva.pk], "changed": [tom.pk]})


def test_a_file_in_latin_1_with_formulas_and_a_number_twice_is_taken_in_but_for_the_second(
    cast: Cast, root: Client
) -> None:
    data = "number;name;team\n9195550100;José Núñez;=cmd|' /C calc'!A0\n9195550100;Someone Else;Sales\n'+19195550101;'=1+1;Große"
    page = look(root, cast.acme, data.encode("latin-1"))
    assert counted(page) == [2, 0, 0, 1]
    assert "Read as Latin-1 (Windows)" in page
    assert table(page, "problems")[0].startswith("3 | this number stands in line 2 already, which counts")
    confirm(root, page)
    assert sorted(Line.objects.values_list("name", "team")) == [
        ("=1+1", "Große"),
        ("José Núñez", "=cmd|' /C calc'!A0"),
    ]
    out = exported(root)
    assert "'=cmd|" in out and "'=1+1" in out
    assert counted(look(root, cast.acme, out)) == [0, 0, 2, 0]  # what came out is what is there


def test_a_column_that_the_file_does_not_have_stays_as_it_is(cast: Cast, root: Client) -> None:
    Line.objects.create(tenant=cast.acme, address="+19195550100", name="Ana Ruiz", team="Sales")
    page = look(root, cast.acme, "number,team\n9195550100,Support\n9195550101,Support")
    assert counted(page) == [0, 1, 0, 1]
    assert table(page, "problems") == ["3 | this number is new, and the file has no column with names | +19195550101"]
    confirm(root, page)
    assert list(Line.objects.values_list("name", "team")) == [("Ana Ruiz", "Support")]
    confirm(root, look(root, cast.acme, "number,name\n9195550100,Eva Ruiz"))
    assert list(Line.objects.values_list("name", "team")) == [("Eva Ruiz", "Support")]
    confirm(root, look(root, cast.acme, "number,name,team\n9195550100,Eva Ruiz,"))
    assert list(Line.objects.values_list("name", "team")) == [("Eva Ruiz", "")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "The submitted file is empty."),
        (b"PK\x03\x04", "This is a spreadsheet, not CSV."),
        (b"a,b\n1,2", "No column is called number, phone or address."),
        (b"number,name\n" * 300_000, "The file is larger than 2 MB"),
    ],
)
def test_a_file_that_is_no_list_is_told_beside_its_field(cast: Cast, root: Client, data: bytes, why: str) -> None:
    page = look(root, cast.acme, data)
    assert why in page and 'type="file"' in page


def test_without_a_file_or_a_tenant_one_is_asked_for(cast: Cast, root: Client) -> None:
    assert "Choose a file." in root.post(IMPORT, {"tenant": cast.acme.pk}).content.decode()
    assert "This field is required." in root.post(IMPORT, {}).content.decode()
    assert root.get(IMPORT).status_code == 200


def test_what_changed_since_it_was_shown_is_shown_once_more(cast: Cast, root: Client) -> None:
    page = look(root, cast.acme, "number,name\n9195550100,Ana Ruiz")
    line = Line.objects.create(tenant=cast.acme, address="+19195550100", name="Eva Roe", team="Sales")
    again = confirm(root, page)
    assert "look at this once more" in again and counted(again) == [0, 1, 0, 0]
    assert Line.objects.get() == line and Line.objects.get().name == "Eva Roe"
    confirm(root, again)
    assert Line.objects.get().name == "Ana Ruiz"


def test_ten_thousand_lines_are_taken_in_by_transactions_of_less_than_a_hundred_rows(cast: Cast, root: Client) -> None:
    Line.objects.create(tenant=cast.acme, address="+19190000007", name="Old Name")
    rows = [f"919{at:07},Person {at},Team {at % 40}" for at in range(10_000)]
    rows[5_000] = "919,Too Short,Team 1"
    began = time.monotonic()
    page = look(root, cast.acme, "\n".join(["number,name,team", *rows]))
    assert counted(page) == [9_998, 1, 0, 1]
    assert "and 9898 more" in page and len(page) < 1_500_000
    done = confirm(root, page)
    took = time.monotonic() - began
    assert "9998 added, 1 changed. 1 of the file not taken." in done
    assert Line.objects.count() == 9_999 and Line.objects.get(address="+19190000007").name == "Person 7"
    written = [len(keys) for data in Entry.objects.values_list("data", flat=True) for keys in data.values()]
    assert sum(written) == 9_999 and max(written) == lines.AT_ONCE < 100
    assert Board.objects.get(tenant=cast.acme).version == -(-9_999 // lines.AT_ONCE)
    assert took < 60  # about ten seconds on a quiet machine
    page = look(root, cast.acme, "\n".join(["number,name,team", *rows]))
    assert counted(page) == [0, 0, 9_999, 1] and "There is nothing to take in." in page


def test_where_writing_fails_half_way_what_is_done_stays_and_the_rest_can_be_done_again(
    cast: Cast, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = live(cast.acme_account, to="+19190000001")
    data = "\n".join(["number,name", *(f"919{at:07},Person {at}" for at in range(200))])
    page = look(root, cast.acme, data)
    real, calls = board.writing, []

    def writing(tenant_id: int) -> Any:
        calls.append(tenant_id)
        if len(calls) == 2:
            raise OperationalError("database is locked")
        return real(tenant_id)

    monkeypatch.setattr(board, "writing", writing)
    assert "could not write all of it" in confirm(root, page)
    assert Line.objects.count() == lines.AT_ONCE
    call.refresh_from_db()
    assert call.person == "Person 1"  # boards are told of what was done
    page = look(root, cast.acme, data)
    assert counted(page) == [200 - lines.AT_ONCE, 0, lines.AT_ONCE, 0]
    confirm(root, page)
    assert Line.objects.count() == 200


def test_who_loses_the_tenant_half_way_writes_no_further(
    two: Two, tia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = look(tia, two.cast.acme, "\n".join(["number,name", *(f"919{at:07},P {at}" for at in range(200))]))
    monkeypatch.setattr(
        time,
        "sleep",
        lambda seconds: Membership.objects.filter(user=two.tia).update(role="viewer") if seconds else None,
    )
    assert tia.post(IMPORT, shown(page)).status_code == 403
    assert Line.objects.filter(tenant=two.cast.acme, name__startswith="P ").count() == lines.AT_ONCE


def test_a_tenant_admin_takes_lines_into_their_own_tenant_alone(two: Two, tia: Client) -> None:
    before = everything()
    silent(tia.get(IMPORT))
    data = "number,name\n9195550150,Forged"
    refused = look(tia, two.zeta, data)
    assert "Select a valid choice" in refused and "Forged" not in refused
    page = look(tia, two.cast.acme, data)
    silent(page_of(tia, page), said=str(two.cast.acme.pk))
    stolen = shown(page) | {"tenant": str(two.zeta.pk)}
    assert "Select a valid choice" in tia.post(IMPORT, stolen).content.decode()
    assert everything() == before
    confirm(tia, page)
    assert Line.objects.get(name="Forged").tenant == two.cast.acme


def page_of(client: Client, page: str) -> Any:
    """A page that was read already, as `silent` takes it."""
    answer: Any = client.get(IMPORT)
    answer.content = page.encode()
    return answer

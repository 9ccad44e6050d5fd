"""Lines in a provisioning file: as often as one likes, and with `--prune` none that a file about something else leaves out."""

import pytest

from tests.cast import Cast
from tests.tenants.conftest import told
from tests.tenants.test_lines_admin import live
from voicedash.tenants.models import Board, Line
from voicedash.tenants.provisioning import ProvisioningError, provision

ACME = """
[[tenant]]
slug = "acme"
name = "Acme Support"
time_zone = "America/New_York"
"""
LINES = """
[[tenant.line]]
address = "(919) 555-0100"
name = "Ana Ruiz"
team = "Sales"
[[tenant.line]]
address = "Tom@pbx.example"
name = "Tom Berg"
"""


def kept() -> list[tuple[str, str, str]]:
    return list(Line.objects.order_by("address").values_list("address", "name", "team"))


def test_lines_are_set_up_and_a_second_time_nothing_is_done(cast: Cast) -> None:
    call = live(cast.acme_account)
    assert provision(ACME + LINES) == ["acme: lines: 2 added, 0 changed"]
    assert kept() == [("+19195550100", "Ana Ruiz", "Sales"), ("sip:tom@pbx.example", "Tom Berg", "")]
    call.refresh_from_db()
    assert call.person == "Ana Ruiz"
    assert told(cast.acme)[-1][:2] == ("lines.changed", None)
    version = Board.objects.get(tenant=cast.acme).version
    assert provision(ACME + LINES) == []
    assert Board.objects.get(tenant=cast.acme).version == version


def test_what_the_file_does_not_say_stays(cast: Cast) -> None:
    Line.objects.create(tenant=cast.acme, address="sip:tom@pbx.example", name="Thomas", team="Support")
    Line.objects.create(tenant=cast.acme, address="+19195550109", name="By Csv", team="Sales")
    assert provision(ACME + LINES) == ["acme: lines: 1 added, 1 changed"]
    assert ("sip:tom@pbx.example", "Tom Berg", "Support") in kept() and len(kept()) == 3


def test_pruning_removes_lines_only_where_the_file_names_some(cast: Cast) -> None:
    call = live(cast.acme_account, to="+19195550109")
    Line.objects.create(tenant=cast.acme, address="+19195550109", name="By Csv", team="Sales")
    Line.objects.create(tenant=cast.globex, address="+19195550109", name="Theirs")
    account = '[[tenant.account]]\naccount_id = "9900001"\nclient_id = "CLI-9900001"\nsecret = "secret-9900001"\nrecords = "all"\n'
    assert "line of By Csv removed" not in "".join(provision(ACME + account, prune=True))
    done = provision(ACME + LINES + account, prune=True)
    assert "acme: line of By Csv removed" in done
    call.refresh_from_db()
    assert call.person == "" and len(kept()) == 3


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('address = "555 0100"\nname = "Ana"', "line 7, address: '555 0100': the area code is missing"),
        ('address = "919 555 0100"', "line 6, name: missing"),
        ('name = "Ana"', "line 6, address: missing"),
        ('address = "919 555 0100"\nname = " "', "line 8, name: is empty"),
        ('address = "919 555 0100"\nname = "\u200b"', "line 8, name: has nothing in it that can be seen"),
        ('address = "919 555 0100"\nname = "Ana"\nteem = "x"', "line 9, teem: unknown key; did you mean team?"),
        (
            'address = "919 555 0100"\nname = "Ana"\n[[tenant.line]]\naddress = "+19195550100"\nname = "Eva"',
            "line 10, address: '+19195550100' stands here a second time",
        ),
    ],
)
def test_a_fault_is_told_by_its_line_and_nothing_is_changed(cast: Cast, line: str, why: str) -> None:
    with pytest.raises(ProvisioningError) as refused:
        provision(f"{ACME}[[tenant.line]]\n{line}\n")
    assert refused.value.problems == [why]
    assert kept() == []

"""A bad file changes nothing, and every fault in it is told at once, by line and key."""

import os
from pathlib import Path

import pytest
from django.utils import timezone

from tests import forked
from tests.cast import Cast
from tests.serving import ROOT
from voicedash.calls.models import Call
from voicedash.tenants.models import BandwidthAccount, Tenant, User
from voicedash.tenants.provisioning import ProvisioningError, provision

GOOD = """\
[[tenant]]
slug = "acme2"
name = "Acme"
time_zone = "America/New_York"
[[tenant.account]]
account_id = "9900001"
client_id = "CLI"
secret = "s"
[[tenant.member]]
username = "zoe"
role = "viewer"
password = "a-long-enough-password"
[[tenant.reason]]
name = "Card"
lease = 180
default = true
"""


def problems(text: str, *, prune: bool = False) -> list[str]:
    with pytest.raises(ProvisioningError) as caught:
        provision(text, prune=prune)
    return caught.value.problems


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ("[[tenant]]", "[[tenants]]", "line 1, tenants: unknown key; did you mean tenant?"),
        ("[[tenant]]", "[tenant]", "line 1, tenant: expected tables like [[tenant]]"),
        ('slug = "acme2"\n', "", "line 1, slug: missing"),
        ('"acme2"', '"Acme & Co"', "line 2, slug: 'Acme & Co': Enter a valid “slug”"),
        ('"acme2"', "7", "line 2, slug: expected a text in quotes"),
        ('"America/New_York"', '"Mars"', "line 4, time_zone: 'Mars': Mars is not a time zone"),
        ('"America/New_York"', '"UTC"\nkeep_calls_days = 0', "line 5, keep_calls_days: 0: Ensure this value is"),
        ('"America/New_York"', '"UTC"\nkeep_numbers_days = true', "line 5, keep_numbers_days: expected a whole number"),
        ("time_zone", "timezone", "line 4, timezone: unknown key; did you mean time_zone?"),
        ("time_zone", "colour", "line 4, colour: unknown key"),
        ('"9900001"', "9900001", "line 6, account_id: expected a text in quotes"),
        ('"9900001"', '"99"', "line 6, account_id: '99': Bandwidth's account ids are 4 to 10 digits."),
        ('client_id = "CLI"\n', "", "line 5, client_id: missing"),
        ('"CLI"', '"CLI"\nauth = "oauth"', "line 8, auth: 'oauth': expected one of oauth2, basic"),
        ('"CLI"', '"CLI"\nrecords = "most"', "line 8, records: 'most': expected one of all, some, unknown"),
        ('secret = "s"', "", "line 5, secret: missing: give secret_env, secret_file or secret"),
        ('secret = "s"', 'secret = ""', "line 8, secret: is empty"),
        ('secret = "s"', 'secret_env = "NO_SUCH_NAME"', "line 8, secret_env: the environment has no NO_SUCH_NAME"),
        ('secret = "s"', 'secret_file = "/no/such"', "line 8, secret_file: cannot read /no/such (No such file"),
        (
            'secret = "s"',
            'secret = "s"\nsecret_env = "PATH"',
            "line 9, secret_env: secret and secret_env stand side by side: keep one",
        ),
        ('"viewer"', '"boss"', "line 11, role: 'boss': expected one of viewer, agent, supervisor, manager"),
        ('role = "viewer"\n', "", "line 9, role: missing"),
        ('"zoe"', '"zo e"', "line 10, username: 'zo e': Enter a valid username."),
        ('"viewer"', '"viewer"\nemail = "zoe"', "line 12, email: 'zoe': Enter a valid email address."),
        ('password = "a-long-enough-password"\n', "", "line 9, password: zoe is new and needs one"),
        ('"a-long-enough-password"', '"short"', "line 12, password: This password is too short."),
        ('"a-long-enough-password"', '"password1234"', "line 12, password: This password is too common."),
        ("180", "0", "line 15, lease: 0: expected at least 1 second"),
        ("180", '"180"', "line 15, lease: expected a whole number"),
        ("180", "true", "line 15, lease: expected a whole number"),
        ("default = true", "default = 1", "line 16, default: expected true or false"),
        (
            "default = true",
            'default = true\n[[tenant.reason]]\nname = "Other"\ndefault = true',
            "line 19, default: another reason of this tenant is the usual one already",
        ),
        (
            "default = true",
            '[[tenant.reason]]\nname = "Card"',
            "line 17, name: 'Card' stands here a second time",
        ),
        ('name = "Acme"', 'name = "Acme', "line 3: "),
        ('name = "Acme"', 'name = "Acme"\nname = "B"', "line 4: Cannot overwrite a value"),
    ],
)
def test_a_fault_is_told_with_its_line_and_key(good: str, bad: str, problem: str) -> None:
    assert GOOD.count(good) >= 1
    found = problems(GOOD.replace(good, bad, 1))
    assert [told for told in found if told.startswith(problem)], found
    assert not Tenant.objects.exists()
    assert not User.objects.exists()


@pytest.mark.usefixtures("transactional_db")
def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace('"9900001"', '"1"').replace('"viewer"', '"boss"').replace("180", "-1").replace("New_York", "X")
    assert [problem.split(":")[0] for problem in problems(text)] == [
        "line 4, time_zone",
        "line 6, account_id",
        "line 11, role",
        "line 15, lease",
    ]
    assert not Tenant.objects.exists()


@pytest.mark.usefixtures("transactional_db")
def test_the_same_tenant_account_and_member_twice_are_faults() -> None:
    again = GOOD + '[[tenant.member]]\nusername = "ZOE"\nrole = "viewer"\n' + GOOD.split("[[tenant.member]]")[0]
    assert problems(again) == [
        "line 18, username: 'ZOE' stands here a second time",
        "line 21, slug: 'acme2' stands here a second time",
    ]


@pytest.mark.usefixtures("transactional_db")
def test_one_person_cannot_have_two_names() -> None:
    text = GOOD.replace('"viewer"', '"viewer"\nname = "Zoe"') + '[[admin]]\nusername = "zoe"\nname = "Zoë"\n'
    assert problems(text) == ["line 20, name: zoe has another name further up"]


@pytest.mark.usefixtures("transactional_db")
def test_lines_are_right_after_a_text_of_several_lines() -> None:
    text = GOOD.replace('secret = "s"', 'secret = """\n[[tenant]]\nslug = "no"\n"""').replace('"viewer"', '"boss"')
    assert problems(text)[0].startswith("line 14, role")


def test_an_account_with_calls_is_not_pruned_and_nothing_else_is(cast: Cast) -> None:
    Call.objects.create(tenant=cast.acme, account=cast.acme_account, call_id="c-1", added_at=timezone.now())
    text = '# nothing but this\n[[tenant]]\nslug = "acme"\nname = "Acme"\n'
    [problem] = problems(text, prune=True)
    assert problem.startswith("line 2, account: 9900001 of acme is not in the file but has calls")
    assert BandwidthAccount.objects.filter(pk=cast.acme_account.pk).exists()
    assert cast.acme.memberships.count() == 3
    assert cast.acme.reasons.count() == 2


@pytest.mark.usefixtures("transactional_db")
def test_no_secret_stands_in_an_error() -> None:
    text = GOOD.replace('secret = "s"', 'secret = "hush-hush"\nsecret_env = "X"').replace('"viewer"', "7")
    text = text.replace("a-long-enough-password", "hush")
    assert "hush" not in " ".join(problems(text))


def test_a_database_that_was_never_migrated_is_told_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "tenants.toml"
    file.write_text('[[tenant]]\nslug = "acme"\nname = "Acme"\n', "utf-8")
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"}
    ran = forked.run(["manage.py", "provision", str(file)], cwd=ROOT, env=environment)
    assert ran.returncode == 1
    assert "manage.py migrate" in ran.stderr
    assert "Traceback" not in ran.stderr

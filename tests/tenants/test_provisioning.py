"""A file sets everything up, and running it again changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tests.tenants.conftest import sign_in, told
from voicedash.audit import log
from voicedash.tenants import sealing
from voicedash.tenants.models import BandwidthAccount, Board, Membership, Reason, Tenant, User
from voicedash.tenants.provisioning import provision

# The file of the design, as it stands there.
FILE = """
[[tenant]]
slug = "acme"
name = "Acme Support"
time_zone = "America/New_York"   # default UTC
[[tenant.account]]
account_id = "9900001"
auth = "oauth2"                  # or "basic"
client_id = "CLI-9900001"        # username for basic
secret_env = "ACME_SECRET"       # or secret = "…", or secret_file
records = "all"                  # or "some", "unknown" (default)
[[tenant.member]]
username = "ana"
role = "supervisor"
password_env = "ANA_PASSWORD"    # or password = "…"; only set when the user is new
name = "Ana Ruiz"                # optional, as is email
[[tenant.reason]]
name = "Card details"
lease = 180                      # seconds; absent = until a person resumes
default = true
prolong = 3                      # how often; absent = 3
note = false                     # a note is wanted
[[admin]]
username = "root"
password_env = "ROOT_PASSWORD"
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_SECRET", "s3cret-of-acme")
    monkeypatch.setenv("ANA_PASSWORD", "ana-has-a-long-one")
    monkeypatch.setenv("ROOT_PASSWORD", "root-has-a-long-one")


def test_the_designs_example_sets_up_a_tenant_that_works() -> None:
    lines = provision(FILE)

    tenant = Tenant.objects.get()
    assert (tenant.slug, tenant.name, tenant.time_zone) == ("acme", "Acme Support", "America/New_York")
    account = tenant.accounts.get()
    assert (account.account_id, account.auth, account.client_id, account.records) == (
        "9900001",
        "oauth2",
        "CLI-9900001",
        "all",
    )
    assert sealing.open_secret(account) == "s3cret-of-acme"
    reason = tenant.reasons.get()
    assert (reason.name, reason.lease, reason.default, reason.prolong, reason.note) == (
        "Card details",
        180,
        True,
        3,
        False,
    )
    ana, root = User.objects.get(username="ana"), User.objects.get(username="root")
    assert (ana.name, ana.is_staff, ana.is_superuser) == ("Ana Ruiz", False, False)
    assert (root.is_staff, root.is_superuser) == (True, True)
    assert Membership.objects.get().role == "supervisor"
    assert sign_in(Client(), "ana", "ana-has-a-long-one").status_code == 302
    assert sign_in(Client(), "root", "root-has-a-long-one").status_code == 302
    assert lines == [
        "acme: tenant added",
        "acme: account 9900001 added",
        "acme: reason Card details added",
        "acme: user ana added",
        "acme: ana is supervisor now",
        "admin root added",
    ]


def test_what_was_done_is_in_the_log_by_key_only() -> None:
    provision(FILE)
    tenant, ana = Tenant.objects.get(), User.objects.get(username="ana")
    assert told(tenant) == [
        ("tenant.added", None, {"id": tenant.pk}),
        ("account.added", None, {"id": BandwidthAccount.objects.get().pk}),
        ("reason.added", None, {"id": Reason.objects.get().pk}),
        ("member.added", None, {"id": Membership.objects.get().pk, "user": ana.pk, "role": "supervisor"}),
    ]
    root = User.objects.get(username="root")
    assert told(log.SIGN_INS) == [("user.added", None, {"user": ana.pk}), ("user.added", None, {"user": root.pk})]


def test_running_it_again_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    provision(FILE)
    version, entries = Board.objects.get().version, told(Tenant.objects.get())
    hashes = list(User.objects.order_by("pk").values_list("password", flat=True))
    monkeypatch.setenv("ANA_PASSWORD", "a-different-long-one")
    monkeypatch.delenv("ROOT_PASSWORD")  # nobody new needs it
    assert provision(FILE) == []
    assert Board.objects.get().version == version
    assert told(Tenant.objects.get()) == entries
    assert list(User.objects.order_by("pk").values_list("password", flat=True)) == hashes


def test_what_changed_in_the_file_is_changed_and_named() -> None:
    provision(FILE)
    changed = (
        FILE.replace("Acme Support", "Acme Care")
        .replace('records = "all"', 'records = "some"')
        .replace('role = "supervisor"', 'role = "manager"')
        .replace("lease = 180  ", "lease = 90  ")
        .replace("Ana Ruiz", "Ana R. Ruiz")
    )
    assert provision(changed) == [
        "acme: name changed",
        "acme: account 9900001 changed: records",
        "acme: reason Card details changed: lease",
        "acme: user ana changed",
        "acme: ana is manager now, was supervisor",
    ]
    assert Tenant.objects.get().name == "Acme Care"
    assert Reason.objects.get().lease == 90
    assert User.objects.get(username="ana").name == "Ana R. Ruiz"
    assert told(Tenant.objects.get())[-1][2] == {
        "id": Membership.objects.get().pk,
        "user": User.objects.get(username="ana").pk,
        "role": "manager",
        "fields": ["role"],
    }
    assert provision(changed) == []


def test_a_new_secret_takes_the_place_of_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    provision(FILE)
    monkeypatch.setenv("ACME_SECRET", "a-new-one")
    assert provision(FILE) == ["acme: account 9900001 changed: secret"]
    assert sealing.open_secret(BandwidthAccount.objects.get()) == "a-new-one"


def test_a_secret_that_no_key_opens_any_more_is_sealed_anew() -> None:
    provision(FILE)
    BandwidthAccount.objects.update(sealed_secret="lost")
    assert provision(FILE) == ["acme: account 9900001 changed: secret"]
    assert sealing.open_secret(BandwidthAccount.objects.get()) == "s3cret-of-acme"


def test_secrets_can_stand_in_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "acme.secret").write_text("from-a-file\n")
    (tmp_path / "ana.password").write_text("ana-from-a-file-too\n")
    text = FILE.replace('secret_env = "ACME_SECRET"', 'secret_file = "acme.secret"')
    text = text.replace('password_env = "ANA_PASSWORD"', 'password_file = "ana.password"')
    provision(text, folder=tmp_path)
    assert sealing.open_secret(BandwidthAccount.objects.get()) == "from-a-file"
    assert sign_in(Client(), "ana", "ana-from-a-file-too").status_code == 302


def test_the_usual_reason_is_handed_over() -> None:
    provision(FILE)
    more = FILE.replace("default = true", "default = false") + ""
    more = more.replace("[[admin]]", '[[tenant.reason]]\nname = "Objects"\ndefault = true\n[[admin]]')
    provision(more)
    assert Reason.objects.get(default=True).name == "Objects"
    provision(FILE)
    assert Reason.objects.get(default=True).name == "Card details"


def test_a_person_of_two_tenants_needs_one_password_only() -> None:
    second = '[[tenant]]\nslug = "globex"\nname = "Globex"\n[[tenant.member]]\nusername = "Ana"\nrole = "viewer"\n'
    provision(second + FILE)
    assert User.objects.filter(username__iexact="ana").count() == 1
    assert Membership.objects.count() == 2


def test_somebody_who_exists_becomes_admin_with_the_password_they_have() -> None:
    provision(FILE)
    lines = provision('[[admin]]\nusername = "ana"\n', adopt=["ana"])
    assert lines == ["admin ana adopted, with the password they have"]
    assert User.objects.get(username="ana").is_superuser
    assert sign_in(Client(), "ana", "ana-has-a-long-one").status_code == 302


def test_basic_warns_with_the_days_left() -> None:
    lines = provision(FILE.replace('auth = "oauth2"', 'auth = "basic"'))
    assert lines[-1].startswith("warning: Bandwidth end")
    assert "2 December 2026" in lines[-1]
    assert "9900001" in lines[-1]


def test_what_the_file_does_not_name_is_left_alone() -> None:
    provision(FILE)
    tenant = Tenant.objects.get()
    Reason.objects.create(tenant=tenant, name="Other")
    Membership.objects.create(tenant=tenant, user=User.objects.get(username="root"), role="viewer")
    assert provision(FILE) == []
    assert (tenant.reasons.count(), tenant.memberships.count()) == (2, 2)


def test_for_how_long_a_tenant_keeps_its_calls_and_numbers_is_left_alone_unless_the_file_says() -> None:
    provision(FILE)
    Tenant.objects.update(keep_numbers_days=7)
    assert provision(FILE) == []
    said = FILE.replace("[[tenant.account]]", "keep_calls_days = 30\n[[tenant.account]]")
    assert provision(said) == ["acme: keep_calls_days changed"]
    tenant = Tenant.objects.get()
    assert (tenant.keep_numbers_days, tenant.keep_calls_days) == (7, 30)


def test_prune_removes_what_the_file_does_not_name_in_its_tenants() -> None:
    provision(FILE)
    tenant, root = Tenant.objects.get(), User.objects.get(username="root")
    other = Tenant.objects.create(slug="globex", name="Globex")
    for one in (tenant, other):
        Reason.objects.create(tenant=one, name="Other")
        Membership.objects.create(tenant=one, user=root, role="viewer")
        BandwidthAccount.objects.create(tenant=one, account_id="9900009", client_id="CLI")
    assert provision(FILE, prune=True) == [
        "acme: root is no longer a member",
        "acme: reason Other removed",
        "acme: account 9900009 removed",
    ]
    assert (tenant.reasons.count(), tenant.memberships.count(), tenant.accounts.count()) == (1, 1, 1)
    assert (other.reasons.count(), other.memberships.count(), other.accounts.count()) == (1, 1, 1)
    assert [verb for verb, _, _ in told(tenant)][-3:] == ["member.removed", "reason.removed", "account.removed"]
    assert User.objects.filter(pk=root.pk).exists()


def test_a_large_file_writes_at_most_a_hundred_rows_at_a_time() -> None:
    members = "".join(
        f'[[tenant.member]]\nusername = "u{number}"\nrole = "viewer"\npassword_env = "ANA_PASSWORD"\n'
        for number in range(40)
    )
    begun: list[int] = []
    rows: list[int] = []

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith("UPDATE tenants_board"):
            begun.append(1)
            rows.append(0)
        elif sql.startswith(("INSERT", "UPDATE", "DELETE")) and rows:
            rows[-1] += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        provision('[[tenant]]\nslug = "acme"\nname = "Acme"\n' + members)
    assert Membership.objects.count() == 40
    assert len(begun) > 2
    assert max(rows) <= 100


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "voicedash.toml"
    file.write_text(FILE)
    call_command("provision", str(file))
    assert "acme: ana is supervisor now" in capsys.readouterr().out
    call_command("provision", str(file))
    assert "Nothing to change." in capsys.readouterr().out


def test_the_command_names_file_line_and_key_of_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "voicedash.toml"
    file.write_text(FILE.replace("slug", "slugg"))
    with pytest.raises(CommandError, match=r"voicedash\.toml, line 3, slugg: unknown key; did you mean slug\?"):
        call_command("provision", str(file))
    with pytest.raises(CommandError, match=r"cannot read .*absent\.toml: No such file"):
        call_command("provision", str(tmp_path / "absent.toml"))


def test_no_secret_is_ever_printed() -> None:
    lines = provision(FILE)
    assert not [line for line in lines if "s3cret" in line or "has-a-long-one" in line]


def test_a_new_tenant_for_which_no_reason_is_named_gets_four_and_later_runs_leave_them() -> None:
    text = '[[tenant]]\nslug = "acme"\nname = "Acme Support"\n'
    provision(text)
    names = ["Card details", "Customer objects to recording", "Health details", "Other"]
    assert sorted(Reason.objects.values_list("name", flat=True)) == names
    assert Reason.objects.get(default=True).lease == 180
    Reason.objects.filter(name="Other").delete()
    assert provision(text) == []
    assert Reason.objects.count() == 3

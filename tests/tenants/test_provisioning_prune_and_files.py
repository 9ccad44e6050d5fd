"""`provision --prune` takes no more than it says, and secrets come out of files as people write them."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from tests.cast import Cast
from tests.tenants.conftest import sign_in, told
from voicedash.calls.models import Call, Command
from voicedash.tenants import provisioning, sealing
from voicedash.tenants.models import BandwidthAccount, Membership, Reason, Tenant, User
from voicedash.tenants.provisioning import ProvisioningError, provision

ACME = '[[tenant]]\nslug = "acme"\nname = "Acme Support"\ntime_zone = "America/New_York"\n'
ACCOUNT = '[[tenant.account]]\naccount_id = "9900001"\nclient_id = "CLI-9900001"\nrecords = "all"\n'
SECRET = 'secret = "secret-9900001"\n'


def snapshot(*leave_out: int) -> dict[str, list[Any]]:
    """What is outside of a tenant, and of those that are not its own."""
    kinds: list[Any] = [Membership, Reason, BandwidthAccount]
    rows = {kind.__name__: list(kind.objects.exclude(tenant__in=leave_out).values()) for kind in kinds}
    return rows | {"User": list(User.objects.order_by("pk").values())}


def test_everybody_goes_the_last_manager_too_and_the_users_stay(cast: Cast) -> None:
    """Who a file does not name is no member; nobody is out of voicedash by that, and admins keep their rights."""
    Membership.objects.create(tenant=cast.acme, user=cast.root, role="manager")
    User.objects.filter(pk=cast.mia.pk).update(is_staff=True)
    before = snapshot(cast.acme.pk)
    lines = provision(ACME + ACCOUNT + SECRET, prune=True)
    assert sorted(lines) == sorted(
        [f"acme: {name} is no longer a member" for name in ("ana", "vic", "mia", "root")]
        + ["acme: reason Card details removed", "acme: reason Customer objects to recording removed"]
    )
    assert snapshot(cast.acme.pk) == before
    assert User.objects.get(pk=cast.root.pk).is_superuser
    assert User.objects.get(pk=cast.mia.pk).is_staff
    mia, root = Client(), Client()
    assert sign_in(mia, "mia").status_code == sign_in(root, "root").status_code == 302
    assert mia.get("/admin/tenants/tenant/").status_code == 403  # a manager of nothing administers nothing
    assert root.get(f"/admin/tenants/tenant/{cast.acme.pk}/change/").status_code == 200


def test_admins_that_the_file_does_not_name_keep_their_rights(cast: Cast) -> None:
    User.objects.create_superuser("second", password="another-long-one")
    provision('[[admin]]\nusername = "root"\n', prune=True)
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 2


def test_a_reason_with_calls_goes_and_leaves_them(cast: Cast) -> None:
    now = timezone.now()
    call = Call.objects.create(tenant=cast.acme, account=cast.acme_account, call_id="c-1", added_at=now)
    command = Command.objects.create(
        call=call, wanted="paused", state="closed", asked_at=now, expires_at=now, version=1, reason=cast.card
    )
    text = ACME + ACCOUNT + SECRET + '[[tenant.reason]]\nname = "New"\ndefault = true\n'
    assert "acme: reason Card details removed" in provision(text, prune=True)
    command.refresh_from_db()
    assert command.reason is None
    assert [reason.name for reason in cast.acme.reasons.filter(default=True)] == ["New"]


def test_a_name_in_other_letters_is_the_same_person(cast: Cast) -> None:
    member = '[[tenant.member]]\nusername = "ANA"\nrole = "supervisor"\n'
    provision(ACME + ACCOUNT + SECRET + member, prune=True)
    assert list(cast.acme.memberships.values_list("user__username", flat=True)) == ["ana"]


def test_what_is_gone_by_the_time_it_is_pruned_is_not_told_as_removed(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = provisioning._prunings

    def overtaken(tenant: Tenant, plan: Any) -> Any:
        steps = planned(tenant, plan)
        cast.vic.memberships.all().delete()
        return steps

    monkeypatch.setattr(provisioning, "_prunings", overtaken)
    lines = provision(ACME + ACCOUNT + SECRET, prune=True)
    assert not [line for line in lines if "vic" in line]
    assert [verb for verb, _, _ in told(cast.acme)].count("member.removed") == 2


def test_a_fault_in_the_file_prunes_nothing(cast: Cast) -> None:
    before = snapshot()
    with pytest.raises(ProvisioningError):
        provision(ACME + '[[tenant.member]]\nusername = "ana"\nrole = "boss"\n', prune=True)
    assert snapshot() == before


def test_who_was_made_inactive_stays_so_and_the_file_is_told(cast: Cast) -> None:
    User.objects.filter(pk__in=[cast.ana.pk, cast.root.pk]).update(is_active=False)
    member = '[[tenant.member]]\nusername = "ana"\nrole = "supervisor"\n'
    lines = provision(ACME + member + '[[admin]]\nusername = "Root"\n')
    assert [line.split(":")[1].split(" is ")[0].strip() for line in lines] == ["ana", "root"]
    assert "is inactive and cannot sign in" in lines[0]
    assert not User.objects.filter(pk__in=[cast.ana.pk, cast.root.pk], is_active=True).exists()


def test_no_key_of_the_file_makes_a_tenant_admin(cast: Cast) -> None:
    for key in ("is_staff", "is_superuser", "staff"):
        text = ACME + f'[[tenant.member]]\nusername = "mia"\nrole = "manager"\n{key} = true\n'
        with pytest.raises(ProvisioningError, match=f"{key}: unknown key"):
            provision(text)
    provision(ACME + '[[tenant.member]]\nusername = "mia"\nrole = "manager"\n')
    assert not User.objects.get(pk=cast.mia.pk).is_staff


# --- Secrets in files ---


@pytest.mark.parametrize(
    "written",
    [b"hush-hush", b"hush-hush\n", b"hush-hush\r\n", b"\xef\xbb\xbfhush-hush\r\n", b"hush-hush\n\n"],
    ids=["bare", "a line", "as on Windows", "with a mark in front", "an empty line"],
)
def test_a_secret_in_a_file_is_what_a_person_reads_there(cast: Cast, tmp_path: Path, written: bytes) -> None:
    (tmp_path / "secret").write_bytes(written)
    provision(ACME + ACCOUNT + 'secret_file = "secret"\n', folder=tmp_path)
    cast.acme_account.refresh_from_db()
    assert sealing.open_secret(cast.acme_account) == "hush-hush"


def test_blanks_at_its_ends_belong_to_a_secret(cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" hush hush ")
    provision(ACME + ACCOUNT + 'secret_file = "secret"\n', folder=tmp_path)
    cast.acme_account.refresh_from_db()
    assert sealing.open_secret(cast.acme_account) == " hush hush "


def test_a_path_starts_from_the_files_folder_wherever_the_command_is_run(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc" / "secrets").mkdir(parents=True)
    (tmp_path / "etc" / "secrets" / "acme").write_text("beside-it")
    (tmp_path / "elsewhere" / "secrets").mkdir(parents=True)
    (tmp_path / "elsewhere" / "secrets" / "acme").write_text("beside-me")
    (tmp_path / "etc" / "tenants.toml").write_text(
        "\ufeff" + ACME + ACCOUNT + 'secret_file = "secrets/acme"\n', "utf-8"
    )
    monkeypatch.chdir(tmp_path / "elsewhere")
    call_command("provision", "../etc/tenants.toml")
    cast.acme_account.refresh_from_db()
    assert sealing.open_secret(cast.acme_account) == "beside-it"


def told_of(folder: Path, line: str) -> str:
    with pytest.raises(ProvisioningError) as caught:
        provision(ACME + ACCOUNT + line, folder=folder)
    [problem] = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('secret_file = "absent"', "line 9, secret_file: cannot read it in {folder} (No such file or directory)"),
        ('secret_file = "/absent/one"', "line 9, secret_file: cannot read /absent/one (No such file or directory)"),
        ('secret_file = "."', "line 9, secret_file: cannot read it in {folder} (Is a directory)"),
        ('secret_file = "a\\u0000b"', "line 9, secret_file: cannot read it in {folder} (not text)"),
        ('secret_file = "binary"', "line 9, secret_file: cannot read it in {folder} (not text)"),
        ('secret_file = "empty"', "line 9, secret_file: is empty"),
        ('secret_file = ""', "line 9, secret_file: cannot read it in {folder} (Is a directory)"),
        ('secret_env = "NO_SUCH_NAME"', "line 9, secret_env: the environment has no NO_SUCH_NAME"),
    ],
)
def test_a_file_that_holds_no_secret_is_told_with_where_it_was_looked_for(
    cast: Cast, tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty").write_text("\n")
    assert told_of(tmp_path, line + "\n") == said.format(folder=tmp_path)


@pytest.mark.parametrize("key", ["secret_env", "secret_file"])
def test_a_secret_in_the_place_of_its_name_is_not_told_again(cast: Cast, tmp_path: Path, key: str) -> None:
    assert "hush" not in told_of(tmp_path, f'{key} = "hush-Hush-123"\n')


def test_a_file_that_may_not_be_read_is_told(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", forbidden)  # root, who often runs the tests, may read everything
    assert told_of(tmp_path, 'secret_file = "secret"\n').endswith("(Permission denied)")


def test_a_database_that_fails_half_way_is_not_told_as_if_nothing_had_happened(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("lock timeout")

    monkeypatch.setattr(provisioning, "_set_up_admin", fail)
    file = tmp_path / "tenants.toml"
    file.write_text(ACME.replace("Acme Support", "Acme Care") + '[[admin]]\nusername = "root"\n')
    with pytest.raises(CommandError) as caught:
        call_command("provision", str(file))
    assert "Nothing was changed" not in str(caught.value)
    assert "run this again for the rest" in str(caught.value)
    assert Tenant.objects.get(slug="acme").name == "Acme Care"

"""Who takes a username first gains nothing by it: not from a provisioning file, and not from a form sent together."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError, call_command
from django.test import Client

from tests.tenants.conftest import sign_in, told
from tests.tenants.test_tenant_admins_people import NEW, USERS, added
from tests.tenants.two_tenants import Two, everything
from voicedash.audit import log
from voicedash.tenants import provisioning
from voicedash.tenants.admin import people, rows
from voicedash.tenants.models import Membership, User
from voicedash.tenants.provisioning import ProvisioningError, provision

OWN = "operators-own-pass-1"
ADMIN = '[[admin]]\nusername = "ops"\n'
ZETA = '[[tenant]]\nslug = "zeta"\nname = "Zeta Corp"\n'
MEMBER = '[[tenant.member]]\nusername = "ops"\nrole = "manager"\n'
PASSWORD = f'password = "{OWN}"\n'


@pytest.fixture
def ops(two: Two, tia: Client) -> Client:
    """Who is signed in as ops: Tia, who has added them to Acme with a password that she knows."""
    tia.post(f"{USERS}add/", added(two, username="ops"))
    seat = Client()
    assert sign_in(seat, "ops", NEW).status_code == 302
    return seat


def refused(text: str, **options: Any) -> list[str]:
    before = everything()
    with pytest.raises(ProvisioningError) as caught:
        provision(text, **options)
    assert everything() == before
    return caught.value.problems


def test_nobody_who_exists_becomes_superuser_by_a_file(two: Two, ops: Client) -> None:
    [problem] = refused(ZETA + ADMIN + PASSWORD)
    assert problem.startswith("line 5, username: ops exists and would become a superuser")
    assert "--adopt ops" in problem
    assert ops.get("/admin/").status_code == 403


def test_nobody_who_exists_joins_a_tenant_by_a_file(two: Two, ops: Client) -> None:
    for text in (ZETA, ZETA.replace("zeta", "new")):
        [problem] = refused(text.replace("Corp", "Inc") + MEMBER + PASSWORD)
        assert problem.startswith("line 5, username: ops exists and would become a member of")
    assert ops.get("/t/zeta/").status_code == 404


def test_other_letters_are_the_same_person(two: Two, ops: Client) -> None:
    [problem] = refused(ADMIN.replace("ops", "OPS") + PASSWORD)
    assert "--adopt OPS" in problem


def test_every_one_of_them_is_told_at_once(two: Two, ops: Client) -> None:
    problems = refused(ZETA + MEMBER + ADMIN + '[[admin]]\nusername = "ana"\n', adopt=["opps"])
    assert [problem.partition(":")[0] for problem in problems] == [
        "--adopt",
        "line 5, username",
        "line 8, username",
        "line 10, username",
    ]
    assert problems[0] == "--adopt: the file names no opps"


@pytest.mark.parametrize("text", [ADMIN + PASSWORD, ZETA + MEMBER + PASSWORD], ids=["admin", "member"])
def test_who_is_adopted_gets_the_files_password_and_is_signed_out(two: Two, ops: Client, text: str) -> None:
    lines = provision(text, adopt=["Ops"])
    assert "ops adopted, with the password of the file: signed out everywhere" in lines[0]
    assert ops.get("/t/acme/").status_code == 302
    assert sign_in(Client(), "ops", NEW).status_code == 200
    seat = Client()
    assert sign_in(seat, "ops", OWN).status_code == 302
    assert seat.get("/admin/" if "admin" in text else "/t/zeta/").status_code == 200
    assert "password" in told(log.SIGN_INS)[-3][2]["fields"]  # before the two who tried to sign in

    before = everything()
    assert provision(text) == provision(text, adopt=["ops"]) == []  # adopted once: it is so now
    assert everything() == before


def test_who_is_adopted_without_a_password_keeps_theirs(two: Two, ops: Client) -> None:
    lines = provision(ZETA + MEMBER, adopt=["ops"])
    assert lines == ["zeta: user ops adopted, with the password they have", "zeta: ops is manager now"]
    assert ops.get("/t/zeta/").status_code == 200


def test_one_adoption_is_for_all_that_the_file_says(two: Two, ops: Client) -> None:
    globex = ZETA.replace("zeta", "globex").replace("Zeta Corp", two.cast.globex.name)
    lines = provision(ZETA + MEMBER + PASSWORD + globex + MEMBER + ADMIN, adopt=["ops"])
    assert len([line for line in lines if "adopted" in line]) == 1
    user = User.objects.get(username="ops")
    assert (user.memberships.count(), user.is_superuser) == (3, True)
    assert sign_in(Client(), "ops", OWN).status_code == 302


def test_a_password_for_who_is_adopted_is_judged_like_any_other(two: Two, ops: Client) -> None:
    [problem] = refused(ADMIN + 'password = "short"\n', adopt=["ops"])
    assert problem.startswith("line 3, password:")


def test_who_is_new_in_several_places_of_a_file_needs_no_adopting(two: Two) -> None:
    globex = ZETA.replace("zeta", "globex").replace("Zeta Corp", two.cast.globex.name)
    provision(ZETA + MEMBER + PASSWORD + globex + MEMBER + ADMIN)
    user = User.objects.get(username="ops")
    assert (user.memberships.count(), user.is_superuser) == (2, True)


def test_who_has_it_all_already_needs_no_adopting(two: Two) -> None:
    """A member whose role the file changes, and a superuser: nobody but a superuser sets their password."""
    acme = '[[tenant]]\nslug = "acme"\nname = "Acme Support"\ntime_zone = "America/New_York"\n'
    root = MEMBER.replace("ops", "root")
    provision(acme + MEMBER.replace("ops", "vic") + ZETA + root + ADMIN.replace("ops", "root"))
    assert two.cast.vic.memberships.get().role == "manager"
    assert two.zeta.memberships.filter(user=two.cast.root).exists()


@pytest.mark.parametrize("text", [ADMIN + PASSWORD, ZETA + MEMBER + PASSWORD], ids=["admin", "member"])
def test_a_name_taken_while_the_file_is_applied_is_left_out(
    two: Two, tia: Client, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Passwords are hashed after the file was judged: seconds, where it names many."""

    def overtaken(password: str) -> str:
        tia.post(f"{USERS}add/", added(two, username="ops"))
        return make_password(password)

    monkeypatch.setattr("voicedash.tenants.provisioning.make_password", overtaken)
    [line] = provision(text)
    assert "ops left out" in line
    user = User.objects.get(username="ops")
    assert not user.is_superuser
    assert [member.tenant for member in user.memberships.all()] == [two.cast.acme]


def test_a_password_set_between_two_tenants_of_a_file_is_seen(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is new in one tenant can be given another password there before the file makes them admin."""
    promote = provisioning._set_up_admin

    def overtaken(*args: Any) -> list[str]:
        User.objects.filter(username="ops").update(password="one that Tia knows")
        return promote(*args)

    monkeypatch.setattr(provisioning, "_set_up_admin", overtaken)
    assert "admin ops left out" in provision(ZETA + MEMBER + PASSWORD + ADMIN)[-1]
    assert not User.objects.get(username="ops").is_superuser


def test_the_command_adopts_whom_it_is_told(two: Two, ops: Client, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "tenants.toml"
    file.write_text(ADMIN + PASSWORD + '[[admin]]\nusername = "ana"\n')
    with pytest.raises(CommandError, match=r"Nothing was changed:\n  tenants\.toml, line 5, username: ana exists"):
        call_command("provision", str(file), "--adopt", "ops")
    call_command("provision", str(file), "--adopt", "ops", "--adopt", "ana")
    out = capsys.readouterr().out
    assert "admin ops adopted, with the password of the file" in out
    assert "admin ana adopted, with the password they have" in out
    assert OWN not in out


def test_who_raises_somebody_by_hand_is_told_of_the_password(two: Two, browser: Callable[[User], Client]) -> None:
    page = browser(two.cast.root).get(f"{USERS}{two.cast.ana.pk}/change/").content.decode()
    assert page.count("Set a new password first") == 2  # staff, superuser


def test_of_two_who_add_the_same_name_together_one_is_told_so(
    two: Two, browser: Callable[[User], Client], threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both names are judged before either is saved; on SQLite the second is judged after, and told the same."""
    both = threading.Barrier(2)

    def together(*args: Any) -> Any:
        try:
            both.wait(timeout=0.5)
        except threading.BrokenBarrierError:
            pass  # SQLite lets one in at a time, and who is judged a second time comes alone
        return rows.stamp(*args)

    monkeypatch.setattr(people, "stamp", together)
    seats = [browser(two.tia), browser(two.tia)]
    names = ["zoe", "Zoe"]
    sent = [
        threads.submit(seat.post, f"{USERS}add/", added(two, username=name))
        for seat, name in zip(seats, names, strict=True)
    ]
    answers = sorted((one.result(timeout=20) for one in sent), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 302]
    assert "already" in answers[0].content.decode()
    assert Membership.objects.filter(user__username__iexact="zoe").count() == 1
    assert [verb for verb, _, _ in told(two.cast.acme)].count("member.added") == 1

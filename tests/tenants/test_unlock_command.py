"""`manage.py unlock`: the way back in when the only superuser is locked out."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.cast import Cast
from tests.tenants.conftest import sign_in, told
from voicedash.audit import log
from voicedash.tenants import signing_in
from voicedash.tenants.models import User


def lock(user: User) -> None:
    for _ in range(10):
        signing_in.fail(user)
    assert not signing_in.may_try(user)


def test_who_is_locked_out_can_sign_in_again(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    lock(cast.root)
    assert sign_in(Client(), "root").status_code == 200
    call_command("unlock", "ROOT")
    assert capsys.readouterr().out == "Root (root) can sign in again.\n"
    assert told(log.SIGN_INS)[-1] == ("user.unlocked", None, {"user": cast.root.pk})
    assert sign_in(Client(), "root").status_code == 302


def test_failures_short_of_a_lock_are_forgotten_too(cast: Cast) -> None:
    for _ in range(9):
        signing_in.fail(cast.ana)
    call_command("unlock", "ana")
    signing_in.fail(cast.ana)
    assert signing_in.may_try(cast.ana)


def test_who_is_not_locked_is_left_alone(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("unlock", "ana")
    assert "Ana Ruiz (ana) was not locked" in capsys.readouterr().out
    assert told(log.SIGN_INS) == []


def test_a_name_that_nobody_has_is_an_error(cast: Cast) -> None:
    with pytest.raises(CommandError, match="There is no user anna"):
        call_command("unlock", "anna")


def test_who_was_made_inactive_stays_out(cast: Cast) -> None:
    lock(cast.ana)
    User.objects.filter(pk=cast.ana.pk).update(is_active=False)
    with pytest.raises(CommandError, match="not locked but inactive"):
        call_command("unlock", "ana")
    assert sign_in(Client(), "ana").status_code == 200

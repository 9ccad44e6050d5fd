"""Users in Django admin: added, changed, locked out and let in again, with an entry for each."""

from typing import Any

from django.test import Client

from tests.cast import Cast
from tests.tenants.conftest import sign_in, told
from voicedash.audit import log
from voicedash.tenants import signing_in
from voicedash.tenants.models import User

NEW = "quite-a-long-password"


def added(**fields: Any) -> dict[str, Any]:
    return {
        "username": "zoe",
        "name": "Zoe Lind",
        "email": "",
        "usable_password": "true",
        "password1": NEW,
        "password2": NEW,
    } | fields


def test_a_user_is_added_and_can_sign_in(cast: Cast, root: Client) -> None:
    root.post("/admin/tenants/user/add/", added())
    zoe = User.objects.get(username="zoe")
    assert (zoe.name, zoe.is_staff, zoe.is_superuser) == ("Zoe Lind", False, False)
    assert told(log.SIGN_INS)[-1] == ("user.added", cast.root.pk, {"user": zoe.pk})
    assert sign_in(Client(), "zoe", NEW).status_code == 302


def test_a_name_that_differs_only_in_its_letters_is_refused(cast: Cast, root: Client) -> None:
    page = root.post("/admin/tenants/user/add/", added(username="ANA"))
    assert page.status_code == 200
    assert User.objects.filter(username__iexact="ana").count() == 1
    page = root.post(f"/admin/tenants/user/{cast.vic.pk}/change/", {"username": "Ana", "is_active": "on"})
    assert "There is a user of that name already." in page.content.decode()


def test_a_short_password_is_refused(cast: Cast, root: Client) -> None:
    root.post("/admin/tenants/user/add/", added(password1="elevenchars", password2="elevenchars"))
    assert not User.objects.filter(username="zoe").exists()


def test_a_changed_user_is_told_by_the_names_of_the_fields(cast: Cast, root: Client) -> None:
    address = f"/admin/tenants/user/{cast.ana.pk}/change/"
    root.post(address, {"username": "ana", "name": "Ana R.", "email": "a@b.example"})  # is_active is unticked
    cast.ana.refresh_from_db()
    assert (cast.ana.name, cast.ana.is_active) == ("Ana R.", False)
    fields = ["email", "is_active", "name"]
    assert told(log.SIGN_INS)[-1] == ("user.changed", cast.root.pk, {"user": cast.ana.pk, "fields": fields})


def test_saving_a_user_does_not_undo_a_lock_that_fell_meanwhile(cast: Cast, root: Client) -> None:
    for _ in range(10):
        signing_in.fail(cast.ana)
    root.post(f"/admin/tenants/user/{cast.ana.pk}/change/", {"username": "ana", "name": "A", "is_active": "on"})
    assert not signing_in.may_try(cast.ana)


def test_the_list_shows_failures_and_finds_who_is_locked(cast: Cast, root: Client) -> None:
    for _ in range(10):
        signing_in.fail(cast.ana)
    page = root.get("/admin/tenants/user/?locked=yes").content.decode()
    assert "Ana Ruiz" in page
    assert "Mia Chen" not in page
    assert 'field-failed_sign_ins">10<' in page


def test_an_admin_sets_a_password_and_the_log_says_who(cast: Cast, root: Client) -> None:
    address = f"/admin/tenants/user/{cast.ana.pk}/password/"
    assert root.get(address).status_code == 200
    answer = root.post(
        address, {"password1": NEW, "password2": NEW, "usable_password": "true", "set-password": "1"}, follow=True
    )
    assert "Password changed successfully." in answer.content.decode()
    entry = ("user.changed", cast.root.pk, {"user": cast.ana.pk, "fields": ["password"]})
    assert told(log.SIGN_INS)[-1] == entry
    assert sign_in(Client(), "ana", NEW).status_code == 302


def test_nobody_is_deleted_for_the_log_names_them_by_key(cast: Cast, root: Client) -> None:
    assert root.get(f"/admin/tenants/user/{cast.ana.pk}/delete/").status_code == 403
    assert root.post(f"/admin/tenants/user/{cast.ana.pk}/delete/", {"post": "yes"}).status_code == 403


def test_no_password_hash_stands_on_a_page(cast: Cast, root: Client) -> None:
    cast.ana.refresh_from_db()
    for address in ("/admin/tenants/user/", f"/admin/tenants/user/{cast.ana.pk}/change/"):
        page = root.get(address)
        assert page.status_code == 200
        assert cast.ana.password not in page.content.decode()
        assert "None None" not in page.content.decode()


def test_tables_of_others_are_not_offered(cast: Cast, root: Client) -> None:
    for model in ("auth/group", "account/emailaddress", "mfa/authenticator"):
        assert root.get(f"/admin/{model}/").status_code == 404

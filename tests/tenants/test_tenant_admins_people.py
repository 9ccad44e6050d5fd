"""A tenant admin and people: they answer for those of their tenants alone, and raise nobody, themselves included."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client

from tests.cast import PASSWORD
from tests.tenants.conftest import sign_in, told
from tests.tenants.two_tenants import Two, everything
from voicedash.audit import log
from voicedash.tenants import administering, changes, signing_in
from voicedash.tenants.admin.people import UserAdmin
from voicedash.tenants.models import Membership, User

NEW = "quite-a-long-password"
USERS = "/admin/tenants/user/"


def added(two: Two, **fields: Any) -> dict[str, Any]:
    return {
        "username": "zoe",
        "name": "Zoe Lind",
        "email": "",
        "usable_password": "true",
        "password1": NEW,
        "password2": NEW,
        "tenant": two.cast.acme.pk,
        "role": "supervisor",
    } | fields


def form_of(user: User, **fields: Any) -> dict[str, Any]:
    return {"username": user.username, "name": user.name, "email": user.email, "is_active": "on"} | fields


def page_of(user: User, page: str = "change") -> str:
    return f"{USERS}{user.pk}/{page}/"


def new_password(client: Client, user: User) -> Any:
    form = {"password1": NEW, "password2": NEW, "usable_password": "true", "set-password": "1"}
    return client.post(page_of(user, "password"), form)


def test_a_person_is_added_with_a_membership_in_one_go(two: Two, tia: Client) -> None:
    tia.post(f"{USERS}add/", added(two))
    zoe = User.objects.get(username="zoe")
    member = zoe.memberships.get()
    assert (member.tenant, member.role) == (two.cast.acme, "supervisor")
    assert told(two.cast.acme)[-1] == (
        "member.added",
        two.tia.pk,
        {"id": member.pk, "user": zoe.pk, "role": "supervisor"},
    )
    assert told(log.SIGN_INS)[-1] == ("user.added", two.tia.pk, {"user": zoe.pk})
    seat = Client()
    assert sign_in(seat, "zoe", NEW).status_code == 302
    assert seat.get("/t/acme/").status_code == 200
    assert seat.get("/admin/").status_code == 403


def test_the_only_tenant_is_chosen_already_and_no_other_can_be(two: Two, tia: Client) -> None:
    page = tia.get(f"{USERS}add/").content.decode()
    assert f'<option value="{two.cast.acme.pk}"' in page
    assert page.count("<option") == 1 + 4  # and the roles
    answer = tia.post(f"{USERS}add/", added(two, tenant=two.zeta.pk))
    assert "Select a valid choice." in answer.content.decode()
    assert not User.objects.filter(username="zoe").exists()


def test_a_person_cannot_be_added_without_a_membership(two: Two, tia: Client) -> None:
    for left_out in ("tenant", "role"):
        form = {name: value for name, value in added(two).items() if name != left_out}
        assert "This field is required." in tia.post(f"{USERS}add/", form).content.decode()
    assert not User.objects.filter(username="zoe").exists()


@pytest.mark.parametrize("username", ["omar", "ZOLTAN", "root"])
def test_a_name_that_is_taken_elsewhere_is_refused_and_says_no_more(two: Two, tia: Client, username: str) -> None:
    before = everything()
    page = tia.post(f"{USERS}add/", added(two, username=username)).content.decode()
    assert "already" in page
    assert "Haddad" not in page and "Zeta" not in page
    assert everything() == before


def test_rights_cannot_be_given_by_a_forged_form(two: Two, tia: Client) -> None:
    forged = {"is_staff": "on", "is_superuser": "on", "groups": "1", "user_permissions": "1", "failed_sign_ins": "3"}
    tia.post(f"{USERS}add/", added(two) | forged)
    tia.post(page_of(two.cast.ana), form_of(two.cast.ana, name="Ana R.") | forged)
    assert User.objects.get(username="ana").name == "Ana R."
    for username in ("zoe", "ana"):
        user = User.objects.get(username=username)
        assert (user.is_staff, user.is_superuser, user.failed_sign_ins) == (False, False, 0)
        assert not user.user_permissions.exists()
    assert told(log.SIGN_INS)[-1][2]["fields"] == ["name"]


def test_the_forms_do_not_offer_rights(two: Two, tia: Client) -> None:
    for where in (f"{USERS}add/", page_of(two.cast.ana)):
        page = tia.get(where).content.decode()
        for name in ("is_staff", "is_superuser", "groups", "user_permissions"):
            assert f'name="{name}"' not in page


def test_a_person_of_hers_is_changed_deactivated_and_given_a_new_password(two: Two, tia: Client) -> None:
    seat = Client()
    assert sign_in(seat, "ana").status_code == 302
    assert new_password(tia, two.cast.ana).status_code == 302
    assert seat.get("/t/acme/").status_code == 302  # the old password's session has ended
    assert sign_in(Client(), "ana", NEW).status_code == 302
    assert told(log.SIGN_INS)[-2] == ("user.changed", two.tia.pk, {"user": two.cast.ana.pk, "fields": ["password"]})
    form = form_of(two.cast.ana)
    del form["is_active"]
    tia.post(page_of(two.cast.ana), form)
    assert not User.objects.get(username="ana").is_active
    assert told(log.SIGN_INS)[-1] == ("user.changed", two.tia.pk, {"user": two.cast.ana.pk, "fields": ["is_active"]})


@pytest.mark.parametrize("who", ["sam", "tia", "root", "staff"])
def test_whom_she_does_not_answer_for_is_shown_by_name_only(two: Two, tia: Client, who: str) -> None:
    """Somebody who is also elsewhere, herself, a superuser, another tenant admin: each a member of Acme."""
    user = {"sam": two.sam, "tia": two.tia, "root": two.cast.root, "staff": two.cast.mia}[who]
    if who == "root":
        Membership.objects.create(tenant=two.cast.acme, user=user, role="viewer")
    if who == "staff":
        User.objects.filter(pk=user.pk).update(is_staff=True)
    for _ in range(10):
        signing_in.fail(user)
    User.objects.filter(pk=user.pk).update(email="hidden@zeta.example")
    before = everything()
    page = tia.get(page_of(user)).content.decode()
    assert user.name in page
    assert "Only a superuser changes this person" in page
    assert '<input type="submit"' not in page.partition('id="logout-form"')[2].partition("submit-row")[2]
    listed = tia.get(USERS).content.decode()
    for text in (page, listed):
        assert "hidden@" not in text
        assert "sha256" not in text and "md5" not in text
    assert tia.post(page_of(user), form_of(user, name="Mine now")).status_code == 403
    assert tia.get(page_of(user, "password")).status_code == 403
    assert new_password(tia, user).status_code == 403
    tia.post(USERS, {"action": "unlock", "_selected_action": [user.pk]})
    assert everything() == before
    assert user.username not in tia.get(USERS, {"locked": "yes"}).content.decode().partition('id="result_list"')[2]


def test_whoever_becomes_a_member_elsewhere_is_no_longer_hers(two: Two, tia: Client) -> None:
    assert tia.get(page_of(two.cast.ana, "password")).status_code == 200
    Membership.objects.create(tenant=two.zeta, user=two.cast.ana, role="viewer")
    before = everything()
    assert new_password(tia, two.cast.ana).status_code == 403
    assert everything() == before


def test_who_became_a_member_elsewhere_after_she_was_let_in_is_not_changed(
    two: Two, tia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judgement is repeated in the transaction that writes, behind the lock of the person's row."""
    monkeypatch.setattr(UserAdmin, "has_change_permission", lambda *_, **__: True)
    before = everything()
    for answer in (
        tia.post(page_of(two.sam), form_of(two.sam, name="Mine now", email="")),
        new_password(tia, two.sam),
    ):
        assert answer.status_code == 403
    assert everything() == before


def test_nobody_becomes_a_member_elsewhere_while_she_changes_them(
    two: Two, tia: Client, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged and written in one: the membership that would take Ana out of her hands waits for its row."""
    tell, joining = changes.tell_of_user, []

    def told_last(*args: Any, **kwargs: Any) -> None:
        joins = threads.submit(Membership.objects.create, tenant=two.zeta, user=two.cast.ana, role="viewer")
        joining.append(joins)
        with pytest.raises(TimeoutError):
            joins.result(timeout=0.3)
        tell(*args, **kwargs)

    monkeypatch.setattr(changes, "tell_of_user", told_last)
    assert new_password(tia, two.cast.ana).status_code == 302
    assert joining[0].result(timeout=5).pk
    assert new_password(tia, two.cast.ana).status_code == 403


def test_an_account_of_hers_is_unlocked(two: Two, tia: Client) -> None:
    for _ in range(10):
        signing_in.fail(two.cast.ana)
    assert not signing_in.may_try(two.cast.ana)
    assert "Ana Ruiz" in tia.get(USERS, {"locked": "yes"}).content.decode()
    chosen = {"action": "unlock", "_selected_action": [two.cast.ana.pk, two.sam.pk, two.zoltan.pk]}
    page = tia.post(USERS, chosen, follow=True).content.decode()
    assert "Ana Ruiz can sign in again." in page
    assert "Sam Shared was left as it was" in page
    assert "Zoltan" not in page
    assert signing_in.may_try(two.cast.ana)
    assert told(log.SIGN_INS)[-1] == ("user.unlocked", two.tia.pk, {"user": two.cast.ana.pk})


def test_nobody_is_deleted(two: Two, tia: Client) -> None:
    assert tia.post(page_of(two.cast.ana, "delete"), {"post": "yes"}).status_code == 403
    tia.post(USERS, {"action": "delete_selected", "_selected_action": [two.cast.ana.pk], "post": "yes"})
    assert User.objects.filter(pk=two.cast.ana.pk).exists()


def test_the_list_holds_her_people_with_their_roles_there(two: Two, tia: Client) -> None:
    page = tia.get(USERS).content.decode()
    rows = page.partition('id="result_list"')[2]
    for username in ("ana", "vic", "mia", "tia", "sam"):
        assert f">{username}</a>" in rows
    assert "Supervisor at Acme Support" in rows
    assert "root" not in rows and "omar" not in rows
    assert "Also elsewhere" in rows and "An admin" in rows
    assert "1 result (" in (found := tia.get(USERS, {"q": "ana"}).content.decode()) and "5 total" in found


def test_an_address_that_is_not_shown_is_not_searched(two: Two, tia: Client) -> None:
    assert ">sam</a>" in tia.get(USERS, {"q": "sam"}).content.decode()
    assert "0 users" in tia.get(USERS, {"q": "zeta.example"}).content.decode()


def test_only_an_active_manager_of_the_staff_administers(two: Two) -> None:
    acme = frozenset({two.cast.acme.pk})
    assert administering.tenants_of(two.tia.pk) == acme
    assert administering.tenants_of(two.cast.mia.pk) == administering.tenants_of(None) == frozenset()
    for change in ({"is_active": False}, {"is_active": True, "is_staff": False}):
        User.objects.filter(pk=two.tia.pk).update(**change)
        assert administering.tenants_of(two.tia.pk) == frozenset()


def test_the_list_asks_no_more_with_more_people(two: Two, tia: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        user = User.objects.create(username=f"u{number}")
        Membership.objects.create(tenant=two.cast.acme, user=user)
    with django_assert_max_num_queries(14):
        assert tia.get(USERS).status_code == 200


def test_an_admin_of_two_tenants_answers_for_who_is_in_both(two: Two, tia: Client) -> None:
    Membership.objects.create(tenant=two.zeta, user=two.tia, role="manager")
    assert administering.is_ward(two.sam, administering.tenants_of(two.tia.pk))
    assert new_password(tia, two.sam).status_code == 302
    page = tia.get(f"{USERS}add/").content.decode()
    assert "Zeta Corp" in page and "Globex" not in page
    tia.post(f"{USERS}add/", added(two, tenant=two.zeta.pk))
    assert User.objects.get(username="zoe").memberships.get().tenant == two.zeta


def test_a_manager_made_staff_by_a_superuser_administers_what_they_manage(
    two: Two, root: Client, browser: Callable[[User], Client]
) -> None:
    assert browser(two.cast.mia).get("/admin/").status_code == 403
    page = root.get(page_of(two.cast.mia)).content.decode()
    assert "Makes a manager a tenant admin" in page
    root.post(page_of(two.cast.mia), form_of(two.cast.mia, is_staff="on"))
    mia = browser(two.cast.mia)
    assert mia.get(page_of(two.cast.ana)).status_code == 200
    assert mia.get(page_of(two.cast.omar)).status_code == 302


def test_her_own_password_is_changed_where_everybody_changes_theirs(two: Two, tia: Client) -> None:
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert tia.post("/accounts/password/change/", form).status_code == 302
    assert sign_in(Client(), "tia", NEW).status_code == 302

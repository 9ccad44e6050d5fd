"""A tenant admin at every address of Django admin, with another tenant's rows: nothing is seen, nothing changes."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client

from tests.tenants.two_tenants import FIRST, Two, address, everything, silent
from voicedash.audit.models import Entry
from voicedash.tenants.admin.scope import Scoped
from voicedash.tenants.models import Board, Line, Membership, Reason, Tenant, User

MODELS = list(admin.site._registry)
ROW_PAGES = ["change", "delete", "history"]
POPUP = {"_popup": "1", "_to_field": "id"}
# Whatever a form of admin may hold; ids and parents are Zeta's.
FORGED = {
    "post": "yes",
    "_continue": "1",
    "tenant": FIRST,
    "user": FIRST,
    "call": FIRST,
    "role": "manager",
    "username": "forged",
    "name": "forged",
    "slug": "forged",
    "time_zone": "UTC",
    "keep_numbers_days": "7",
    "keep_calls_days": "7",
    "is_active": "on",
    "is_staff": "on",
    "is_superuser": "on",
    "password1": "quite-a-long-password",
    "password2": "quite-a-long-password",
    "usable_password": "true",
    "set-password": "1",
    "account_id": "9922222",
    "auth": "oauth2",
    "client_id": "forged",
    "secret": "forged",
    "records": "all",
    "prolong": "3",
    "default": "on",
    "address": "+19195550199",
    "team": "forged",
    "create": "1",
    "remove": FIRST,
}
INLINES: dict[str, Any] = {}
for prefix in ("memberships", "reasons", "attempts"):
    INLINES |= {f"{prefix}-TOTAL_FORMS": 1, f"{prefix}-INITIAL_FORMS": 1, f"{prefix}-0-DELETE": "on"}
    INLINES |= {f"{prefix}-0-{name}": value for name, value in FORGED.items()} | {f"{prefix}-0-id": FIRST}


def refused(answer: Any) -> None:
    assert answer.status_code in {302, 400, 403, 404}, (answer.wsgi_request.path, answer.status_code)
    silent(answer, said=str(FIRST))


def test_every_admin_class_says_what_a_tenant_admin_may_or_hides() -> None:
    hidden = {Entry}
    assert {model for model, listed in admin.site._registry.items() if not isinstance(listed, Scoped)} == hidden
    for listed in admin.site._registry.values():
        assert all(issubclass(inline, Scoped) for inline in listed.inlines)


def test_a_class_without_a_scope_hides(two: Two, tia: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgotten(Scoped, admin.ModelAdmin):  # type: ignore[type-arg]
        pass

    assert "Reasons" in tia.get("/admin/").content.decode()
    registry: dict[Any, Any] = admin.site._registry
    monkeypatch.setitem(registry, Reason, Forgotten(Reason, admin.site))
    assert "reason" not in tia.get("/admin/").content.decode().lower().partition("recent actions")[0]
    listed = registry[Reason]
    request = tia.get("/admin/").wsgi_request
    for may in ("view", "add", "change", "delete", "module"):
        assert not getattr(listed, f"has_{may}_permission")(request)
    assert not listed.get_queryset(request).exists()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_another_tenants_row_is_as_good_as_missing(two: Two, tia: Client, model: type[Model]) -> None:
    if model is Entry:
        assert tia.get(address(Entry, "changelist")).status_code == 403
        return
    before = everything()
    for page in ROW_PAGES:
        where, nowhere = address(model, page, FIRST), address(model, page, 999999)
        for query in ({}, POPUP):
            there, missing = tia.get(where, query), tia.get(nowhere, query)
            refused(there)
            assert there.status_code == missing.status_code
            refused(tia.post(f"{where}?", FORGED | INLINES | query))
            # "Save as new" makes any change a new row: here one that its form refuses, for the tenant is Zeta's.
            silent(tia.post(where, FORGED | INLINES | query | {"_saveasnew": "1"}), said=str(FIRST))
    assert tia.get(f"{address(model, 'changelist')}{FIRST}/", follow=True).redirect_chain[-1][0] in {
        "/admin/",
        address(model, "change", FIRST),
    }
    assert everything() == before


def test_another_persons_password_page_is_missing(two: Two, tia: Client) -> None:
    before = everything()
    for user in (two.zoltan, two.gilda, two.cast.omar):
        where = f"/admin/tenants/user/{user.pk}/password/"
        assert tia.get(where).status_code == tia.post(where, FORGED).status_code == 404
    assert everything() == before


def lists() -> Iterator[tuple[type[Model], dict[str, Any]]]:
    for model in MODELS:
        if model is Entry:
            continue
        for query in (
            {},
            {"q": "e"},
            {"q": "zeta"},
            {"all": ""},
            {"_facets": "True"},
            {"_popup": "1"},
            {"o": "2.-1"},
            {"locked": "yes"},
            {"active": "yes"},
            {"p": "2"},
        ):
            yield model, query


@pytest.mark.parametrize(
    ("model", "query"), list(lists()), ids=lambda value: getattr(value, "__name__", None) or "&".join(value)
)
def test_lists_filters_and_searches_name_nobody_else(
    two: Two, tia: Client, model: type[Model], query: dict[str, Any]
) -> None:
    answer = tia.get(address(model, "changelist"), query)
    foreign = model is not User and query.keys() & {"locked", "active"}  # filters that this list does not have
    assert answer.status_code in ({400} if foreign else {200, 302})
    silent(answer, said="zeta" if query.get("q") else "")
    if not query:
        assert str(two.ours[model].pk) in answer.content.decode()


@pytest.mark.parametrize("model", [m for m in MODELS if m is not Entry], ids=lambda model: model.__name__)
def test_pages_of_ones_own_rows_name_nobody_else(two: Two, tia: Client, model: type[Model]) -> None:
    for page in ROW_PAGES:
        answer = tia.get(address(model, page, two.ours[model].pk))
        assert answer.status_code == (403 if page == "delete" and model not in {Membership, Reason, Line} else 200), (
            page
        )
        silent(answer)
    answer = tia.get(address(model, "add"))
    silent(answer)
    # Whoever prefills a form by the address gets no more to choose from.
    silent(
        tia.get(address(model, "add"), {"tenant": str(FIRST), "user": str(FIRST), "name": "x"}), said=f'value="{FIRST}"'
    )


@pytest.mark.parametrize("model", [m for m in MODELS if m is not Entry], ids=lambda model: model.__name__)
def test_actions_on_another_tenants_rows_do_nothing(two: Two, tia: Client, model: type[Model]) -> None:
    before = everything()
    where = address(model, "changelist")
    for action in ("delete_selected", "unlock", "check_sign_in", "nothing"):
        chosen = {"action": action, "_selected_action": [FIRST]}
        for more in ({}, {"post": "yes"}, {"index": "0"}):
            answer = tia.post(where, chosen | more, follow=True)
            silent(answer, said=str(FIRST))
    assert everything() == before


def test_select_across_reaches_no_further_than_the_list(two: Two, tia: Client) -> None:
    chosen = {
        "action": "delete_selected",
        "_selected_action": [two.cast.card.pk],
        "select_across": "1",
        "post": "yes",
    }
    page = tia.post(address(Reason, "changelist"), {k: v for k, v in chosen.items() if k != "post"})
    assert "Card details" in page.content.decode()
    silent(page)
    tia.post(address(Reason, "changelist"), chosen)
    assert list(Reason.objects.values_list("tenant", flat=True)) == [FIRST]


def test_the_first_page_lists_ones_own_doings_but_for_rows_out_of_sight(two: Two, tia: Client) -> None:
    tia.post(f"/admin/tenants/reason/{two.cast.card.pk}/change/", {"name": "Cards", "prolong": 2, "lease": 60})
    page = tia.get("/admin/")
    assert "Cards" in page.content.decode().partition("Recent actions")[2]
    silent(page)
    for app in ("tenants", "calls"):
        silent(tia.get(f"/admin/{app}/"))
    assert tia.get("/admin/audit/").status_code == 404
    assert Board.objects.get(tenant=two.zeta).version == 1


def test_the_history_of_a_person_from_elsewhere_names_nobody_there(two: Two, tia: Client) -> None:
    silent(tia.get(address(User, "history", two.sam.pk)))
    Membership.objects.filter(user=two.zoltan).update(tenant=two.cast.acme)  # and now he is Acme's alone
    page = tia.get(address(User, "history", two.zoltan.pk)).content.decode()
    assert "Gilda" not in page


def test_a_superuser_sees_everybody(two: Two, root: Client) -> None:
    for model in MODELS:
        page = root.get(address(model, "changelist")).content.decode()
        assert model is Entry or f"/{FIRST}/change/" in page
    assert "Zeta" in root.get("/admin/tenants/membership/").content.decode()
    assert root.get("/admin/tenants/user/?email__startswith=s").status_code == 200


def test_who_loses_the_role_or_the_right_is_out_at_the_next_request(two: Two, tia: Client) -> None:
    where = address(Tenant, "change", two.cast.acme.pk)
    assert tia.get(where).status_code == 200
    role = Membership.objects.filter(user=two.tia)
    role.update(role="supervisor")
    assert tia.get(where).status_code == 403
    assert tia.post(where, FORGED).status_code == 403
    assert tia.get("/admin/tenants/user/").status_code == 403
    role.update(role="manager")
    assert tia.get(where).status_code == 200
    User.objects.filter(pk=two.tia.pk).update(is_staff=False)
    assert tia.get(where).status_code == tia.get("/admin/").status_code == 403
    User.objects.filter(pk=two.tia.pk).update(is_staff=True, is_active=False)
    assert tia.get(where).status_code == 302
    assert "/accounts/login/" in tia.get(where)["Location"]


def test_the_catch_of_names_would_catch_one(two: Two, root: Client) -> None:
    with pytest.raises(AssertionError):
        silent(root.get(address(Tenant, "changelist")))

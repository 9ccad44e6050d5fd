"""A tenant admin and what belongs to their tenant: name, members, reasons, Bandwidth accounts, calls."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import cast as people
from tests.tenants.conftest import told
from tests.tenants.test_admin_tenants import rows
from tests.tenants.two_tenants import FIRST, Two, everything
from voicedash.bandwidth.fake import Fake
from voicedash.tenants import administering, sealing
from voicedash.tenants.models import BandwidthAccount, Board, Membership, Reason, Tenant

TENANTS = "/admin/tenants/tenant/"
ACCOUNTS = "/admin/tenants/bandwidthaccount/"
REASONS = "/admin/tenants/reason/"
MEMBERS = "/admin/tenants/membership/"


def members(tenant: Tenant, **changed: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the tenant's members as its form holds them; `changed` by username."""
    return [
        {"id": member.pk, "tenant": tenant.pk, "role": member.role} | changed.get(member.user.username, {})
        for member in tenant.memberships.select_related("user").order_by("user")
    ]


def tenant_form(two: Two, listed: list[dict[str, Any]], reasons: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    form: dict[str, Any] = {"name": "Acme Support", "time_zone": "America/New_York"} | fields
    form |= rows("memberships", len([row for row in listed if row.get("id")]), *listed)
    return form | rows("reasons", len([row for row in reasons if row.get("id")]), *reasons)


def reason(row: Reason, **fields: Any) -> dict[str, Any]:
    told = {"id": row.pk, "tenant": row.tenant_id, "name": row.name, "lease": row.lease or "", "prolong": row.prolong}
    return told | ({"default": "on"} if row.default else {}) | fields


def test_name_zone_members_and_reasons_are_changed_in_one_go(two: Two, tia: Client) -> None:
    cast = two.cast
    listed = members(cast.acme, vic={"role": "supervisor"}, mia={"DELETE": "on"})
    reasons = [reason(cast.card, name="Cards"), reason(cast.objects, DELETE="on"), {"name": "Health", "prolong": 3}]
    before = Board.objects.get(tenant=cast.acme).version
    with CaptureQueriesContext(connection) as asked:
        answer = tia.post(
            f"{TENANTS}{cast.acme.pk}/change/", tenant_form(two, listed, reasons, name="Acme", time_zone="Europe/Oslo")
        )
    assert (answer.status_code, answer["Location"]) == (302, TENANTS)
    cast.acme.refresh_from_db()
    assert (cast.acme.name, cast.acme.time_zone) == ("Acme", "Europe/Oslo")
    assert Membership.objects.get(user=cast.vic).role == "supervisor"
    assert not Membership.objects.filter(user=cast.mia).exists()
    assert sorted(cast.acme.reasons.values_list("name", flat=True)) == ["Cards", "Health"]
    assert [verb for verb, actor, _ in told(cast.acme) if actor == two.tia.pk] == [
        "tenant.changed",
        "member.changed",
        "member.removed",
        "reason.added",
        "reason.changed",
        "reason.removed",
    ]
    writes = [q["sql"] for q in asked if q["sql"].lstrip().startswith(("INSERT", "UPDATE", "DELETE"))]
    assert "tenants_board" in writes[0]
    assert Board.objects.get(tenant=cast.acme).version == before + 1


def test_the_usual_reason_is_handed_over_whatever_else_happens_to_the_reasons(two: Two, tia: Client) -> None:
    card, objects = two.cast.card, two.cast.objects
    where = f"{TENANTS}{two.cast.acme.pk}/change/"
    # The one that loses it goes, and stands behind the one that gets it.
    form = tenant_form(two, members(two.cast.acme), [reason(objects, default="on"), reason(card, DELETE="on")])
    assert tia.post(where, form).status_code == 302
    assert list(two.cast.acme.reasons.filter(default=True)) == [objects]
    # Made the usual one since the form was opened: it loses it again, and the log says so.
    objects.refresh_from_db()
    form = tenant_form(two, members(two.cast.acme), [reason(objects, default="on")])
    Reason.objects.filter(pk=objects.pk).update(default=False)
    late = Reason.objects.create(tenant=two.cast.acme, name="Late", default=True)
    assert tia.post(where, form).status_code == 302
    assert list(two.cast.acme.reasons.filter(default=True)) == [objects]
    told_of = [(verb, data["id"]) for verb, _, data in told(two.cast.acme)]
    assert ("reason.changed", late.pk) in told_of
    # A form without reasons says nothing of which is the usual one.
    assert tia.post(where, tenant_form(two, members(two.cast.acme), [])).status_code == 302
    assert list(two.cast.acme.reasons.filter(default=True)) == [objects]


def test_the_short_name_and_how_long_numbers_are_kept_stay(two: Two, tia: Client) -> None:
    page = tia.get(f"{TENANTS}{two.cast.acme.pk}/change/").content.decode()
    assert not any(f'name="{fixed}"' in page for fixed in ("slug", "keep_numbers_days", "keep_calls_days"))
    reasons = [reason(two.cast.card), reason(two.cast.objects)]
    form = tenant_form(two, members(two.cast.acme), reasons, slug="stolen", keep_numbers_days=1, keep_calls_days=1)
    assert tia.post(f"{TENANTS}{two.cast.acme.pk}/change/", form | {"name": "New"}).status_code == 302
    two.cast.acme.refresh_from_db()
    assert (two.cast.acme.slug, two.cast.acme.name) == ("acme", "New")
    assert (two.cast.acme.keep_numbers_days, two.cast.acme.keep_calls_days) == (90, 400)


def test_tenants_are_neither_created_nor_deleted(two: Two, tia: Client) -> None:
    before = everything()
    acme = two.cast.acme.pk
    assert tia.get(f"{TENANTS}add/").status_code == tia.post(f"{TENANTS}add/", {"name": "New"}).status_code == 403
    assert tia.post(f"{TENANTS}{acme}/delete/", {"post": "yes"}).status_code == 403
    assert tia.post(f"{TENANTS}{acme}/change/", {"_saveasnew": "1", "name": "New", "slug": "new"}).status_code == 403
    tia.post(TENANTS, {"action": "delete_selected", "_selected_action": [acme], "post": "yes"})
    assert everything() == before


@pytest.mark.parametrize(
    "forged",
    [
        rows("memberships", 1, {"id": FIRST, "tenant": FIRST, "role": "manager"}) | rows("reasons", 0),
        rows("memberships", 1, {"id": FIRST, "tenant": FIRST, "role": "manager", "DELETE": "on"}) | rows("reasons", 0),
        rows("memberships", 0, {"user": FIRST, "role": "viewer"}) | rows("reasons", 0),
        rows("memberships", 0) | rows("reasons", 1, {"id": FIRST, "tenant": FIRST, "name": "Mine", "prolong": 3}),
        rows("memberships", 0) | rows("reasons", 1, {"id": FIRST, "name": "Zeta reason", "DELETE": "on"}),
        rows("memberships", 0) | rows("reasons", 0, {"tenant": FIRST, "name": "Mine", "prolong": 3}),
    ],
    ids=["role", "removed", "member", "reason", "no reason", "new reason"],
)
def test_rows_of_another_tenant_do_not_come_in_by_the_inline_forms(
    two: Two, tia: Client, forged: dict[str, Any]
) -> None:
    before = everything()
    form = {"name": "Acme Support", "time_zone": "America/New_York"} | forged
    answer = tia.post(f"{TENANTS}{two.cast.acme.pk}/change/", form)
    assert "Zoltan" not in answer.content.decode()
    after = everything()
    for kept in ("Membership", "Reason", "User", "Tenant"):
        assert after[kept] == before[kept]


def test_a_role_is_changed_and_a_membership_removed_even_of_who_is_also_elsewhere(two: Two, tia: Client) -> None:
    here = two.sam.memberships.get(tenant=two.cast.acme)
    assert tia.post(f"{MEMBERS}{here.pk}/change/", {"role": "supervisor"}).status_code == 302
    here.refresh_from_db()
    assert (here.role, here.user) == ("supervisor", two.sam)
    tia.post(f"{MEMBERS}{here.pk}/delete/", {"post": "yes"})
    assert list(two.sam.memberships.values_list("tenant", flat=True)) == [two.zeta.pk]
    assert [verb for verb, _, _ in told(two.cast.acme)] == ["member.changed", "member.removed"]
    tia.get("/admin/")  # where what was done is told
    assert "Sam Shared" not in tia.get("/admin/tenants/user/").content.decode()


def test_a_membership_keeps_its_person(two: Two, tia: Client) -> None:
    here = two.cast.vic.memberships.get()
    tia.post(f"{MEMBERS}{here.pk}/change/", {"role": "viewer", "user": two.cast.ana.pk, "tenant": FIRST})
    here.refresh_from_db()
    assert (here.user, here.tenant) == (two.cast.vic, two.cast.acme)


def test_people_of_one_tenant_join_another_of_hers_only(two: Two, tia: Client) -> None:
    """With one tenant there is nobody to choose: whoever she sees is a member already."""
    assert tia.get(f"{MEMBERS}add/").status_code == 403
    third = people.tenant("third", "Third Desk")
    Membership.objects.create(tenant=third, user=two.tia, role="manager")
    page = tia.get(f"{MEMBERS}add/").content.decode()
    assert "Ana Ruiz" in page and "Third Desk" in page
    assert "Zoltan" not in page and "Zeta" not in page and "Omar" not in page
    tia.post(f"{MEMBERS}add/", {"tenant": third.pk, "user": two.cast.ana.pk, "role": "viewer"})
    assert two.cast.ana.memberships.filter(tenant=third).exists()
    for tenant, user in ((third.pk, two.zoltan.pk), (FIRST, two.cast.vic.pk)):
        answer = tia.post(f"{MEMBERS}add/", {"tenant": tenant, "user": user, "role": "viewer"})
        assert "Select a valid choice." in answer.content.decode()


def test_members_are_removed_from_the_list(two: Two, tia: Client) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [two.cast.vic.memberships.get().pk, FIRST]}
    page = tia.post(MEMBERS, chosen).content.decode()
    assert "Vic Moor" in page and "Zoltan" not in page
    tia.post(MEMBERS, chosen | {"post": "yes"})
    assert not two.cast.vic.memberships.exists()
    assert two.zoltan.memberships.exists()


def test_whose_role_went_while_the_lock_was_awaited_writes_nothing(
    two: Two, tia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = two.cast.card
    real, asked = administering.tenants_of, []

    def once(user_id: int | None) -> administering.Tenants:
        asked.append(user_id)
        if len(asked) == 2:  # let in by now; another admin's change was ahead of ours in the queue for the lock
            Membership.objects.filter(user=two.tia).update(role="viewer")
        return real(user_id)

    monkeypatch.setattr(administering, "tenants_of", once)
    assert tia.post(f"{REASONS}{card.pk}/change/", {"name": "Mine", "prolong": 3}).status_code == 403
    card.refresh_from_db()
    assert card.name == "Card details"


def test_an_account_is_added_changed_and_checked_and_stays(two: Two, tia: Client, bandwidth: Fake) -> None:
    bandwidth.add_account("9900005", client_id="CLI-5", secret="hush-hush")
    form = {
        "tenant": two.cast.acme.pk,
        "account_id": "9900005",
        "auth": "oauth2",
        "client_id": "CLI-5",
        "records": "all",
        "secret": "hush-hush",
    }
    page = tia.post(f"{ACCOUNTS}add/", form, follow=True).content.decode()
    assert "Works. Bandwidth accepts these credentials" in page
    account = BandwidthAccount.objects.get(account_id="9900005")
    assert sealing.open_secret(account) == "hush-hush"
    tia.post(f"{ACCOUNTS}{account.pk}/change/", form | {"name": "Desk", "secret": ""})
    account.refresh_from_db()
    assert account.name == "Desk"
    chosen = {"action": "check_sign_in", "_selected_action": [account.pk, FIRST]}
    page = tia.post(ACCOUNTS, chosen, follow=True).content.decode()
    assert "Desk (Acme Support): Works." in page
    assert "Zeta" not in page
    assert tia.post(f"{ACCOUNTS}{account.pk}/delete/", {"post": "yes"}).status_code == 403
    tia.post(ACCOUNTS, {"action": "delete_selected", "_selected_action": [account.pk], "post": "yes"})
    assert BandwidthAccount.objects.filter(pk=account.pk).exists()
    assert [verb for verb, _, _ in told(two.cast.acme)] == [
        "account.added",
        "account.checked",
        "account.changed",
        "account.checked",
        "account.checked",
    ]


def test_an_account_is_not_added_to_another_tenant(two: Two, tia: Client, bandwidth: Fake) -> None:
    form = {"tenant": FIRST, "account_id": "9900005", "auth": "oauth2", "client_id": "C", "records": "all"}
    answer = tia.post(f"{ACCOUNTS}add/", form | {"secret": "s"})
    assert "Select a valid choice." in answer.content.decode()
    assert bandwidth.requests == []


def test_the_end_of_basic_is_told_of_her_accounts_only(two: Two, tia: Client) -> None:
    BandwidthAccount.objects.filter(tenant=two.zeta).update(auth="basic")
    assert "Bandwidth ends sign-in" not in tia.get("/admin/").content.decode()
    BandwidthAccount.objects.filter(tenant=two.cast.acme).update(auth="basic")
    page = tia.get("/admin/").content.decode()
    assert "9900001 (Acme Support)" in page
    assert "Zeta" not in page


@pytest.mark.parametrize("model", ["call", "command", "attempt"])
def test_calls_are_read_and_not_changed(two: Two, tia: Client, model: str) -> None:
    row = next(row for kind, row in two.ours.items() if kind.__name__.lower() == model)
    before = everything()
    where = f"/admin/calls/{model}/{row.pk}/change/"
    page = tia.get(where)
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert tia.post(where, {}).status_code == 403
    assert tia.post(f"/admin/calls/{model}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert tia.get(f"/admin/calls/{model}/add/").status_code == 403
    assert everything() == before


def test_a_command_shows_its_attempts(two: Two, tia: Client) -> None:
    command = next(row for kind, row in two.ours.items() if kind.__name__ == "Command")
    assert "acknowledged" in tia.get(f"/admin/calls/command/{command.pk}/change/").content.decode()


@pytest.mark.parametrize("who", ["root", "tia"])
def test_what_may_stand_once_in_a_tenant_is_refused_in_words(
    two: Two, root: Client, tia: Client, bandwidth: Fake, who: str
) -> None:
    """A row's tenant is fixed; what is judged together with it is judged all the same."""
    client = root if who == "root" else tia
    other = people.account(two.cast.acme, "9900007")
    form = {"account_id": "9900001", "auth": "oauth2", "client_id": "C", "records": "all", "secret": ""}
    page = client.post(f"{ACCOUNTS}{other.pk}/change/", form)
    assert page.status_code == 200
    assert "already exists" in page.content.decode()
    card = {"name": "Card details", "prolong": 3}
    assert "already exists" in client.post(f"{REASONS}{two.cast.objects.pk}/change/", card).content.decode()
    usual = {"name": "Objects", "prolong": 3, "default": "on"}
    page = client.post(f"{REASONS}{two.cast.objects.pk}/change/", usual)
    assert "“Card details” is the usual one." in page.content.decode()
    page = client.post(f"{REASONS}add/", usual | {"name": "New", "tenant": two.cast.acme.pk})
    assert "“Card details” is the usual one." in page.content.decode()

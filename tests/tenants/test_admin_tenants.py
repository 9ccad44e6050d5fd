"""Tenants, members and reasons in Django admin: written under the tenant's lock, told by key."""

import re
from typing import Any

from django.test import Client
from django.utils import timezone

from tests.cast import Cast
from tests.tenants.conftest import told
from voicedash.audit import log, proof
from voicedash.audit.models import Entry
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.models import BandwidthAccount, Board, Membership, Reason, Tenant


def rows(prefix: str, initial: int, *listed: dict[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {f"{prefix}-TOTAL_FORMS": len(listed), f"{prefix}-INITIAL_FORMS": initial}
    for number, fields in enumerate(listed):
        form |= {f"{prefix}-{number}-{name}": value for name, value in fields.items()}
    return form


def tenant_form(**fields: Any) -> dict[str, Any]:
    days = {"keep_numbers_days": 30, "keep_calls_days": 60}
    return {"slug": "initech", "name": "Initech", "time_zone": "Europe/Berlin"} | days | fields


def test_a_tenant_is_added_with_members_and_reasons(cast: Cast, root: Client) -> None:
    form = tenant_form()
    form |= rows("memberships", 0, {"user": cast.ana.pk, "role": "manager"})
    form |= rows("reasons", 0, {"name": "Card", "lease": 180, "prolong": 3, "default": "on"})
    root.post("/admin/tenants/tenant/add/", form)
    tenant = Tenant.objects.get(slug="initech")
    member, reason = Membership.objects.get(tenant=tenant), Reason.objects.get(tenant=tenant)
    assert Board.objects.get(tenant=tenant).version == 1
    assert told(tenant) == [
        ("tenant.added", cast.root.pk, {"id": tenant.pk}),
        ("member.added", cast.root.pk, {"id": member.pk, "user": cast.ana.pk, "role": "manager"}),
        ("reason.added", cast.root.pk, {"id": reason.pk}),
    ]


def test_a_tenant_for_which_no_reason_is_entered_gets_four(cast: Cast, root: Client) -> None:
    root.post("/admin/tenants/tenant/add/", tenant_form() | rows("memberships", 0) | rows("reasons", 0))
    tenant = Tenant.objects.get(slug="initech")
    seeded = Reason.objects.filter(tenant=tenant).order_by("pk")
    assert list(seeded.values_list("name", "lease", "prolong", "note", "default")) == [
        ("Card details", 180, 3, False, True),
        ("Health details", 300, 3, False, False),
        ("Customer objects to recording", None, 0, False, False),
        ("Other", 180, 1, True, False),
    ]
    assert [verb for verb, _, _ in told(tenant)] == ["tenant.added", *["reason.added"] * 4]


def test_a_lease_of_no_seconds_is_refused(cast: Cast, root: Client) -> None:
    form = tenant_form() | rows("memberships", 0) | rows("reasons", 0, {"name": "Card", "lease": 0, "prolong": 3})
    page = root.post("/admin/tenants/tenant/add/", form).content.decode()
    assert "greater than or equal to 1" in page


def test_a_time_zone_that_is_none_is_refused(cast: Cast, root: Client) -> None:
    form = tenant_form(time_zone="Mars") | rows("memberships", 0) | rows("reasons", 0)
    page = root.post("/admin/tenants/tenant/add/", form).content.decode()
    assert "Mars is not a time zone" in page


def reasons_of_acme(cast: Cast, card: dict[str, Any], objects: dict[str, Any]) -> dict[str, Any]:
    form = tenant_form(slug="acme", name="Acme Support", time_zone="America/New_York")
    form |= rows("memberships", 0)
    return form | rows(
        "reasons",
        2,
        {"id": cast.card.pk, "tenant": cast.acme.pk, "name": "Card details", "lease": 180, "prolong": 3} | card,
        {"id": cast.objects.pk, "tenant": cast.acme.pk, "name": cast.objects.name, "lease": "", "prolong": 3} | objects,
    )


def test_the_usual_reason_is_handed_over_in_one_save(cast: Cast, root: Client) -> None:
    address = f"/admin/tenants/tenant/{cast.acme.pk}/change/"
    answer = root.post(address, reasons_of_acme(cast, {}, {"default": "on"}))
    assert answer.status_code == 302
    assert Reason.objects.get(tenant=cast.acme, default=True) == cast.objects
    answer = root.post(address, reasons_of_acme(cast, {"default": "on"}, {}))
    assert answer.status_code == 302
    assert Reason.objects.get(tenant=cast.acme, default=True) == cast.card


def test_two_usual_reasons_are_refused(cast: Cast, root: Client) -> None:
    address = f"/admin/tenants/tenant/{cast.acme.pk}/change/"
    page = root.post(address, reasons_of_acme(cast, {"default": "on"}, {"default": "on"}))
    assert "Only one reason can be the usual one." in page.content.decode()


def test_a_role_is_changed_under_the_lock_and_told(cast: Cast, root: Client) -> None:
    member = cast.vic.memberships.get()
    before = Board.objects.get(tenant=cast.acme).version
    root.post(f"/admin/tenants/membership/{member.pk}/change/", {"user": cast.vic.pk, "role": "supervisor"})
    member.refresh_from_db()
    assert member.role == "supervisor"
    data = {"id": member.pk, "user": cast.vic.pk, "role": "supervisor", "fields": ["role"]}
    assert told(cast.acme) == [("member.changed", cast.root.pk, data)]
    assert Board.objects.get(tenant=cast.acme).version == before + 1


def test_a_membership_does_not_pass_to_another_person(cast: Cast, root: Client) -> None:
    """The log tells who is a member by key: it would not say who lost it."""
    member = cast.omar.memberships.get()
    page = f"/admin/tenants/tenant/{cast.globex.pk}/change/"
    form = tenant_form(slug="globex", name="Globex", time_zone="UTC") | rows("reasons", 0)
    swapped = {"id": member.pk, "tenant": cast.globex.pk, "user": cast.vic.pk, "role": "viewer"}
    joining = {"tenant": cast.globex.pk, "user": cast.ana.pk, "role": "agent"}
    assert root.post(page, form | rows("memberships", 1, swapped, joining)).status_code == 302
    root.post(f"/admin/tenants/membership/{member.pk}/change/", {"user": cast.vic.pk, "role": "viewer"})
    members = cast.globex.memberships.order_by("pk").values_list("user", "role")
    assert list(members) == [(cast.omar.pk, "viewer"), (cast.ana.pk, "agent")]
    shown = root.get(page).content.decode()
    assert re.search(r'<select name="memberships-0-user"[^>]* disabled', shown)
    assert not re.search(r'<select name="memberships-__prefix__-user"[^>]* disabled', shown)


def test_members_removed_by_the_lists_action_are_told(cast: Cast, root: Client) -> None:
    gone = [cast.vic.memberships.get().pk, cast.omar.memberships.get().pk]
    root.post(
        "/admin/tenants/membership/",
        {"action": "delete_selected", "_selected_action": gone, "post": "yes"},
    )
    assert not Membership.objects.filter(pk__in=gone).exists()
    assert told(cast.acme)[-1][0] == told(cast.globex)[-1][0] == "member.removed"


def test_nothing_in_the_log_names_anybody(cast: Cast, root: Client) -> None:
    root.post(f"/admin/tenants/tenant/{cast.acme.pk}/change/", reasons_of_acme(cast, {"name": "Secret name"}, {}))
    member = cast.vic.memberships.get()
    root.post(f"/admin/tenants/membership/{member.pk}/change/", {"user": cast.vic.pk, "role": "manager"})
    written = str(list(Entry.objects.values_list("data", flat=True)))
    for name in ("Vic", "vic", "Acme", "Secret name", "Card", "9900001"):
        assert name not in written


def with_a_call(cast: Cast) -> None:
    now = timezone.now()
    call = Call.objects.create(tenant=cast.acme, account=cast.acme_account, call_id="c-1", added_at=now)
    command = Command.objects.create(
        call=call, wanted="paused", state="closed", asked_at=now, expires_at=now, version=1, reason=cast.card
    )
    Attempt.objects.create(command=command, number=1, began_at=now, result="acknowledged")
    Call.objects.filter(pk=call.pk).update(acknowledged=command, last_pause=command)


def test_a_tenant_goes_with_its_calls_and_leaves_its_log(cast: Cast, root: Client) -> None:
    with_a_call(cast)
    address = f"/admin/tenants/tenant/{cast.acme.pk}/delete/"
    page = root.get(address).content.decode()
    assert "calls: 1" in page.replace("Calls", "calls")
    root.post(address, {"post": "yes"})
    assert not Tenant.objects.filter(pk=cast.acme.pk).exists()
    assert not Call.objects.exists()
    assert not BandwidthAccount.objects.filter(tenant_id=cast.acme.pk).exists()
    assert Entry.objects.filter(chain=log.of_tenant(cast.acme.pk), verb="tenant.removed").exists()
    assert proof.fault_in(log.of_tenant(cast.acme.pk)) is None


def test_an_account_goes_with_its_calls(cast: Cast, root: Client) -> None:
    with_a_call(cast)
    root.post(
        "/admin/tenants/bandwidthaccount/",
        {"action": "delete_selected", "_selected_action": [cast.acme_account.pk], "post": "yes"},
    )
    assert not Call.objects.exists()
    assert told(cast.acme)[-1] == ("account.removed", cast.root.pk, {"id": cast.acme_account.pk})


def test_every_page_of_admin_opens_without_inline_code(cast: Cast, root: Client) -> None:
    with_a_call(cast)
    for model in ("user", "tenant", "membership", "bandwidthaccount", "reason"):
        for address in (f"/admin/tenants/{model}/", f"/admin/tenants/{model}/?q=acme", f"/admin/tenants/{model}/add/"):
            page = root.get(address)
            assert page.status_code == 200, address
            assert " style=" not in page.content.decode(), address
            assert "<style" not in page.content.decode(), address
            assert "onclick=" not in page.content.decode(), address

"""Nothing is shown to who is not signed in, nor to a stranger of a tenant, nor to a role without sight."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.cast import Cast
from voicedash.tenants import access
from voicedash.tenants.models import Membership, Tenant, User


def probe(request: access.TenantRequest, tenant: str) -> HttpResponse:
    return HttpResponse(f"{request.tenant.slug} {request.membership.role} {timezone.get_current_timezone_name()}")


def pressing(request: access.TenantRequest, tenant: str) -> HttpResponse:
    access.require(request.membership, access.PRESSES)
    return HttpResponse("pressed")


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(timezone.get_current_timezone_name())


urlpatterns = [
    path("t/<slug:tenant>/probe/", probe),
    path("t/<slug:tenant>/press/", pressing),
    path("plain/", plain),
    path("", include("voicedash.urls")),
]


@pytest.fixture(autouse=True)
def _with_probes(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.mark.parametrize("address", ["/", "/t/acme/", "/plain/", "/admin/", "/accounts/password/change/"])
def test_who_is_not_signed_in_is_sent_to_the_sign_in(cast: Cast, address: str) -> None:
    answer = Client().get(address)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={address}")


def test_a_press_of_a_dead_session_does_not_come_back_as_an_address_to_open(cast: Cast) -> None:
    answer = Client().post("/t/acme/press/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/")


@pytest.mark.parametrize("header", ["HX-Request", "X-Background"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_dead_session_tells_the_boards_script_so(cast: Cast, header: str, method: str) -> None:
    answer = getattr(Client(headers={header: "1"}), method)("/t/acme/press/")
    assert (answer.status_code, answer.content) == (401, b"Not sent: sign in")


def test_someone_made_inactive_is_out_at_once(cast: Cast, browser: Callable[[User], Client]) -> None:
    client = browser(cast.ana)
    assert client.get("/t/acme/probe/").status_code == 200
    User.objects.filter(pk=cast.ana.pk).update(is_active=False)
    assert client.get("/t/acme/probe/").status_code == 302


def test_a_stranger_cannot_tell_a_tenant_from_none(cast: Cast, browser: Callable[[User], Client]) -> None:
    for user in (cast.omar, cast.root):
        assert browser(user).get("/t/acme/probe/").status_code == 404
    assert browser(cast.omar).get("/t/nobody/probe/").status_code == 404


def test_a_role_without_sight_is_told_so(cast: Cast, browser: Callable[[User], Client]) -> None:
    client = browser(cast.vic)
    Membership.objects.filter(user=cast.vic).update(role="agent")
    assert client.get("/t/acme/probe/").status_code == 403


def test_a_member_who_is_removed_is_a_stranger_at_once(cast: Cast, browser: Callable[[User], Client]) -> None:
    client = browser(cast.ana)
    cast.ana.memberships.all().delete()
    assert client.get("/t/acme/probe/").status_code == 404


def test_pressing_needs_a_role_that_presses(cast: Cast, browser: Callable[[User], Client]) -> None:
    for user, status in ((cast.vic, 403), (cast.ana, 200), (cast.mia, 200)):
        assert browser(user).post("/t/acme/press/").status_code == status


def test_a_page_speaks_the_tenants_time_and_the_next_one_its_own(cast: Cast, browser: Callable[[User], Client]) -> None:
    assert browser(cast.ana).get("/t/acme/probe/").content == b"acme supervisor America/New_York"
    assert browser(cast.ana).get("/plain/").content == b"UTC"
    assert browser(cast.omar).get("/t/globex/probe/").content == b"globex supervisor UTC"


def test_admin_is_closed_to_everyone_but_staff(cast: Cast, browser: Callable[[User], Client]) -> None:
    for user in (cast.ana, cast.mia):
        for address in ("/admin/", "/admin/tenants/user/", "/admin/jsi18n/", "/admin/nothing/"):
            assert browser(user).get(address).status_code == 403
    assert browser(cast.root).get("/admin/").status_code == 200


def test_staff_who_manage_nothing_see_nothing_in_admin(cast: Cast, browser: Callable[[User], Client]) -> None:
    User.objects.filter(pk=cast.ana.pk).update(is_staff=True)
    client = browser(cast.ana)
    page = client.get("/admin/").content.decode()
    assert "have permission to view or edit anything" in page
    for model in ("tenants/user", "tenants/tenant", "tenants/bandwidthaccount", "calls/call", "audit/entry"):
        assert client.get(f"/admin/{model}/").status_code == 403


def test_admins_own_sign_in_form_is_not_there(cast: Cast) -> None:
    answer = Client().get("/admin/login/?next=/admin/tenants/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/admin/tenants/")
    answer = Client().post("/admin/login/", {"username": "root", "password": "correct-horse-battery"})
    assert answer["Location"] == "/accounts/login/"


def test_signing_out_needs_a_post(cast: Cast, browser: Callable[[User], Client]) -> None:
    client = browser(cast.ana)
    assert client.get("/accounts/logout/").status_code == 405
    assert client.get("/plain/").status_code == 200
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/plain/").status_code == 302


def test_signing_out_twice_leads_to_the_sign_in(cast: Cast) -> None:
    assert Client().post("/accounts/logout/")["Location"] == "/accounts/login/"


def test_one_tenant_leads_to_its_board(cast: Cast, browser: Callable[[User], Client]) -> None:
    assert browser(cast.ana).get("/")["Location"] == "/t/acme/"


def test_several_tenants_are_a_choice(cast: Cast, browser: Callable[[User], Client]) -> None:
    Membership.objects.create(tenant=cast.globex, user=cast.ana, role="viewer")
    page = browser(cast.ana).get("/").content.decode()
    assert "/t/acme/" in page
    assert "/t/globex/" in page


def test_a_superuser_without_a_tenant_is_led_to_create_one(cast: Cast, browser: Callable[[User], Client]) -> None:
    page = browser(cast.root).get("/").content.decode()
    assert "/admin/tenants/tenant/add/" in page


def test_somebody_without_a_tenant_is_told_whom_to_ask(cast: Cast, browser: Callable[[User], Client]) -> None:
    Tenant.objects.filter(pk=cast.acme.pk).delete()
    answer = browser(cast.vic).get("/")
    assert answer.status_code == 200
    assert "/admin/" not in answer.content.decode()
    assert "Ask the person who runs voicedash" in answer.content.decode()

"""Every address × every role × the status it gets. An address without a row here fails."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests import cast as people
from tests import looped
from voicedash.calls.incidents.models import Incident
from voicedash.calls.models import Bulk, Call, Conversation
from voicedash.live.application import Application
from voicedash.tenants import workers
from voicedash.tenants.models import Membership, Role, User

ROLES = ["nobody", "stranger", "agent", "viewer", "supervisor", "manager", "root"]

# method, name, arguments, then the status for each of ROLES. Strangers see 404, colleagues without the right 403.
TABLE = [
    ("GET", "home", [], [302, 302, 200, 302, 302, 302, 200]),
    ("GET", "board", ["acme"], [302, 404, 403, 200, 200, 200, 404]),
    ("POST", "board", ["acme"], [302, 404, 403, 405, 405, 405, 404]),
    ("POST", "add-calls", ["acme"], [302, 404, 403, 403, 200, 200, 404]),
    ("GET", "add-calls", ["acme"], [302, 404, 403, 403, 303, 303, 404]),
    ("GET", "row", ["acme", "call"], [302, 404, 403, 200, 200, 200, 404]),
    ("POST", "pause", ["acme", "call"], [302, 404, 403, 403, 303, 303, 404]),
    ("GET", "pause", ["acme", "call"], [302, 404, 403, 405, 405, 405, 404]),
    ("POST", "pause", ["acme", "theirs"], [302, 404, 403, 403, 404, 404, 404]),
    ("POST", "resume", ["acme", "call"], [302, 404, 403, 403, 303, 303, 404]),
    ("POST", "resume", ["acme", "theirs"], [302, 404, 403, 403, 404, 404, 404]),
    ("POST", "renew", ["acme", "call"], [302, 404, 403, 403, 303, 303, 404]),
    ("GET", "renew", ["acme", "call"], [302, 404, 403, 405, 405, 405, 404]),
    ("POST", "renew", ["acme", "theirs"], [302, 404, 403, 403, 404, 404, 404]),
    ("GET", "row", ["acme", "theirs"], [302, 404, 403, 404, 404, 404, 404]),
    ("GET", "conversation", ["acme", "talk"], [302, 404, 403, 200, 200, 200, 404]),
    ("POST", "pause-conversation", ["acme", "talk"], [302, 404, 403, 403, 303, 303, 404]),
    ("GET", "pause-conversation", ["acme", "talk"], [302, 404, 403, 405, 405, 405, 404]),
    ("POST", "pause-conversation", ["acme", "their-talk"], [302, 404, 403, 403, 404, 404, 404]),
    ("POST", "resume-conversation", ["acme", "talk"], [302, 404, 403, 403, 303, 303, 404]),
    ("POST", "resume-conversation", ["acme", "their-talk"], [302, 404, 403, 403, 404, 404, 404]),
    ("POST", "renew-conversation", ["acme", "talk"], [302, 404, 403, 403, 303, 303, 404]),
    ("POST", "renew-conversation", ["acme", "their-talk"], [302, 404, 403, 403, 404, 404, 404]),
    ("GET", "conversation", ["acme", "their-talk"], [302, 404, 403, 404, 404, 404, 404]),
    ("POST", "pause-all", ["acme"], [302, 404, 403, 403, 200, 200, 404]),
    ("GET", "pause-all", ["acme"], [302, 404, 403, 405, 405, 405, 404]),
    ("POST", "resume-all", ["acme"], [302, 404, 403, 403, 200, 200, 404]),
    ("GET", "resume-all", ["acme"], [302, 404, 403, 405, 405, 405, 404]),
    ("POST", "repeat-bulk", ["acme", "bulk"], [302, 404, 403, 403, 303, 303, 404]),
    ("GET", "repeat-bulk", ["acme", "bulk"], [302, 404, 403, 405, 405, 405, 404]),
    ("POST", "repeat-bulk", ["acme", "their-bulk"], [302, 404, 403, 403, 404, 404, 404]),
    ("POST", "act-on-own-pauses", ["acme"], [302, 404, 403, 403, 303, 303, 404]),
    ("GET", "act-on-own-pauses", ["acme"], [302, 404, 403, 405, 405, 405, 404]),
    ("GET", "incidents", ["acme"], [302, 404, 403, 200, 200, 200, 404]),
    ("POST", "incidents", ["acme"], [302, 404, 403, 405, 405, 405, 404]),
    ("GET", "incident", ["acme", "incident"], [302, 404, 403, 200, 200, 200, 404]),
    ("GET", "incident", ["acme", "their-incident"], [302, 404, 403, 404, 404, 404, 404]),
    ("POST", "take-incident", ["acme", "incident"], [302, 404, 403, 403, 303, 303, 404]),
    ("GET", "take-incident", ["acme", "incident"], [302, 404, 403, 405, 405, 405, 404]),
    ("POST", "take-incident", ["acme", "their-incident"], [302, 404, 403, 403, 404, 404, 404]),
    ("POST", "close-incident", ["acme", "incident"], [302, 404, 403, 403, 422, 422, 404]),
    ("GET", "close-incident", ["acme", "incident"], [302, 404, 403, 405, 405, 405, 404]),
    ("POST", "close-incident", ["acme", "their-incident"], [302, 404, 403, 403, 404, 404, 404]),
    ("POST", "fetch", ["acme"], [302, 404, 403, 403, 303, 303, 404]),
    ("GET", "fetch", ["acme"], [302, 404, 403, 403, 303, 303, 404]),
    ("GET", "log", ["acme"], [302, 404, 403, 403, 200, 200, 404]),
    ("POST", "log", ["acme"], [302, 404, 403, 405, 405, 405, 404]),
    ("GET", "export-log", ["acme"], [302, 404, 403, 403, 200, 200, 404]),
    ("GET", "sign-ins", ["acme"], [302, 404, 403, 403, 403, 200, 404]),
    ("GET", "export-sign-ins", ["acme"], [302, 404, 403, 403, 403, 200, 404]),
    ("GET", "log-entry", ["acme", 1], [302, 404, 403, 403, 404, 404, 404]),
    ("GET", "setup", ["wrong"], [404, 404, 404, 404, 404, 404, 404]),
    ("POST", "setup", ["wrong"], [404, 404, 404, 404, 404, 404, 404]),
    ("PUT", "setup", ["wrong"], [405, 405, 405, 405, 405, 405, 405]),
    ("GET", "account_login", [], [200, 302, 302, 302, 302, 302, 302]),
    ("POST", "account_logout", [], [302, 302, 302, 302, 302, 302, 302]),
    ("GET", "account_logout", [], [405, 405, 405, 405, 405, 405, 405]),
    ("GET", "own-pauses", [], [302, 200, 200, 200, 200, 200, 200]),
    ("POST", "own-pauses", [], [302, 405, 405, 405, 405, 405, 405]),
    ("GET", "account_change_password", [], [302, 200, 200, 200, 200, 200, 200]),
    ("GET", "/admin/login/", [], [302, 302, 302, 302, 302, 302, 302]),
    ("POST", "/admin/logout/", [], [302, 302, 302, 302, 302, 302, 302]),
    ("GET", "/admin/password_change/", [], [302, 302, 302, 302, 302, 302, 302]),
]
# Answered on the event loop, before Django: method, path, and the status for each of ROLES.
ON_THE_LOOP = [
    ("GET", "/healthz", [200, 200, 200, 200, 200, 200, 200]),
    ("POST", "/healthz", [405, 405, 405, 405, 405, 405, 405]),
    ("GET", "/readyz", [200, 200, 200, 200, 200, 200, 200]),
    ("POST", "/readyz", [405, 405, 405, 405, 405, 405, 405]),
    ("GET", "/t/acme/live/", [401, 404, 403, 200, 200, 200, 404]),
    ("POST", "/t/acme/live/", [405, 405, 405, 405, 405, 405, 405]),
    # Whoever is signed in as a person is nobody here: tests/live/test_callbacks.py has those with credentials.
    ("POST", "/callbacks/acme/", [401, 401, 401, 401, 401, 401, 401]),
    ("GET", "/callbacks/acme/", [401, 401, 401, 401, 401, 401, 401]),
    ("PUT", "/callbacks/acme/", [401, 401, 401, 401, 401, 401, 401]),
    ("POST", "/callbacks/", [401, 401, 401, 401, 401, 401, 401]),
]
# What a tenant admin, a manager who comes into the admin pages, sees there: tests/tenants/test_tenant_admins*.
REPLACED = {"admin:login", "admin:logout", "admin:password_change"}  # with rows of their own above
ADMIN = {"nobody": {302}, "root": {200, 302, 403, 404, 405}}  # what root may not change is read-only


@pytest.fixture
def world(cast, bandwidth, live_call):
    """Acme's and Globex's calls, and a client for each role."""
    agent = people.person("gus", "Gus Agent")
    Membership.objects.create(tenant=cast.acme, user=agent, role=Role.AGENT)
    calls = {"call": live_call(cast.acme_account)[0], "theirs": live_call(cast.globex_account)[0]}
    for name, call in [("talk", calls["call"]), ("their-talk", calls["theirs"])]:
        calls[name] = Conversation.objects.create(tenant=call.tenant, root=call.call_id)
        Call.objects.filter(pk=call.pk).update(conversation=calls[name])
    for name, tenant in [("bulk", cast.acme), ("their-bulk", cast.globex)]:
        over = {"asked_at": tenant.created, "begun_at": tenant.created, "finished_at": tenant.created}
        calls[name] = Bulk.objects.create(tenant=tenant, wanted="paused", seen=0, **over)
    for name, tenant in [("incident", cast.acme), ("their-incident", cast.globex)]:
        began = {"since": tenant.created, "opened_at": tenant.created}
        calls[name] = Incident.objects.create(tenant=tenant, kind="unfed", cause="unfed-1", **began)
    users = dict(zip(ROLES[1:], [cast.omar, agent, cast.vic, cast.ana, cast.mia, cast.root], strict=True))

    def client(role: str) -> Client:
        made = Client(raise_request_exception=False)
        if role != "nobody":
            made.force_login(users[role], backend="allauth.account.auth_backends.AuthenticationBackend")
        return made

    return calls, client


@pytest.mark.parametrize(("method", "name", "arguments", "expected"), TABLE, ids=lambda value: str(value)[:24])
def test_every_role_gets_its_status(world, method, name, arguments, expected):
    calls, client = world
    places = [calls[a].pk if a in calls else a for a in arguments]
    url = name if name.startswith("/") else reverse(name, args=places)
    got = [client(role).generic(method, url).status_code for role in ROLES]
    assert dict(zip(ROLES, got, strict=True)) == dict(zip(ROLES, expected, strict=True))


def test_a_background_request_of_a_dead_session_is_told_to_sign_in(world):
    calls, client = world
    for headers in ({"HX-Request": "true"}, {"X-Background": "1"}):
        answer = client("nobody").post(f"/t/acme/calls/{calls['call'].pk}/pause/", headers=headers)
        assert (answer.status_code, answer.content.decode()) == (401, "Not sent: sign in")


@pytest.mark.parametrize(("method", "name", "arguments", "expected"), TABLE, ids=lambda value: str(value)[:24])
def test_a_tenant_admin_is_a_manager_outside_admin(world, cast, method, name, arguments, expected):
    calls, client = world
    User.objects.filter(pk=cast.mia.pk).update(is_staff=True)
    places = [calls[a].pk if a in calls else a for a in arguments]
    url = name if name.startswith("/") else reverse(name, args=places)
    assert client("manager").generic(method, url).status_code == expected[ROLES.index("manager")]


@pytest.mark.parametrize("staff", [False, True], ids=["", "with a tenant admin"])
def test_nobody_but_root_and_tenant_admins_get_into_admin(world, cast, staff):
    _, client = world
    User.objects.filter(pk=cast.mia.pk).update(is_staff=staff)
    let_in = dict.fromkeys(["root", "manager"][: 1 + staff], ADMIN["root"])
    clients = {role: client(role) for role in ROLES}
    checked = 0
    for name, pattern in addresses(get_resolver()):
        if not name.startswith("admin:") or name in REPLACED:
            continue
        groups = pattern.regex.groupindex
        arguments = {group: "tenants" if group == "app_label" else 1 for group in groups}
        url = reverse(name, kwargs=arguments) if name != "admin:" else "/admin/nowhere"
        for role in ROLES:
            status = clients[role].get(url).status_code
            assert status in let_in.get(role, ADMIN.get(role, {403})), (role, url, status)
            checked += 1
    assert checked > 200


@pytest.mark.parametrize(("method", "path", "expected"), ON_THE_LOOP, ids=lambda value: str(value)[:24])
def test_every_role_gets_its_status_on_the_loop(world, method, path, expected):
    _, client = world
    workers.beat(uuid4(), "a worker")
    got = []
    for role in ROLES:
        cookie = client(role).cookies.get(settings.SESSION_COOKIE_NAME)
        got.append(looped.run(status_on_the_loop(method, path, cookie.value if cookie else "")))
    assert dict(zip(ROLES, got, strict=True)) == dict(zip(ROLES, expected, strict=True))


def test_no_address_on_the_loop_is_left_out_of_the_table():
    told = {row[1] for row in ON_THE_LOOP}
    assert Application(lambda environ, start: []).health.paths <= told


async def status_on_the_loop(method: str, path: str, session: str) -> int:
    """What the whole application answers; whoever asked leaves as soon as it has the status."""
    application = Application(lambda environ, start: [])
    answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def receive() -> dict[str, Any]:
        await answered
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answered.set_result(message["status"])

    headers = [(b"host", b"localhost"), (b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode())]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    async with asyncio.timeout(20):
        await application(scope, receive, send)
        await application.streams.close()
        await application.callbacks.close()
    application.health.close()
    return answered.result()


def test_no_address_is_left_out_of_the_table():
    told = {row[1] for row in TABLE}
    missing = [
        (name, str(pattern))
        for name, pattern in addresses(get_resolver())
        if not name.startswith("admin:") and name not in told and f"/{pattern}" not in told
    ]
    assert missing == []


def addresses(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, Any]]:
    """The names and patterns of every address, with their namespace."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield namespace + (pattern.name or ""), pattern.pattern
        else:
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from addresses(pattern, namespace + inner)

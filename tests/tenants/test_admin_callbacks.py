"""The page about a tenant's callbacks: it says exactly what to enter, shows a password once, and tells what came."""

import html
import re
import shlex
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from voicedash.audit.models import Entry
from voicedash.live.models import Heard, OddCallback
from voicedash.tenants import callbacks
from voicedash.tenants.board import writing
from voicedash.tenants.models import CallbackCredential, Membership, Role, User


def where(tenant: Any) -> str:
    return f"/admin/live/callbacks/{tenant.pk}/change/"


@pytest.fixture
def root(cast, sign_in) -> Client:
    client: Client = sign_in(cast.root)
    del client.defaults["HTTP_HX_REQUEST"]
    return client


@pytest.fixture
def tia(cast, sign_in) -> Client:
    """Acme's own admin."""
    user = User.objects.create_user("tia", password="quite-a-long-password", name="Tia Lund", is_staff=True)
    Membership.objects.create(tenant=cast.acme, user=user, role=Role.MANAGER)
    client: Client = sign_in(user)
    return client


def made(page: str) -> tuple[str, str]:
    """User and password that a page shows as new."""
    found = re.findall(r'id="made-(?:username|password)">([^<]+)<', page)
    return found[0], found[1]


def opens(tenant: Any, username: str, password: str) -> bool:
    return callbacks.doors().opens(tenant.callback_key, username, password.encode())


@pytest.mark.parametrize("who", ["root", "tia"])
def test_a_password_is_made_shown_once_and_kept_nowhere(cast, request, who):
    client = request.getfixturevalue(who)
    answer = client.post(where(cast.acme), {"create": "1"})
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    username, password = made(answer.content.decode())
    assert len(password) == 43
    assert opens(cast.acme, username, password)
    assert not opens(cast.globex, username, password)
    assert not opens(cast.acme, username, password[:-1])
    kept = CallbackCredential.objects.get()
    assert (kept.tenant, kept.username, kept.created_by.username) == (cast.acme, username, who)
    assert password not in str(vars(kept))
    page = client.get(where(cast.acme)).content.decode()
    assert username in page and password not in page
    entry = Entry.objects.get(verb="callback_credential.added")
    assert (entry.chain, entry.data) == (f"tenant-{cast.acme.pk}", {"id": kept.pk})


def test_several_are_valid_and_one_is_removed(cast, root):
    pairs = [made(root.post(where(cast.acme), {"create": "1"}).content.decode()) for _ in range(2)]
    assert all(opens(cast.acme, *pair) for pair in pairs)
    first = CallbackCredential.objects.get(username=pairs[0][0])
    assert root.post(where(cast.acme), {"remove": str(first.pk)}).status_code == 302
    assert [opens(cast.acme, *pair) for pair in pairs] == [False, True]
    assert Entry.objects.get(verb="callback_credential.removed").data == {"id": first.pk}
    for nonsense in ("", "x", "9" * 30, "-1", str(first.pk)):
        assert root.post(where(cast.acme), {"remove": nonsense}).status_code == 302
    assert CallbackCredential.objects.count() == 1


def test_there_are_never_more_than_five(cast, root):
    for _ in range(5):
        root.post(where(cast.acme), {"create": "1"})
    page = root.post(where(cast.acme), {"create": "1"}, follow=True).content.decode()
    assert "Remove one that nobody uses any more" in page
    assert CallbackCredential.objects.count() == 5


def test_a_tenant_admin_removes_nothing_of_another_tenant(cast, tia):
    with writing(cast.globex.pk) as stamp:
        theirs, _ = callbacks.create(cast.globex, stamp, by=None)
    tia.post(where(cast.acme), {"remove": str(theirs.pk)})
    assert tia.post(where(cast.globex), {"create": "1"}).status_code == 302  # as if there was none
    assert CallbackCredential.objects.count() == 1
    assert "Globex" not in tia.get("/admin/live/callbacks/").content.decode()


def test_whoever_is_no_admin_any_more_makes_none(cast, tia):
    Membership.objects.filter(user__username="tia").update(role=Role.SUPERVISOR)
    assert tia.get(where(cast.acme)).status_code == 403
    assert tia.post(where(cast.acme), {"create": "1"}).status_code == 403
    assert not CallbackCredential.objects.exists()


def test_it_says_exactly_what_to_enter(cast, root, settings):
    settings.PUBLIC_URL = "https://calls.example.com"
    answer = root.post(where(cast.acme), {"create": "1"})
    page = html.unescape(answer.content.decode())
    username, password = made(page)
    url = f"https://calls.example.com/callbacks/{cast.acme.callback_key}/"
    assert f'id="callback-url">{url}</pre>' in page
    for name in ("CallStatusCallbackUrl", "CallbackCreds.UserId", "CallbackCreds.Password", "disconnectUrl"):
        assert name in page
    assert f'<StartRecording recordingAvailableUrl="{url}"' in page
    assert re.search(rf'username="{username}"\s+password="{password}"/>', page)
    assert f'auth=("{username}", "{password}")' in page
    assert "VOICEDASH_URL is not set" not in page
    curl = shlex.split(page[page.index("curl -i") : page.index("</pre>", page.index("curl -i"))].replace("\\\n", " "))
    assert curl[3] == f"{username}:{password}"
    assert curl[-1] == url


def test_an_address_that_bandwidth_cannot_reach_is_said_to_be_one(cast, root, settings):
    assert "VOICEDASH_URL is not set" in root.get(where(cast.acme)).content.decode()
    settings.PUBLIC_URL = "http://calls.example.com"
    assert "The address is not https" in root.get(where(cast.acme)).content.decode()


def test_the_sample_of_a_forwarding_application_compiles_and_posts(cast, root, settings, monkeypatch):
    settings.PUBLIC_URL = "https://calls.example.com"
    page = html.unescape(root.post(where(cast.acme), {"create": "1"}).content.decode())
    username, password = made(page)
    sample = page[page.index("import threading") : page.index("@app.post")]
    scope: dict[str, Any] = {}
    exec(compile(sample, "sample", "exec"), scope)
    posted = []
    monkeypatch.setattr(scope["requests"], "post", lambda *given, **more: posted.append((given, more)))
    monkeypatch.setattr(scope["threading"].Thread, "start", lambda thread: thread.run())
    scope["tell_voicedash"]({"eventType": "initiate"})
    ((url,), more), *_ = posted
    assert url == f"https://calls.example.com/callbacks/{cast.acme.callback_key}/"
    assert (more["json"], more["auth"]) == ({"eventType": "initiate"}, (username, password))


def test_what_came_last_is_listed_and_what_changed_nothing_is_found(cast, root):
    assert "Nothing yet." in root.get(where(cast.acme)).content.decode()
    now = timezone.now()
    Heard.objects.create(tenant=cast.acme, kind="disconnect", last_at=now - timedelta(hours=1), count=7)
    Heard.objects.create(tenant=cast.acme, kind="refused", last_at=now, count=2)
    Heard.objects.create(tenant=cast.globex, kind="initiate", last_at=now, count=1)
    OddCallback.objects.create(tenant=cast.acme, at=now, kind="", why="not JSON: …", text="")
    page = root.get(where(cast.acme)).content.decode()
    assert "refused: wrong user or password" in page and "disconnect" in page
    assert f"{now - timedelta(hours=1):%Y-%m-%d %H:%M:%S} UTC" in page
    assert f'href="/admin/live/oddcallback/?tenant__id__exact={cast.acme.pk}"' in page
    listed = root.get(f"/admin/live/oddcallback/?tenant__id__exact={cast.acme.pk}").content.decode()
    assert "not JSON" in listed
    overview = root.get("/admin/live/callbacks/").content.decode()
    assert "Acme Support" in overview and "Globex Care" in overview


def test_what_changed_nothing_is_read_only(cast, root):
    odd = OddCallback.objects.create(tenant=cast.acme, at=timezone.now(), kind="new", why="unknown", text="{}")
    assert root.get(f"/admin/live/oddcallback/{odd.pk}/change/").status_code == 200
    assert root.post(f"/admin/live/oddcallback/{odd.pk}/change/", {"why": "x"}).status_code == 403
    assert root.post(f"/admin/live/oddcallback/{odd.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_tenants_own_page_leads_there_and_no_form_deletes_a_tenant(cast, root):
    assert f'href="{where(cast.acme)}"' in root.get(f"/admin/tenants/tenant/{cast.acme.pk}/change/").content.decode()
    assert root.post(f"/admin/live/callbacks/{cast.acme.pk}/delete/", {"post": "yes"}).status_code == 403
    assert root.get("/admin/live/callbacks/add/").status_code == 403
    cast.acme.refresh_from_db()


def test_every_tenant_has_a_key_of_its_own(cast):
    assert cast.acme.callback_key != cast.globex.callback_key
    assert re.fullmatch(r"[\w-]{22}", cast.acme.callback_key)

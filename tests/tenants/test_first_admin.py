"""The first admin comes in by a link that works once, for an hour, while there is no admin."""

import hashlib
import io
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from tests.cast import Cast
from tests.tenants.conftest import sign_in, told
from voicedash.audit import log
from voicedash.audit.models import Entry
from voicedash.logs import lines
from voicedash.tenants import setup
from voicedash.tenants.models import SetupLink, User

PASSWORD = "a-rather-long-one"
FORM = {"username": "rosa", "name": "Rosa Diaz", "password1": PASSWORD, "password2": PASSWORD}
CLOSED = "This link does not work"

pytestmark = pytest.mark.usefixtures("transactional_db")


def link() -> str:
    token = setup.make_link()
    assert token is not None
    return f"/setup/{token}/"


def test_the_link_makes_the_first_superuser_and_signs_them_in() -> None:
    client, address = Client(enforce_csrf_checks=True), link()
    assert client.get(address).status_code == 200
    answer = client.post(address, FORM)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    rosa = User.objects.get()
    assert (rosa.username, rosa.name, rosa.is_staff, rosa.is_superuser) == ("rosa", "Rosa Diaz", True, True)
    assert "/admin/tenants/tenant/add/" in client.get("/").content.decode()
    assert client.get("/admin/").status_code == 200
    assert sign_in(Client(), "rosa", PASSWORD).status_code == 302


def test_the_token_is_long_and_kept_as_a_digest_only() -> None:
    token = setup.make_link()
    assert token and len(token) >= 43  # 32 bytes
    kept = SetupLink.objects.get()
    assert kept.digest == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(list(SetupLink.objects.values())) + repr(kept)


def test_the_log_tells_of_the_link_and_its_use_without_it() -> None:
    address = link()
    Client().post(address, FORM)
    rosa = User.objects.get().pk
    assert told(log.SIGN_INS) == [
        ("setup.link_made", None, {}),
        ("setup.link_used", rosa, {}),
        ("user.added", rosa, {"user": rosa}),
        ("user.signed_in", rosa, {}),
    ]
    digest = hashlib.sha256(address.split("/")[2].encode()).hexdigest()
    assert address.split("/")[2] not in (written := str(list(Entry.objects.values()))) and digest not in written


def test_the_answer_tells_nobody_where_it_came_from_and_is_kept_nowhere() -> None:
    address = link()
    for answer in (Client().get(address), Client().get("/setup/wrong/"), Client().post(address, FORM)):
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_looking_at_the_page_does_not_use_the_link_up() -> None:
    address = link()
    for _ in range(3):
        assert Client().get(address).status_code == 200
        assert Client().head(address).status_code == 200
    assert Client().post(address, FORM).status_code == 302


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(method: str) -> None:
    address = link()
    assert getattr(Client(), method)(address, FORM).status_code == 405
    assert Client().post(address, FORM).status_code == 302


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"username": ""}, "This field is required."),
        ({"username": "zo e"}, "Enter a valid username."),
        ({"password2": "another-long-one"}, "two password fields didn’t match"),
        ({"password1": "short", "password2": "short"}, "at least 12 characters"),
        ({"password1": "password1234", "password2": "password1234"}, "too common"),
        (
            {"username": "rosa-diaz-of-acme", "password1": "rosa-diaz-of-acme", "password2": "rosa-diaz-of-acme"},
            "similar",
        ),
    ],
)
def test_what_is_wrong_is_said_and_uses_nothing_up(wrong: dict[str, str], said: str) -> None:
    address = link()
    page = Client().post(address, FORM | wrong)
    assert page.status_code == 200
    assert said in page.content.decode().replace("&#x27;", "’")
    assert PASSWORD not in page.content.decode()
    assert not User.objects.exists()
    assert Client().post(address, FORM).status_code == 302


def test_nothing_but_the_forms_own_fields_is_taken() -> None:
    Client().post(link(), FORM | {"id": "7", "failed_sign_ins": "9", "email": "x@y.example"})
    rosa = User.objects.get()
    assert (rosa.failed_sign_ins, rosa.email) == (0, "")


def closed(address: str) -> None:
    """The one answer to every reason, whatever is asked."""
    users = User.objects.count()
    pages = [Client().get(address), Client().post(address, FORM), Client().get("/setup/never-was/")]
    assert [page.status_code for page in pages] == [404, 404, 404]
    assert len({page.content for page in pages}) == 1
    assert CLOSED in pages[0].content.decode()
    assert "Restart <code>serve</code> for a new one" in pages[0].content.decode()
    assert User.objects.count() == users


def test_a_used_link_is_dead() -> None:
    address = link()
    Client().post(address, FORM)
    closed(address)
    User.objects.all().delete()
    closed(address)


def test_a_link_is_dead_after_an_hour() -> None:
    address = link()
    SetupLink.objects.update(expires_at=F("expires_at") - timedelta(minutes=59))
    assert Client().get(address).status_code == 200
    SetupLink.objects.update(expires_at=F("expires_at") - timedelta(minutes=2))
    closed(address)


def test_a_newer_link_kills_the_older_one() -> None:
    older, newer = link(), link()
    closed(older)
    assert Client().post(newer, FORM).status_code == 302


def test_a_link_is_dead_when_there_is_an_admin_by_now() -> None:
    address = link()
    User.objects.create_superuser("root", password=PASSWORD)
    closed(address)
    assert SetupLink.objects.exists()


def test_there_is_no_link_where_somebody_can_sign_in_as_superuser(cast: Cast) -> None:
    assert setup.make_link() is None
    assert not SetupLink.objects.exists()
    assert told(log.SIGN_INS) == []


@pytest.mark.parametrize("why", ["inactive", "without a password", "no superuser"])
def test_an_admin_who_cannot_sign_in_is_none(cast: Cast, why: str) -> None:
    if why == "inactive":
        User.objects.filter(pk=cast.root.pk).update(is_active=False)
    elif why == "without a password":
        cast.root.set_unusable_password()
        cast.root.save()
    else:
        User.objects.filter(pk=cast.root.pk).update(is_superuser=False)
    assert Client().post(link(), FORM).status_code == 302
    assert User.objects.get(username="rosa").is_superuser


def test_a_taken_name_is_refused(cast: Cast) -> None:
    User.objects.filter(pk=cast.root.pk).delete()
    address = link()
    page = Client().post(address, FORM | {"username": "ANA"}).content.decode()
    assert "already" in page
    assert Client().post(address, FORM).status_code == 302


def test_of_many_posts_at_once_one_wins(threads: ThreadPoolExecutor) -> None:
    address = link()
    posts = [threads.submit(Client().post, address, FORM | {"username": f"rosa{n}"}) for n in range(8)]
    statuses = sorted(post.result().status_code for post in posts)
    assert statuses == [302] + [404] * 7
    assert User.objects.count() == 1
    assert [verb for verb, _, _ in told(log.SIGN_INS)].count("setup.link_used") == 1


def test_of_many_links_made_at_once_one_works(threads: ThreadPoolExecutor) -> None:
    made = [threads.submit(setup.make_link) for _ in range(6)]
    tokens = [token.result() or "" for token in made]
    assert sorted(setup.is_open(token) for token in tokens) == [False] * 5 + [True]


def test_somebody_else_who_is_signed_in_here_is_signed_out(cast: Cast, browser: Any) -> None:
    client = browser(cast.ana)
    User.objects.filter(pk=cast.root.pk).delete()
    assert client.post(link(), FORM).status_code == 302
    assert "/admin/tenants/tenant/add/" in client.get("/").content.decode()


def test_a_failure_is_logged_without_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django tells the address of a request that failed: of this one it would be the key to everything."""

    def fail(token: str) -> bool:
        raise RuntimeError("the database is away")

    written, address = io.StringIO(), link()
    handler = logging.StreamHandler(written)
    handler.setFormatter(lines.Json())
    logging.getLogger("django.request").addHandler(handler)
    try:
        monkeypatch.setattr(setup, "is_open", fail)
        assert Client(raise_request_exception=False).get(address).status_code == 500
    finally:
        logging.getLogger("django.request").removeHandler(handler)
    assert "Internal Server Error: /setup/…/" in written.getvalue()
    assert "the database is away" in written.getvalue()
    assert address.split("/")[2] not in written.getvalue()

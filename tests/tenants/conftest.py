"""What the tests of people and accounts share: files without a manifest, a browser that signs in, the log."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from tests.cast import PASSWORD, Cast
from tests.tenants.two_tenants import Two, make
from voicedash.audit import log, proof
from voicedash.audit.models import Entry
from voicedash.tenants.models import Tenant, User


@pytest.fixture(autouse=True)
def _quick(settings: Settings) -> None:
    """Pages are drawn without collecting files first, and passwords hashed quickly."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture(autouse=True)
def _calm_address(_quick: None, transactional_db: None) -> None:
    """The failures that the tests' one address is counted for begin at none."""
    cache.clear()


@pytest.fixture
def browser() -> Callable[[User], Client]:
    """A signed-in client that asks for whole pages."""

    def of(user: User) -> Client:
        client = Client()
        client.force_login(User.objects.get(pk=user.pk))
        return client

    return of


@pytest.fixture
def root(cast: Cast, browser: Callable[[User], Client]) -> Client:
    return browser(cast.root)


def sign_in(client: Client, username: str, password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": username, "password": password})


def told(chain: str | Tenant) -> list[tuple[str, int | None, dict[str, Any]]]:
    """The entries of a chain, oldest first: verb, actor, data. The chain is whole."""
    name = chain if isinstance(chain, str) else log.of_tenant(chain.pk)
    assert proof.fault_in(name) is None
    return [(e.verb, e.actor, e.data) for e in Entry.objects.filter(chain=name).order_by("seq")]


@pytest.fixture
def two(cast: Cast) -> Two:
    return make(cast)


@pytest.fixture
def tia(two: Two, browser: Callable[[User], Client]) -> Client:
    return browser(two.tia)

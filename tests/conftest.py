"""What every test may ask for: the cast, the stand-in for Bandwidth, a signed-in client."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client
from pytest_django import DjangoDbBlocker

from tests import cast as people
from tests import emptying, migrated, ports, sessions
from tests.cast import Cast
from tests.forked import Forked
from tests.keyring import Keyring
from tests.serving import Child, Node, WorkerNode
from voicedash.bandwidth import credentials
from voicedash.bandwidth.fake import Fake, FakeCall
from voicedash.calls import times
from voicedash.calls.models import Call
from voicedash.tenants.models import BandwidthAccount, User

T = TypeVar("T")
# Rooms whose tests use the database. Committed data: presses run in threads and processes of their own.
_WITH_DATABASE = {"audit", "browser", "calls", "tenants", "test_every_url.py", "worker"}
# Rooms whose files take longest: they come first, so that at the end no worker is alone with one.
_LONGEST = ["demo", "live", "calls", "worker"]


def pytest_configure() -> None:
    # Slow by design in production; here it would cost a second a test.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Hashed names need collected files; the tests that drive `serve` have them.
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    emptying.take_over()
    Child.start = Forked  # type: ignore[assignment]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if migrated.POSTGRESQL and not hasattr(session.config, "workerinput"):
        migrated.drop_what_was_made()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        room = _room(item.path)
        if room in _WITH_DATABASE:
            item.add_marker(pytest.mark.django_db(transaction=True, databases=["default", "snapshot"]))
            if room != "browser":  # what a browser is shown does not depend on the engine
                item.add_marker(pytest.mark.database)
    places = _places(list(dict.fromkeys(item.path for item in items)))
    items.sort(key=lambda item: places[item.path])


def _room(path: Path) -> str:
    return path.relative_to(Path(__file__).parent).parts[0]


def _places(files: list[Path]) -> dict[Path, float]:
    """The order of the files: between any two of them the browser's, which compute while the others wait."""
    ranks = {room: place for place, room in enumerate(_LONGEST)}
    others = sorted((f for f in files if _room(f) != "browser"), key=lambda f: ranks.get(_room(f), len(ranks)))
    browser = [file for file in files if _room(file) == "browser"]
    return {file: place / len(some) for some in (others, browser) for place, file in enumerate(some)}


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """SQLite in a file: threads and server processes must see one database."""
    for alias in ("default", "snapshot"):
        database = connections[alias].settings_dict
        if database["ENGINE"].endswith("sqlite3") and alias == "default":
            worker = Path(str(database["TEST"].get("NAME") or "default")).name
            file = Path(database["NAME"]).with_name(f"test-{worker}.sqlite3")
            database["TEST"]["NAME"] = str(file)
            migrated.copy_to(file)
        elif database["ENGINE"].endswith("postgresql") and alias == "default":
            database["TEST"]["TEMPLATE"] = migrated.template()


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """On SQLite the copy is used as it is; it goes with the folder that it is in."""
    return connection.vendor == "sqlite"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """PostgreSQL drops no database on which a killed process has left sessions."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            sessions.end_all_others()


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return people.assemble()


@pytest.fixture
def fake(settings: object) -> Iterator[Fake]:
    """The stand-in, without accounts; voicedash is pointed at it."""
    with ports.reserved() as port, Fake(port=port) as running:
        settings.VOICE_URL = running.voice_url  # type: ignore[attr-defined]
        settings.TOKEN_URL = running.token_url  # type: ignore[attr-defined]
        yield running


@pytest.fixture
def bandwidth(fake: Fake, cast: Cast) -> Fake:
    """The stand-in that knows the cast's accounts."""
    people.known_to(fake, cast.acme_account)
    people.known_to(fake, cast.globex_account)
    return fake


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """What a process remembers between requests starts empty; times are real unless a test scales them."""
    credentials._tokens.clear()
    yield
    times.scale(1)


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    def signed_in(user: User) -> Client:
        client = Client(headers={"HX-Request": "true"})
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return signed_in


@pytest.fixture
def live_call(bandwidth: Fake) -> Callable[..., tuple[Call, FakeCall]]:
    """A call that the stand-in has and the board shows."""

    def made(account: BandwidthAccount, *, state: str = "answered", **fields: object) -> tuple[Call, FakeCall]:
        theirs = bandwidth.add_call(account.account_id, state=state, **fields)  # type: ignore[arg-type]
        ours = Call.objects.create(
            tenant=account.tenant,
            account=account,
            call_id=theirs.call_id,
            state=state,
            from_address="+19195550123",
            to_address="+19195550100",
            direction="inbound",
            added_at=account.created,
        )
        return ours, theirs

    return made


@pytest.fixture
def node(bandwidth: Fake) -> Iterator[Callable[..., Node]]:
    """Starts real web processes on the tests' database; `scale` makes the times of a press shorter.

    `pool`: the most connections it may have on PostgreSQL.
    """
    with ExitStack() as running:

        def start(scale: float = 1.0, pool: int | None = None) -> Node:
            return running.enter_context(
                Node(scale=scale, pool=pool, voice_url=bandwidth.voice_url, token_url=bandwidth.token_url)
            )

        yield start


@pytest.fixture
def worker(bandwidth: Fake) -> Iterator[Callable[..., WorkerNode]]:
    """Starts real workers on the tests' database; `scale` makes their times shorter, `ahead` sets their clock wrong."""
    with ExitStack() as running:

        def start(scale: float = 1.0, **how: Any) -> WorkerNode:
            node = WorkerNode(scale=scale, voice_url=bandwidth.voice_url, token_url=bandwidth.token_url, **how)
            return running.enter_context(node)

        yield start


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Keyring:
    """A data folder with keys of its own, before the cast's secrets are sealed with them."""
    return Keyring(tmp_path / "data", monkeypatch, settings)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads that give their database connections back."""
    with _Threads(32) as pool:
        yield pool


class _Threads(ThreadPoolExecutor):
    """After each piece of work, as Django does after a request: what a thread keeps is lost to the pool."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        def work() -> T:
            try:
                return fn(*args, **kwargs)
            finally:
                connections.close_all()

        return super().submit(work)

"""One Chromium and one server for many tests; a browser of their own for every person in each of them."""

import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import cast as people
from tests import ports
from tests.browser.desk import WATCH, Complaints
from tests.browser.relay import Relay
from tests.cast import Cast
from tests.serving import Node
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Command, Fetch
from voicedash.tenants.models import User

HERE = Path(__file__).parent
_turn = itertools.count(1)
# What Playwright leaves out, whose list ours replaces; and the pages behind the address bar, which nobody sees here and
# which cost each window as much as its own.
_LEFT_OUT = (
    "AimEnabled,AvoidCorsURLLoaderRestartOnRedirect,AvoidUnnecessaryBeforeUnloadCheckSync,"
    "DestroyProfileOnBrowserClose,HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,LensOverlay,MediaRouter,"
    "NetworkTimeServiceQuerying,OptimizationHints,PaintHolding,PreconnectToSearch,ThirdPartyStoragePartitioning,"
    "WebUIOmniboxAimPopup,WebUIOmniboxPopup"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


def _chromium() -> str:
    named = os.environ.get("CHROMIUM", "")
    if named:
        found = shutil.which(named)
    else:
        found = shutil.which("/usr/bin/chromium") or shutil.which("chromium")
    if found:
        return found
    why = f"CHROMIUM={named} is no program" if named else "no Chromium: install one, or name it in CHROMIUM"
    if named or os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = _chromium()
    expect.set_options(timeout=20_000)
    # --no-sandbox: root, as in most containers, cannot have Chromium's own.
    quiet = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*quiet.split(), f"--disable-features={_LEFT_OUT}"]
        )
        yield browser
        browser.close()


# ---- The server, and Bandwidth behind it ---------------------------------------------------------


@pytest.fixture(scope="session")
def bandwidth_port() -> Iterator[int]:
    """One port for all stand-ins of this session: the shared servers are told it once."""
    with ports.reserved() as port:
        yield port


@pytest.fixture
def fake(bandwidth_port: int) -> Iterator[Fake]:
    with Fake(port=bandwidth_port) as running:
        yield running


@pytest.fixture
def bandwidth(fake: Fake, cast: Cast) -> Fake:
    """The stand-in that knows the cast's accounts, under a client id of this test alone.

    The shared server keeps tokens by client: one of an earlier test would cost this one a refused request.
    """
    for account in (cast.acme_account, cast.globex_account):
        account.client_id = f"CLI-{account.account_id}-{next(_turn)}"
        account.save(update_fields=["client_id"])
        people.known_to(fake, account)
    return fake


@pytest.fixture(scope="session")
def servers(django_db_setup: None, bandwidth_port: int) -> Iterator[Callable[[float], Node]]:
    """Server processes that stay between tests, one for each scale of the times of a press."""
    running: dict[float, Node] = {}
    where = Fake(port=bandwidth_port)
    with ExitStack() as stack:

        def of(scale: float) -> Node:
            if scale not in running:
                node = Node(scale=scale, voice_url=where.voice_url, token_url=where.token_url)
                running[scale] = stack.enter_context(node)
            assert running[scale].process.poll() is None, "\n".join(running[scale].log[-40:])
            return running[scale]

        yield of


def _when_all_is_settled(bandwidth: Fake) -> None:
    """No thread of a shared server may still be at a call of this test when the next one begins."""
    bandwidth.release_all()
    until = time.monotonic() + 30
    while Command.objects.exclude(state="closed").exists() or Fetch.objects.filter(finished_at=None).exists():
        assert time.monotonic() < until, "a press or a fetch of this test has not ended"
        time.sleep(0.02)


@pytest.fixture
def site(servers: Callable[[float], Node], bandwidth: Fake) -> Iterator[Node]:
    """The shared server. Not to be killed or suspended: `node` starts others for that."""
    yield servers(1.0)
    _when_all_is_settled(bandwidth)


@pytest.fixture
def hurried(servers: Callable[[float], Node], bandwidth: Fake) -> Iterator[Node]:
    """The same with every time of a press 0.4 as long, for outcomes that take their whole budget."""
    yield servers(0.4)
    _when_all_is_settled(bandwidth)


# ---- People at their browsers --------------------------------------------------------------------


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    heard = Complaints()
    yield heard
    assert heard.unexpected == []


@pytest.fixture
def browser(chromium: Browser, complaints: Complaints) -> Iterator[Callable[..., BrowserContext]]:
    """Starts a person's browser: a context with nothing in it, whose complaints are heard."""
    opened: list[BrowserContext] = []

    def start(**options: Any) -> BrowserContext:
        options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | options
        context = chromium.new_context(**options)
        opened.append(context)
        context.add_init_script(WATCH)
        context.on("console", complaints.hear_console)
        context.on("weberror", complaints.hear_error)
        return context

    yield start
    for context in opened:
        context.close()


@pytest.fixture
def board(browser: Callable[..., BrowserContext], request: pytest.FixtureRequest) -> Callable[..., Page]:
    """Opens a board, or the page at `path`, for a person who has signed in; on the shared server if none is given."""

    def opened(user: User, *, at: Node | Relay | None = None, path: str = "/t/acme/", **options: Any) -> Page:
        node = at or request.getfixturevalue("site")
        context = browser(**options)
        context.add_cookies([session_cookie(node, user)])
        page = context.new_page()
        page.goto(node.url + path)
        return page

    return opened


def session_cookie(node: Node | Relay, user: User) -> Any:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    name = django_settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": node.url, "httpOnly": True}


@pytest.fixture
def relay(site: Node, complaints: Complaints) -> Iterator[Relay]:
    """The way to the shared server, for tests that cut it."""
    complaints.expect_no_answer()  # its end is one
    with Relay(site) as way:
        yield way

"""The places of a board that the tests look at, by the names a person would give them."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone
from playwright.sync_api import CDPSession, ConsoleMessage, Locator, Page, Route, WebError, expect

from voicedash.calls.models import Call
from voicedash.tenants.board import writing

_CSP = "Content Security Policy"
# Chromium's own console does not tell every violation that its page hears of.
WATCH = """
document.addEventListener("securitypolicyviolation", (event) => console.error(
  `Content Security Policy: ${event.effectiveDirective} stopped ${event.blockedURI || "inline"} at ${event.sourceFile}`));
"""


class Complaints:
    """What the browser complains of. A broken Content-Security-Policy is never expected; the rest a test may allow."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._expected: list[str] = []

    def hear_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" or _CSP in message.text:
            self._heard.append(f"{message.text} ({message.location.get('url', '')})")

    def hear_error(self, error: WebError) -> None:
        self._heard.append(f"uncaught: {error.error}")

    def expect_no_answer(self) -> None:
        """Requests that break off are part of the test."""
        self._expected.append(r"net::ERR_|^htmx:(afterRequest|sendError|timeout)")

    def expect_status(self, status: int) -> None:
        """Answers with this status are part of the test."""
        self._expected.append(rf"status of {status}|Response Status Error Code {status}")

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self._heard if _CSP in text or not any(re.search(p, text) for p in self._expected)]

    def forget(self) -> None:
        self._heard.clear()


STALE = "#stale"
PROMPTLY = 3_500  # ms: a board that hears of nothing, and only looks every few seconds, takes longer
A_SECOND = 1_000  # ms, of what `lags` measures


def row(page: Page, call: Call) -> Locator:
    return page.locator(f"#call-{call.pk}")


def slot1(page: Page, call: Call) -> Locator:
    """Pause, or Pause again."""
    return page.locator(f"#call-{call.pk}-slot1")


def slot2(page: Page, call: Call) -> Locator:
    """Resume, where there is something to resume."""
    return page.locator(f"#call-{call.pk}-slot2")


def word(page: Page, call: Call) -> Locator:
    """What the row says of the recording."""
    return row(page, call).locator(".word")


def status(page: Page) -> Locator:
    """The calm one of the two live regions in which an answer is told."""
    return page.locator("#say [role=status]")


def alert(page: Page) -> Locator:
    """The one that interrupts a screen reader."""
    return page.locator("#say [role=alert]")


def look(page: Page) -> None:
    """Reads the whole board anew, now."""
    page.evaluate("() => window.voicedash.reads.reload()")


def change(call: Call, **fields: object) -> int:
    """Something is new about a call; the version at which it is."""
    with writing(call.tenant_id) as stamp:
        Call.objects.filter(pk=call.pk).update(version=stamp.version, **fields)
    return stamp.version


def end(call: Call, *, ago: float = 0) -> None:
    """The call ended so many seconds ago."""
    change(call, state="disconnected", ended_at=timezone.now() - timedelta(seconds=ago))


def live(page: Page) -> None:
    """Waits until the board hears of every change."""
    expect(page.locator("#live")).to_have_text("Live")


def deafen(page: Page) -> None:
    """From now on this board learns nothing of itself. What is pressed goes through, and its answer comes."""

    def stop(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.path.endswith("/live/") or (url.path.count("/") == 3 and "x-background" in route.request.headers):
            route.abort()
        else:
            route.fallback()

    page.route("**/t/**", stop)
    page.reload()  # which ends the stream


def hear_again(page: Page) -> None:
    page.unroute("**/t/**")
    look(page)


# What a tab hears of when another is brought to the front; a headless Chromium shows all of them at once.
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (hidden ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


# Notes when a row says something, by the clock that all pages of this machine share.
NOTE = """([id, word]) => {
    const row = document.getElementById(id);
    window.saidAt = 0;
    const look = () => {
        if (window.saidAt || row.querySelector(".word").textContent !== word) return;
        window.saidAt = Date.now();
        watch.disconnect();
    };
    const watch = new MutationObserver(look);
    watch.observe(row, { childList: true, subtree: true, characterData: true });
    look();
}"""


def lags(presses: Page, watches: Page, call: Call) -> list[float]:
    """Pauses, resumes and pauses a call on one board; how many milliseconds later the other showed each of them.

    As the pages themselves saw it. Three, because a machine that is busy with other tests may be late once.
    """
    found = []
    for button, says in ((slot1, "Paused"), (slot2, "Recording"), (slot1, "Paused")):
        for page in (presses, watches):
            page.evaluate(NOTE, [f"call-{call.pk}", says])
        button(presses, call).click()
        at = []
        for page in (presses, watches):
            until(lambda page=page: page.evaluate("() => window.saidAt") > 0)  # type: ignore[misc]
            at.append(page.evaluate("() => window.saidAt"))
        found.append(at[1] - at[0])
    return found


def hide(page: Page) -> None:
    page.evaluate(HIDE, True)


def show(page: Page) -> None:
    page.evaluate(HIDE, False)


def put_to_sleep(page: Page) -> CDPSession:
    """Nothing runs in this tab any more, as in one that is frozen or hung: what comes for it waits.

    Chromium freezes only tabs that it knows to be hidden, and Playwright tells it that all are shown.
    """
    tab = page.context.new_cdp_session(page)
    asleep: list[object] = []
    tab.on("Debugger.paused", lambda event: asleep.append(event))
    tab.send("Debugger.enable")
    tab.send("Debugger.pause")
    until(lambda: bool(tab.send("Target.getTargetInfo") and asleep))
    return tab


def wake(tab: CDPSession) -> None:
    tab.send("Debugger.resume")
    tab.send("Debugger.disable")


def stop_the_clock(page: Page) -> None:
    """From now on only `page.clock.run_for` lets time pass in this browser, however long anything takes."""
    page.clock.pause_at(page.evaluate("() => Date.now()") / 1_000 + 5)  # it cannot be stopped in the past


def skip(page: Page, milliseconds: int) -> None:
    """So much later, for this tab alone: Playwright's clock is one for all tabs, and waits for one that sleeps."""
    page.evaluate("(ahead) => { const real = Date.now; Date.now = () => real() + ahead; }", milliseconds)


def visible_text(page: Page) -> str:
    return page.locator("body").inner_text()


def box(place: Locator) -> dict[str, float]:
    """Where something is on the page: x, y, width, height in CSS pixels."""
    found: Any = place.bounding_box()
    assert found, f"{place} is not shown"
    return dict(found)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits for something that is not on a page, such as a row of the database."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.01)

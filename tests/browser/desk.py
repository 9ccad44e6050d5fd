"""The places of a board that the tests look at, by the names a person would give them."""

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, WebError

from voicedash.calls.models import Call

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
    """The look at the whole board that comes every five seconds, now."""
    page.evaluate("() => window.voicedash.look()")


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

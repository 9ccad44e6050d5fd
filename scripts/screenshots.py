"""Makes docs/screenshots/ anew from the running demo, so that the pictures show what there is.

    scripts/setup dev && .venv/bin/python scripts/screenshots.py

Starts a demo of its own in a temporary folder and drives the Chromium that scripts/chromium finds.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

HOUSE = Path(__file__).resolve().parent.parent
PICTURES = HOUSE / "docs" / "screenshots"
WIDE = (1280, 680)
PHONE = (390, 844)


def main() -> None:
    chromium = subprocess.run(
        [HOUSE / "scripts" / "chromium"], capture_output=True, text=True, check=True
    ).stdout.strip()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="voicedash.") as data:
        demo = subprocess.Popen(
            [sys.executable, "-m", "voicedash.demo", "--data", data],
            cwd=HOUSE,
            env=os.environ | {"PORT": "0"},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            address = _address(demo)
            with sync_playwright() as playwright:
                # Chromium's own sandbox cannot be had by root.
                arguments = ["--no-sandbox"] if os.getuid() == 0 else []
                browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
                _take_all(browser, address)
                browser.close()
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait()


def _address(demo: subprocess.Popen[str]) -> str:
    assert demo.stdout is not None
    address = ""
    for line in demo.stdout:
        found = re.search(r"http://[^\s/]+", line)
        address = address or (found[0] if found else "")
        if "Ctrl-C stops everything" in line:
            return address
    raise SystemExit("the demo did not start")


def _take_all(browser: Browser, address: str) -> None:
    page = _page(browser, WIDE)
    page.goto(f"{address}/accounts/login/")
    _take(page, "login")
    _sign_in(page, "ana")
    _wait_for_a_full_floor(page)
    _pause_some(page)
    _take(page, "board-light")
    page.emulate_media(color_scheme="dark")
    _take(page, "board-dark")
    page.emulate_media(color_scheme="light")
    page.goto(page.url.rstrip("/") + "/log/?what=recording")
    _take(page, "log")

    phone = _page(browser, PHONE)
    phone.goto(f"{address}/accounts/login/")
    _sign_in(phone, "ana")
    expect(phone.locator(".row").first).to_be_visible()
    _take(phone, "phone")


def _page(browser: Browser, size: tuple[int, int]) -> Page:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2,
        color_scheme="light",
        reduced_motion="reduce",
        locale="en-US",
    )
    return context.new_page()


def _sign_in(page: Page, username: str) -> None:
    page.fill("[name=login]", username)
    page.fill("[name=password]", "pause-the-recording")
    page.get_by_role("button", name="Sign in").click()


def _wait_for_a_full_floor(page: Page) -> None:
    """Ended calls leave the list after a minute; a picture's first rows are others."""
    page.mouse.move(0, 0)  # none leaves under a hand
    expect(page.locator(".row").nth(10)).to_be_visible(timeout=30_000)
    expect(page.locator("#rows > li:nth-child(-n + 8).ended")).to_have_count(0, timeout=300_000)


def _pause_some(page: Page) -> None:
    """One call is paused and resumed, two are paused: what a floor looks like at work."""
    ids = [row.get_attribute("id") for row in page.locator(".row[data-state=answered]:visible").all()]
    resumed, first, last = (page.locator(f"#{ids[place]}") for place in (3, 1, 6))
    _press(resumed, ".slot1", "paused")
    _press(resumed, ".slot2", "recording")
    _press(first, ".slot1", "paused")
    expect(first.locator("[data-ends]")).to_have_text("resumes in 2:52", timeout=15_000)
    _press(last, ".slot1", "paused")
    expect(last.locator("[data-ends]")).to_have_text("resumes in 2:58", timeout=15_000)


def _press(row: Locator, slot: str, wanted: str) -> None:
    row.locator(slot).click()
    expect(row).to_have_attribute("data-recording", wanted, timeout=15_000)


def _take(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement && document.activeElement.blur()")
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"docs/screenshots/{name}.png")


if __name__ == "__main__":
    main()

"""Makes docs/screenshots/ anew from the running demo, so that the pictures show what there is, in both themes.

    scripts/setup dev && .venv/bin/python scripts/screenshots.py

Starts a demo of its own in a temporary folder, whose calls end under nobody's hand, and drives the Chromium that
scripts/chromium finds.
"""

import base64
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

HOUSE = Path(__file__).resolve().parent.parent
PICTURES = HOUSE / "docs" / "screenshots"
WIDE = (1280, 680)
PHONE = (390, 844)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LEAST = 12  # calls, for a floor at work
# Ids that the stand-in does not know: pressing on them fails, as on a call that is over or of another account.
UNKNOWN = ("c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85", "c-95ac8d6e-1a31c52e-b38f-4198-93c1-51633ec68f8d")

# The pixels of a picture by its 256 commonest colours: text has some hundred shades more, which nobody can tell apart.
REDUCE = """async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const { width, height } = image;
    const canvas = new OffscreenCanvas(width, height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const { data } = canvas.getImageData(0, 0, width, height);
    const colour = (at) => data[at] << 16 | data[at + 1] << 8 | data[at + 2];
    const colours = new Uint32Array(width * height).map((_, at) => colour(4 * at));
    const counts = new Map();
    for (const one of colours) counts.set(one, (counts.get(one) || 0) + 1);
    const palette = [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one)).slice(0, 256);
    const parts = (one) => [one >> 16, one >> 8 & 255, one & 255];
    const far = (one, other) => parts(one).reduce((sum, part, at) => sum + (part - parts(other)[at]) ** 2, 0);
    const nearest = (to) => palette.reduce((best, one, at) => (far(one, to) < far(palette[best], to) ? at : best), 0);
    const places = new Map([...counts.keys()].map((one) => [one, nearest(one)]));
    let pixels = "";
    for (const one of colours) pixels += String.fromCharCode(places.get(one));
    return { width, height, palette, pixels: btoa(pixels) };
}"""


def main() -> None:
    chromium = subprocess.run(
        [HOUSE / "scripts" / "chromium"], capture_output=True, text=True, check=True
    ).stdout.strip()
    PICTURES.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=20_000)
    with tempfile.TemporaryDirectory(prefix="voicedash.") as data:
        demo = subprocess.Popen(
            [sys.executable, "-m", "voicedash.demo", "--long", "--data", data],
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
    ana = _page(browser, WIDE)
    ana.goto(f"{address}/accounts/login/")
    _take(ana, "login")
    _sign_in(ana, "ana")
    _take_the_board(ana)
    mia = _page(browser, WIDE)
    mia.goto(f"{address}/accounts/login/")
    _sign_in(mia, "mia")
    _take_incidents(ana, mia)
    phone = _page(browser, PHONE)
    phone.goto(f"{address}/accounts/login/")
    _sign_in(phone, "ana")
    phone.get_by_role("link", name="Keep all paused and go on").click()
    expect(phone.locator(".row").first).to_be_visible()
    _take(phone, "phone")
    _take_everyone(ana)
    _take_what_is_read(ana)


def _take_the_board(page: Page) -> None:
    """One call is paused and resumed, two are paused: what a floor looks like at work."""
    expect(page.locator(".row").nth(LEAST - 1)).to_be_visible()
    # Whoever still rings may not be answered, and goes.
    talking = page.locator(".row[data-state=answered][data-call]:visible")
    ids = [row.get_attribute("id") for row in talking.all()]
    resumed, first, last = (page.locator(f"#{ids[place]}") for place in (3, 1, 5))
    _press(resumed, ".slot1", "paused")
    _press(resumed, ".slot2", "recording")
    _press(first, ".slot1", "paused")
    expect(first.locator("[data-ends]")).to_have_text(re.compile(r"resumes in 2:5[0-4]"))
    _press(last, ".slot1", "paused")
    expect(page.locator("#say [role=status]")).to_contain_text("Paused: go ahead")
    _take(page, "board")


def _take_incidents(page: Page, colleague: Page) -> None:
    """Two presses that fail, of which a colleague takes one."""
    board = page.url
    page.get_by_role("button", name="Add calls").click()
    dialog = page.get_by_role("dialog", name="Add calls")
    dialog.get_by_role("textbox").fill(" ".join(UNKNOWN))
    dialog.get_by_role("button", name="Add calls").click()
    expect(dialog).to_contain_text("2 calls added.")
    page.keyboard.press("Escape")
    for call_id in UNKNOWN:
        page.locator(f"[data-call={call_id}] .slot1").click()
        expect(page.locator("#say [role=alert]")).to_contain_text("NOT paused")
    expect(page.locator("#part-incidents")).to_contain_text("2 incidents need you")
    _take(page, "incidents-strip")
    colleague.goto(f"{board}incidents/")
    colleague.get_by_role("button", name="Take it").last.click()
    expect(colleague.locator(".incident").last).to_contain_text("Mia Chen is at it")
    page.goto(f"{board}incidents/")
    expect(page.locator(".incident")).to_have_count(2)
    _take(page, "incidents")
    page.goto(board)


def _take_everyone(page: Page) -> None:
    """The two that fail are asked for again for some seconds: so long it can be seen how far it is."""
    page.get_by_role("button", name="Pause all").click()
    dialog = page.locator("#bulk-dialog")
    expect(dialog.get_by_role("button", name=re.compile(r"Pause \d"))).to_be_visible()
    _take(page, "everyone-question")
    dialog.get_by_role("button", name=re.compile(r"Pause \d")).click()
    part = page.locator("#part-bulks")
    expect(part).to_contain_text("2 to go")
    _take(page, "everyone-progress")
    expect(part.get_by_role("button", name="Repeat the 2")).to_be_visible()
    expect(page.locator("#say")).not_to_contain_text("Wait")
    _take(page, "everyone")


def _take_what_is_read(page: Page) -> None:
    page.goto(f"{page.url.rstrip('/')}/log/?what=recording")
    _take(page, "log")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Before you go")
    _take(page, "leaving")


def _page(browser: Browser, size: tuple[int, int]) -> Page:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=1.5,
        color_scheme="light",
        reduced_motion="reduce",
        locale="en-US",
    )
    return context.new_page()


def _sign_in(page: Page, username: str) -> None:
    page.fill("[name=login]", username)
    page.fill("[name=password]", "pause-the-recording")
    page.get_by_role("button", name="Sign in").click()


def _press(row: Locator, slot: str, wanted: str) -> None:
    row.locator(slot).click()
    expect(row).to_have_attribute("data-recording", wanted)


def _take(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.evaluate("document.querySelector('dialog[open]') || document.activeElement?.blur()")
    taken = {}
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        taken[theme] = page.screenshot()
    page.emulate_media(color_scheme="light")
    for theme, png in taken.items():  # not sooner: what is pictured may last for seconds only
        (PICTURES / f"{name}-{theme}.png").write_bytes(_small(page, png))
        print(f"docs/screenshots/{name}-{theme}.png", flush=True)


def _small(page: Page, png: bytes) -> bytes:
    """The same picture in less than half as many bytes; worked out in an empty page, as ours run no code of others."""
    assert page.context.browser is not None
    blank = page.context.browser.new_page()
    found: dict[str, Any] = blank.evaluate(REDUCE, f"data:image/png;base64,{base64.b64encode(png).decode()}")
    blank.context.close()
    width, pixels = found["width"], base64.b64decode(found["pixels"])
    lines = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    head = struct.pack(">IIBBBBB", width, found["height"], 8, 3, 0, 0, 0)
    palette = b"".join(colour.to_bytes(3, "big") for colour in found["palette"])
    parts = {b"IHDR": head, b"PLTE": palette, b"IDAT": zlib.compress(lines, 9), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts.items()
    )


if __name__ == "__main__":
    main()

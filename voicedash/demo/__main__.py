"""`python -m voicedash.demo`: shows voicedash to somebody who has nothing but this folder.

This process holds the stand-in for Bandwidth and its calls. It has no Django: the demo's
settings must stand in the environment before Django reads them, so the parts that need it
are processes of their own: `backstage`, and `serve` with web and worker.
"""

import argparse
import http.client
import os
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from voicedash.bandwidth.fake import Fake
from voicedash.demo.children import Child, wait_for
from voicedash.demo.scenario import LENGTHS, LONG, Scenario
from voicedash.demo.surroundings import DATA, Trouble, environment, listen, moved, only_one
from voicedash.live import ports

TENANTS = Path(__file__).with_name("tenants.toml")
LATENCY = 0.12  # seconds: about what Bandwidth takes
LAG = 2.0  # seconds by which its lists are late; the real one's may be minutes
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Runs the demo until Ctrl-C; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m voicedash.demo", description="HOST and PORT say where to serve.")
    parser.add_argument("--data", type=Path, default=DATA, help="the demo's folder (default: var/demo)")
    parser.add_argument("--long", action="store_true", help="calls last long: none ends under the hand")
    chosen = parser.parse_args()
    data: Path = chosen.data.resolve()
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        with ExitStack() as stack:
            try:
                _run(data, os.environ, stack, long=chosen.long)
            finally:  # a second Ctrl-C must not break the stopping off
                for number in SIGNALS:
                    signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        _say("Stopped.")
        return 0
    except Trouble as trouble:
        print(f"voicedash demo: {trouble}", file=sys.stderr, flush=True)
        return 1


def _run(data: Path, given: Mapping[str, str], stack: ExitStack, *, long: bool) -> NoReturn:
    """Starts everything, then watches it. Raises Trouble when a part fails; `stack` gets what is to be stopped."""
    stack.enter_context(only_one(data))
    listener = stack.enter_context(listen(given))  # ours until the server has it: nobody takes the port meanwhile
    (host, port), address = listener.getsockname()[:2], ports.address(listener)
    fake = stack.enter_context(_stand_in(long=long))
    variables = environment(given, data=data, host=host, port=port, voice=fake.voice_url, token=fake.token_url)

    ready, full = threading.Event(), threading.Event()
    doors: list[list[str]] = []
    told = _listen_for({"ready": ready, "full": full}, doors)
    backstage = Child("preparation", ["-m", "voicedash.demo.backstage", str(TENANTS)], variables, told)
    stack.callback(backstage.stop)
    try:
        wait_for(ready.is_set, alive=[backstage], seconds=120, what="The demo's data")
    except Trouble as trouble:
        raise Trouble(f"{trouble} If it stays so, delete {data}: the demo then begins afresh.") from trouble
    _say("Starting web and worker …" if (data / "static").exists() else "Starting web and worker: a bit longer once …")
    held = listener.fileno()
    serve = ["-m", "voicedash.live.child", "serve", "--no-migrate", "--listener", str(held)]
    server = Child("server", serve, variables, inherits=[held])
    stack.callback(server.stop)
    listener.close()
    wait_for(lambda: _answers(address), alive=[backstage, server], seconds=120, what="The server's first answer")
    for slug, path, username, password in doors:
        for account_id in _accounts(slug):
            fake.send_callbacks(account_id, address + path, username=username, password=password, recording_after=3.0)
    wait_for(full.is_set, alive=[backstage, server], seconds=60, what="The calls on the boards")

    print(_welcome(address, "" if given.get("PORT") else moved(port)), flush=True)
    while True:
        backstage.check()
        server.check()
        time.sleep(0.5)


@contextmanager
def _stand_in(*, long: bool) -> Iterator[Fake]:
    """The stand-in with the accounts of the tenants, and calls that come and go."""
    with Fake(latency=LATENCY) as fake:
        fake.lag = LAG
        for tenant in _tenants():
            for account in tenant["account"]:
                basic = account["auth"] == "basic"
                names = ("username", "password") if basic else ("client_id", "secret")
                credentials = dict(zip(names, (account["client_id"], account["secret"]), strict=True))
                fake.add_account(account["account_id"], **credentials)
        scenario = Scenario(fake, lengths=LONG if long else LENGTHS)
        scenario.fill()
        threading.Thread(target=scenario.play, daemon=True).start()
        try:
            yield fake
        finally:
            scenario.stop()


def _tenants() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(TENANTS.read_text("utf-8"))["tenant"]
    return found


def _accounts(slug: str) -> list[str]:
    return [account["account_id"] for tenant in _tenants() if tenant["slug"] == slug for account in tenant["account"]]


def _answers(address: str) -> bool:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _listen_for(words: Mapping[str, threading.Event], doors: list[list[str]]) -> Callable[[str], None]:
    """What the preparation says: how far it is, where callbacks go (not for the terminal), or something to read."""

    def hear(line: str) -> None:
        if line in words:
            words[line].set()
        elif line.startswith("callbacks "):
            doors.append(line.split()[1:])
        else:
            _say(line)

    return hear


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(f"voicedash demo: {line}", flush=True)


def _welcome(address: str, note: str) -> str:
    rule = "-" * 76
    return f"""
{rule}
  voicedash demo    {address}/{f"    ({note})" if note else ""}

  Sign in as        with the password pause-the-recording
    ana             supervisor at Acme Support: sees the calls and presses
    vic             viewer at Acme Support: sees, and cannot press
    mia             manager at Acme Support: also told that a sign-in ends soon
    omar            supervisor at Globex Care: other calls, another tenant
    root            admin: {address}/admin/

  Press Pause on a call. "Paused: go ahead" comes only when Bandwidth (here a
  stand-in on this machine) has acknowledged it. Then press Resume.
  Ctrl-C stops everything.
{rule}
"""


if __name__ == "__main__":
    sys.exit(main())

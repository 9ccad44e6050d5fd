"""The stand-in from a shell: one account, some traffic, and how to talk to it."""

import argparse
import signal
import sys
import time
from types import FrameType
from urllib.parse import unquote, urlsplit

from voicedash.bandwidth.fake.standin import Fake
from voicedash.bandwidth.fake.traffic import Traffic, add_past

ACCOUNT_ID = "9900001"
CLIENT_ID = f"CLI-{ACCOUNT_ID}"
SECRET = "stand-in-secret"  # guards nothing: the port is on loopback and the calls are invented


def _usage(fake: Fake, call_id: str) -> str:
    account_url = f"{fake.voice_url}/accounts/{ACCOUNT_ID}"
    return f"""Stand-in for Bandwidth's Voice API (Ctrl-C ends it)
  voice_url   {fake.voice_url}
  token_url   {fake.token_url}
  account     {ACCOUNT_ID}
  client id   {CLIENT_ID}
  secret      {SECRET}

Try it:
  TOKEN=$(curl -s -u {CLIENT_ID}:{SECRET} -d grant_type=client_credentials {fake.token_url} \\
    | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
  curl -s -H "Authorization: Bearer $TOKEN" '{account_url}/calls?pageSize=5'
  curl -i -X PUT -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{{"state":"paused"}}' {account_url}/calls/{call_id}/recording
"""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> int:
    """Runs until Ctrl-C or SIGTERM; 0 then, 1 when the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m voicedash.bandwidth.fake", description=__doc__)
    parser.add_argument("--port", type=int, default=8099, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds every PUT and GET takes")
    parser.add_argument(
        "--callbacks", metavar="URL", help="where to send them: http://USER:PASSWORD@127.0.0.1:8000/callbacks/KEY/"
    )
    parser.add_argument("--lag", type=float, default=0.0, help="seconds by which GET is late with what has changed")
    parser.add_argument("--past", type=int, default=0, help="how many calls ended in the hour before")
    parser.add_argument("--calls", type=int, default=12, help="how many calls are alive at a time")
    chosen = parser.parse_args(arguments)
    fake = Fake(port=chosen.port, latency=chosen.latency)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        fake.start()
    except OSError as error:
        print(f"Port {chosen.port} cannot be had: {error}", file=sys.stderr)
        return 1
    try:
        fake.lag = chosen.lag
        fake.add_account(ACCOUNT_ID, client_id=CLIENT_ID, secret=SECRET)
        if chosen.callbacks:
            to = urlsplit(chosen.callbacks)
            fake.send_callbacks(
                ACCOUNT_ID, chosen.callbacks, username=unquote(to.username or ""), password=unquote(to.password or "")
            )
        add_past(fake, ACCOUNT_ID, chosen.past)
        traffic = Traffic(fake, ACCOUNT_ID, chosen.calls)
        first = next((call.call_id for call in traffic.calls), "CALL-ID")
        print(_usage(fake, first), flush=True)
        while True:
            time.sleep(1)
            traffic.tick()
    except KeyboardInterrupt:
        return 0
    finally:
        fake.stop()


if __name__ == "__main__":
    sys.exit(main())

"""What the tests of our own client share: the account of the stand-in, one press, and a port that says nothing."""

import json
import socket
import time
from pathlib import Path
from typing import Any

from voicedash.bandwidth.client import Client
from voicedash.bandwidth.fake import FakeCall

ACCOUNT = "9900001"
PAYLOADS = Path(__file__).parent / "payloads"


def put(client: Client, call: FakeCall, seconds: float = 5.0) -> None:
    """Asks for the pause of `call`, within `seconds`."""
    client.put_recording(call.call_id, "paused", deadline=time.monotonic() + seconds)


def payload(name: str) -> Any:
    """One of Bandwidth's answers, kept as a file."""
    return json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))


def silent_port() -> socket.socket:
    """A port that is connected to and never says a word."""
    return socket.create_server(("127.0.0.1", 0))

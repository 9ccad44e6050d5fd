"""Keeps the demo apart from the real thing: its own settings, folder and port, whatever the machine is set to."""

import fcntl
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from voicedash.live import ports

HOUSE = Path(__file__).resolve().parents[2]
DATA = HOUSE / "var" / "demo"
# What would make a demo of the real tenants, or the real thing of a demo.
IGNORED = {"ALLOWED_HOSTS", "DATABASE_URL", "DEBUG", "EMAIL_URL", "FORWARDED_ALLOW_IPS", "SECRET_KEY"}


class Trouble(Exception):
    """Why the demo cannot run, in a sentence for the person who started it."""


def environment(
    given: Mapping[str, str], *, data: Path, host: str, port: int, voice: str, token: str
) -> dict[str, str]:
    """The variables for the demo's processes: the machine's without any that sets voicedash, then the demo's."""
    kept = {
        name: value
        for name, value in given.items()
        if not name.startswith("VOICEDASH_") and name.removesuffix("_FILE") not in IGNORED
    }
    kept |= {
        "DJANGO_SETTINGS_MODULE": "voicedash.settings",
        "VOICEDASH_ENV_FILE": "",
        "VOICEDASH_DEMO": "1",
        "VOICEDASH_LOG": "plain",
        "VOICEDASH_DATA": str(data),
        "VOICEDASH_VOICE_URL": voice,
        "VOICEDASH_TOKEN_URL": token,
        "HOST": host,
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    if not ports.is_loopback(host):
        # Somebody wants to look from another machine. There is nothing in the demo to protect.
        kept |= {"VOICEDASH_URL": f"http://{host}:{port}", "VOICEDASH_ALLOW_HTTP": "1", "ALLOWED_HOSTS": "*"}
    return kept


def listen(given: Mapping[str, str]) -> socket.socket:
    """The socket to serve on, by HOST and PORT; without PORT on 8000, or the next one that is free.

    Raises Trouble, for a PORT that is taken with the program that holds it where that can be found out.
    """
    try:
        return ports.listen(given.get("HOST") or "127.0.0.1", ports.parse(given.get("PORT", "")))
    except (ports.CannotListen, ValueError) as error:
        raise Trouble(str(error)) from error


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Holds the demo's folder. Raises Trouble when another demo does, or it cannot be written."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("a")
    except OSError as error:
        raise Trouble(f"{data} cannot be written ({error.strerror}).") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Trouble(f"A demo runs in {data} already. Stop that one, or start this with --data DIR.") from error
        yield


def moved(port: int) -> str:
    """What to say of a port that was not asked for: nothing, or who has the usual one."""
    if port == ports.USUAL:
        return ""
    by = ports.holder(ports.USUAL)
    return f"port {ports.USUAL} is taken" + (f" by {by}" if by else "")

"""Picks the port to serve on and holds it from that moment, so that no one else can take it meanwhile."""

import errno
import ipaddress
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

USUAL = 8000
TRIES = 100
# The kernel drops a connection whose peer takes nothing for so long: closing it would wait for ever.
UNREAD_MILLISECONDS = 30_000


class CannotListen(Exception):
    """Why there is no socket, in a sentence for the person who starts the server."""


def parse(text: str) -> int | None:
    """The number in PORT; None for an empty one, 0 asks for any free port. Raises ValueError with a sentence."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise ValueError(f"{text!r} is not a port: expected a number from 1 to 65535")
    return int(text)


def listen(host: str, port: int | None) -> socket.socket:
    """A listening socket on `host`: on `port`, or where that is None on 8000 or the next free one.

    Raises CannotListen, for a taken port with the program that holds it.
    """
    family = _family(host)
    if port is not None:
        try:
            return _listening(family, host, port)
        except OSError as error:
            raise CannotListen(_sentence(error, host, port)) from error
    for candidate in range(USUAL, USUAL + TRIES):
        try:
            return _listening(family, host, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CannotListen(_sentence(error, host, candidate)) from error
    raise CannotListen(f"The ports {USUAL} to {USUAL + TRIES - 1} are all taken. Set PORT to a free one.")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`. Raises CannotListen for a name without an address."""
    return all(ipaddress.ip_address(address).is_loopback for _, address in _addresses(host))


def address(listener: socket.socket) -> str:
    """Where a browser on this machine finds the socket."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def holder(port: int) -> str:
    """The program that listens on `port`, as "nginx (process 812)"; empty where that cannot be found out.

    Its arguments are left out: other people's command lines may hold secrets.
    """
    try:
        found = _holder_by_proc(port) if Path("/proc/net/tcp").exists() else _holder_by_lsof(port)
    except (OSError, subprocess.SubprocessError):
        return ""
    return found


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise CannotListen(f"HOST={host}: no address is known by this name.") from error
    return [(family, str(where[0]).partition("%")[0]) for family, _, _, _, where in found]


def _family(host: str) -> socket.AddressFamily:
    families = [family for family, _ in _addresses(host)]
    return socket.AF_INET if socket.AF_INET in families else families[0]


def _listening(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait a minute
        unread = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux; connections inherit it
        if unread is not None:
            listener.setsockopt(socket.IPPROTO_TCP, unread, UNREAD_MILLISECONDS)
        listener.bind((host, port))
        listener.listen(2048)  # now, not later: two sockets that are only bound can share a port
    except OSError:
        listener.close()
        raise
    return listener


def _sentence(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            by = holder(port)
            return f"Port {port} is taken{f' by {by}' if by else ''}. Stop that program, or set PORT to another port."
        case errno.EACCES:
            return f"Port {port} may only be opened by an administrator. Set PORT to one from 1024 on."
        case errno.EADDRNOTAVAIL:
            return f"HOST={host} is not an address of this machine."
    return f"Cannot listen on {host}, port {port}: {error.strerror}."


def _holder_by_proc(port: int) -> str:
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        if not sockets.isdisjoint(_open_files(process)):
            return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _open_files(process: Path) -> Iterator[str]:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # it ended meanwhile, or belongs to someone else
        return
    for descriptor in descriptors:
        try:
            yield os.readlink(descriptor)
        except OSError:  # closed meanwhile
            continue


def _listening_inodes(port: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:  # 0A = listening
                yield fields[9]


def _holder_by_lsof(port: int) -> str:
    lsof = shutil.which("lsof")
    if lsof is None:
        return ""
    command = [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    output = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout
    found = re.search(r"^p(\d+)\nc(.+)$", output, re.MULTILINE)
    return f"{found[2]} (process {found[1]})" if found else ""

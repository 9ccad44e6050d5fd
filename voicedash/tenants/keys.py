"""The sealing keys: which there are now, read again when their file changes, a new one in front, old ones out.

They stand in the environment (VOICEDASH_KEYS), in a file that somebody else keeps (VOICEDASH_KEYS_FILE), or in the
file that voicedash made itself. A file is read again by processes that run, so that a rotation needs no restart.
"""

import base64
import binascii
import fcntl
import hashlib
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)

OWN = "voicedash_keys"  # the file in VOICEDASH_DATA that voicedash makes where it is given no keys


class CannotWrite(Exception):
    """Why the keys cannot be changed here, and who can, in a sentence."""


@dataclass(frozen=True)
class _Read:
    """What was read from the file since the start."""

    start: tuple[str, ...]  # the settings it belongs to
    file: Path
    signature: tuple[int, int, int]
    keys: tuple[str, ...]


_read: _Read | None = None
_reading = threading.Lock()


def current() -> tuple[str, ...]:
    """Every key this process knows: the first seals, all open."""
    read = _read_since()
    return read.keys if read else tuple(settings.SEALING_KEYS)


def look_again() -> None:
    """Reads the file again if it changed since it was read; nothing where the keys stand in the environment.

    What was known before goes on opening: a file that was spoilt or emptied takes nothing from a process that runs.
    Raises nothing: what is wrong with the file goes to the log.
    """
    global _read
    file: Path | None = settings.SEALING_KEYS_FILE
    if file is None:
        return
    with _reading:
        read = _read_since()
        try:
            status = file.stat()  # before reading: a change in between is seen the next time
            signature = (status.st_mtime_ns, status.st_size, status.st_ino)
            if read and read.signature == signature:
                return
            words = parse(file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            # Not the error's own words: of text that cannot be decoded they show a piece.
            logger.error("the sealing keys in %s cannot be read again: %s", file, type(error).__name__)
            return
        found = [word for word in words if is_key(word)]
        if len(found) < len(words) or not found:
            logger.error("%s holds no key, or something that is none: it is left out", file)
        keys = tuple(dict.fromkeys([*found, *current()]))
        _read = _Read(tuple(settings.SEALING_KEYS), file, signature, keys)


def _read_since() -> _Read | None:
    read = _read
    if read and read.start == tuple(settings.SEALING_KEYS) and read.file == settings.SEALING_KEYS_FILE:
        return read
    return None


def parse(text: str) -> list[str]:
    """The words of a setting or a file of keys: separated by commas, spaces or lines."""
    return text.replace(",", " ").split()


def is_key(word: str) -> bool:
    """Whether a word can be a Fernet key: 32 bytes in url-safe base64."""
    try:
        return len(base64.urlsafe_b64decode(word)) == 32
    except (binascii.Error, ValueError):
        return False


def fingerprint(key: str) -> str:
    """Eight letters that name a key and tell nothing of it: `printf %s KEY | sha256sum | cut -c1-8`."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def place() -> str:
    """Where the keys stand, in words for an operator."""
    file: Path | None = settings.SEALING_KEYS_FILE
    if file is None:
        return "VOICEDASH_KEYS in the environment"
    return str(file) if _is_own(file) else f"VOICEDASH_KEYS_FILE ({file})"


def add() -> str:
    """Makes a key and puts it in front of voicedash's own file; gives its fingerprint.

    It is on the disk before anything is sealed with it. Raises CannotWrite.
    """
    key = base64.urlsafe_b64encode(os.urandom(32)).decode()
    with changing() as file:
        _write(file, [key, *stored(file)])
    look_again()
    return fingerprint(key)


def keep(file: Path, keys: list[str]) -> None:
    """Writes these keys and no others. Inside `changing`. Raises CannotWrite."""
    _write(file, keys)
    look_again()


@contextmanager
def changing() -> Iterator[Path]:
    """voicedash's own file, for one process at a time. Raises CannotWrite where somebody else keeps the keys."""
    file: Path | None = settings.SEALING_KEYS_FILE
    if file is None or not _is_own(file):
        raise CannotWrite(
            f"The keys come from {place()}, which voicedash does not write: change them there "
            "(docs/operate.md, Keys, has the order that breaks nothing)."
        )
    file = file.resolve()
    try:
        folder = os.open(file.parent, os.O_RDONLY)
    except OSError as error:
        raise CannotWrite(f"{file.parent} cannot be read ({error.strerror}).") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(folder)


def stored(file: Path) -> list[str]:
    """The keys that the file holds now, first the one that seals. Raises CannotWrite where it holds anything else."""
    try:
        words = parse(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CannotWrite(f"{file} cannot be read ({type(error).__name__}): it was left as it is.") from None
    if not words or not all(is_key(word) for word in words):
        raise CannotWrite(f"{file} holds something that is no key: it was left as it is. Mend it first.")
    return list(dict.fromkeys(words))


def _is_own(file: Path) -> bool:
    return file == settings.DATA_DIR / OWN


def _write(file: Path, keys: list[str]) -> None:
    """All or nothing, also when the power goes."""
    draft = file.with_name(f".{file.name}.new")
    try:
        owner = file.stat()
        draft.unlink(missing_ok=True)  # of one that was killed
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            # Run by root, it must stay readable for the user who serves.
            os.fchown(out.fileno(), owner.st_uid, owner.st_gid)
            out.write("\n".join(keys) + "\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):  # keys must not lie about under a name that nobody looks for
            draft.unlink(missing_ok=True)
        raise CannotWrite(
            f"{file} cannot be replaced ({error.strerror}): run this as the user who owns it, with room on the disk."
        ) from error

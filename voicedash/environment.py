"""Reads the environment: typed, secrets also from files, every bad value reported at once."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")


class Environment:
    """The process's variables over those of a `.env` file.

    A bad value is collected, not raised: `complain()` names them all in one error, so
    that an admin mends a file once and not line by line.
    """

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables
        self.errors: list[str] = []

    @classmethod
    def load(cls, env_file: Path | None) -> "Environment":
        variables: dict[str, str] = {}
        errors: list[str] = []
        if env_file is not None and env_file.is_file():
            for number, line in enumerate(env_file.read_text("utf-8").splitlines(), start=1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                name, equals, value = line.removeprefix("export ").partition("=")
                if not equals or not name.strip().isidentifier():
                    errors.append(f"{env_file.name}, line {number}: expected NAME=value")
                    continue
                variables[name.strip()] = _unquoted(value.strip())
        environment = cls(variables | dict(os.environ))
        environment.errors += errors
        return environment

    def text(self, name: str, default: str = "") -> str:
        """The value of `name`, or of the file that `NAME_FILE` names; both at once is an error."""
        value = self.variables.get(name, "")
        file = self.variables.get(f"{name}_FILE", "")
        if value and file:
            self.errors.append(f"{name} and {name}_FILE are both set: keep one")
        if file:
            try:
                value = Path(file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                self.errors.append(f"{name}_FILE: cannot read {file} ({_why(error)})")
                return default
            if not value:  # a secret that got lost: another one made in its place would hide it
                self.errors.append(f"{name}_FILE: {file} is empty")
        return value or default

    def flag(self, name: str) -> bool:
        value = self.text(name, "0").lower()
        if value not in {"0", "1", "true", "false", "yes", "no", "on", "off"}:
            self.errors.append(f"{name}={value!r}: expected 1 or 0")
        return value in {"1", "true", "yes", "on"}

    def words(self, name: str) -> list[str]:
        return [word for word in self.text(name).replace(",", " ").split() if word]

    def parsed(self, name: str, default: str, parse: Callable[[str], T]) -> T:
        """`parse` of the value; where it raises ValueError the error is kept and the default used."""
        try:
            return parse(self.text(name, default))
        except ValueError as error:
            self.errors.append(f"{name}: {error}")
            return parse(default)

    def secret(self, name: str, make: Callable[[], str], folder: Path) -> str:
        """The secret `name`; unset, it is made once and kept in `folder`, readable by the owner only.

        Two processes that start at once agree: the file is created exclusively, the
        second one reads what the first wrote.
        """
        given = self.text(name)
        if given:
            return given
        path = folder / name.lower()
        try:
            if not path.exists():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds the database, too
                draft = folder / f".{name.lower()}.{secrets.token_hex(4)}"
                draft.touch(mode=0o600)
                with draft.open("w", encoding="utf-8") as out:
                    out.write(make() + "\n")
                    out.flush()
                    os.fsync(out.fileno())  # what is sealed with it outlives a power cut, so must it
                try:
                    os.link(draft, path)
                except FileExistsError:
                    pass
                finally:
                    draft.unlink()
            return path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.errors.append(f"{name} is not set and {path} cannot be kept ({_why(error)})")
            return make()

    def file_of(self, name: str, folder: Path) -> Path | None:
        """The file that `secret` reads `name` from; None where it stands in the environment itself."""
        if file := self.variables.get(f"{name}_FILE"):
            return Path(file)
        return None if self.variables.get(name) else folder / name.lower()

    def complain(self) -> None:
        """Raises ImproperlyConfigured with every error found so far; nothing where there is none."""
        if self.errors:
            raise ImproperlyConfigured("voicedash cannot start with these settings:\n  - " + "\n  - ".join(self.errors))


def interval(text: str) -> float:
    """Seconds between two turns of something; 0: it has none. Raises ValueError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if seconds != 0 and not 1 <= seconds <= 300:
        raise ValueError(f"{text!r} is not a number of seconds from 1 to 300, or 0 for never")
    return seconds


def _why(error: OSError | UnicodeDecodeError) -> str:
    """What is wrong with a file, without a piece of what it holds."""
    return str(error.strerror) if isinstance(error, OSError) else "it is not text"


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value

"""Reads a Dockerfile and its .dockerignore: the few instructions ours uses, and no guess at any other."""

import fnmatch
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath


class NotUnderstood(Exception):
    """An instruction, or a part of one, that this reader does not know."""


@dataclass(frozen=True)
class Run:
    """A command line for /bin/sh, as it stands in the file."""

    line: int
    script: str


@dataclass(frozen=True)
class Copy:
    """Files of the context, by name, and the absolute folder or file they become."""

    line: int
    sources: list[str]
    target: str
    into: bool  # the target is a folder that they go into


@dataclass(frozen=True)
class Step:
    """One layer: what is done, with the variables and the folder that stand at that line."""

    does: Run | Copy
    environment: dict[str, str]
    workdir: str


@dataclass
class Image:
    """What the file describes."""

    base: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "root"
    volumes: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    stop_signal: str = "SIGTERM"
    steps: list[Step] = field(default_factory=list)


def read(text: str) -> Image:
    """The image of a Dockerfile's text. Raises NotUnderstood."""
    image = Image()
    for number, name, rest in _instructions(text):
        if not image.base and name != "FROM":
            raise NotUnderstood(f"line {number}: {name} before FROM")
        match name:
            case "FROM":
                if image.base or " " in rest:
                    raise NotUnderstood(f"line {number}: one stage, of one image, without a name")
                image.base = rest
            case "ENV":
                image.environment |= _variables(number, rest)
            case "RUN":
                if rest.startswith(("--", "[")) or "<<" in rest:
                    raise NotUnderstood(f"line {number}: RUN {rest.split()[0]}")
                if image.user != "root":
                    raise NotUnderstood(f"line {number}: RUN after USER")
                _step(image, Run(number, rest))
            case "COPY":
                *sources, target = _words(number, rest)
                into = target.endswith(("/", ".")) or len(sources) > 1
                _step(image, Copy(number, sources, _absolute(image, target), into))
            case "WORKDIR":
                image.workdir = _absolute(image, *_words(number, rest))
            case "USER":
                (image.user,) = _words(number, rest)
            case "VOLUME":
                image.volumes += _words(number, rest)
            case "EXPOSE":
                _words(number, rest)  # a word to people: it does nothing
            case "STOPSIGNAL":
                (image.stop_signal,) = _words(number, rest)
            case "HEALTHCHECK":
                options, found, command = rest.partition("CMD ")
                if not found or not all(word.startswith("--") for word in options.split()):
                    raise NotUnderstood(f"line {number}: HEALTHCHECK without CMD")
                image.health = _list(number, command)
            case "CMD":
                image.command = _list(number, rest)
            case _:
                raise NotUnderstood(f"line {number}: {name}")
    return image


def context(root: Path, ignore: str) -> list[str]:
    """The files below `root` that a build would see, by their paths in it; `ignore` is the text of .dockerignore."""
    rules = [
        (line.removeprefix("!").strip("/"), line.startswith("!"))
        for line in map(str.strip, ignore.splitlines())
        if line and not line.startswith("#")
    ]
    return sorted(_files(root, root, rules))


def chosen(step: Copy, files: list[str]) -> dict[str, str]:
    """The files of the context that a COPY takes, each with its absolute place. Raises NotUnderstood for none."""
    places: dict[str, str] = {}
    for source in step.sources:
        below = [name for name in files if name == source or name.startswith(f"{source}/")]
        if not below:
            raise NotUnderstood(f"line {step.line}: {source} is not in the context (.dockerignore?)")
        for name in below:
            inner = name.removeprefix(source).removeprefix("/")  # empty for a file that was named itself
            if not inner and step.into:
                inner = PurePosixPath(name).name
            places[name] = str(PurePosixPath(step.target, inner))
    return places


def _files(root: Path, folder: Path, rules: list[tuple[str, bool]]) -> Iterator[str]:
    for path in folder.iterdir():
        name = str(path.relative_to(root))
        ignored = _ignored(name, rules)
        if path.is_dir():
            # Not looked into where nothing in it can be let in again: .git and .venv are large.
            if not ignored or any(keeps and pattern.startswith((f"{name}/", "*")) for pattern, keeps in rules):
                yield from _files(root, path, rules)
        elif not ignored:
            yield name


def _ignored(path: str, rules: list[tuple[str, bool]]) -> bool:
    """The last rule that fits the path, or a folder above it, decides."""
    parts = path.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    ignored = False
    for pattern, keeps in rules:
        if any(_fits(name, pattern) for name in above):
            ignored = not keeps
    return ignored


def _fits(name: str, pattern: str) -> bool:
    if "**" in pattern.removeprefix("**/") or "[" in pattern:
        raise NotUnderstood(f".dockerignore: {pattern}")
    if pattern.startswith("**/"):
        return any(_fits("/".join(name.split("/")[n:]), pattern[3:]) for n in range(name.count("/") + 1))
    # A star stays within one folder's name.
    names, patterns = name.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(fnmatch.fnmatchcase, names, patterns))


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    begun, number = "", 0
    for at, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        number = number if begun else at
        begun += line.strip().removesuffix("\\").rstrip() + " "
        if line.rstrip().endswith("\\"):
            continue
        name, _, rest = begun.strip().partition(" ")
        yield number, name.upper(), rest.strip()
        begun = ""
    if begun:
        raise NotUnderstood(f"line {number}: it ends in the middle")


def _step(image: Image, does: Run | Copy) -> None:
    image.steps.append(Step(does, dict(image.environment), image.workdir))


def _plain(number: int, *words: str) -> None:
    for word in words:
        if word.startswith(("--", "<<", "[")) or "$" in word:
            raise NotUnderstood(f"line {number}: {word}")


def _words(number: int, rest: str) -> list[str]:
    words = shlex.split(rest)
    _plain(number, *words)
    if any(re.search(r"[*?]", word) for word in words):
        raise NotUnderstood(f"line {number}: wildcards")
    return words


def _variables(number: int, rest: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in _words(number, rest)]
    if not all(equals for _, equals, _ in pairs):
        raise NotUnderstood(f"line {number}: ENV without =")
    return {name: value for name, _, value in pairs}


def _list(number: int, rest: str) -> list[str]:
    # A string here would be run by a shell, which would get the signals in place of the server.
    try:
        words = json.loads(rest)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise NotUnderstood(f"line {number}: not a list of words")
    return words


def _absolute(image: Image, place: str) -> str:
    return str(PurePosixPath(image.workdir, place))

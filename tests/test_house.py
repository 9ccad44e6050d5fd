"""The house rules of the design, read from the code: who imports whom, and what only one module may do."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent

# What a room may import of our own, besides itself. A room is a folder or a file in voicedash/.
BELOW = {
    "bandwidth": set[str](),
    "audit": set[str](),
    "tenants": {"bandwidth", "audit"},
    "calls": {"tenants", "audit", "bandwidth"},
    "logs": {"calls"},
    "live": {"calls", "tenants", "audit", "bandwidth", "environment", "logs"},
    "worker": {"calls", "tenants", "audit", "bandwidth", "logs"},
    "environment": set[str](),
    "postgresql": set[str](),
}
ANYTHING = {"demo", "settings", "urls", "asgi"}
# Single modules that may reach further than their room.
MORE = {"audit.views": {"tenants"}, "audit.export": {"tenants"}}
# What a room may import of other people's, where that is limited.
FOREIGN = {"bandwidth": {"requests", "urllib3"}, "bandwidth.fake": set[str](), "audit": {"django"}}

LONGEST = 300  # lines of a file
LONGER = {"voicedash/calls/models.py": "Django looks for models in one module"}  # path: why


@dataclass(frozen=True)
class Import:
    """One imported name with its whole path, and whether the import stands inside a function."""

    name: str
    in_function: bool
    line: int

    @property
    def room(self) -> str:
        """The room it leads to; "" for other people's code."""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "voicedash" and len(parts) > 1 else ""


@dataclass(frozen=True)
class Module:
    path: str
    source: str

    @property
    def name(self) -> str:
        """Without `voicedash.`: "calls.views"."""
        return self.path.removesuffix(".py").removesuffix("/__init__").removeprefix("voicedash/").replace("/", ".")

    @property
    def room(self) -> str:
        return self.name.split(".")[0]

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.source)

    @property
    def imports(self) -> list[Import]:
        return list(_imports(self.tree, in_function=False))


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


def _imports(node: ast.AST, *, in_function: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, in_function, child.lineno)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                yield Import("." * child.level + f"{child.module or ''}.{alias.name}", in_function, child.lineno)
        else:
            inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, in_function=inside)


@cache
def modules(*folders: str) -> list[Module]:
    """Every module of ours below the folders, migrations and empty files left out."""
    paths = [path for folder in folders for path in sorted((HOUSE / folder).rglob("*.py"))]
    found = [
        Module(str(path.relative_to(HOUSE)), path.read_text("utf-8"))
        for path in paths
        if path.parent.name != "migrations"
    ]
    assert found
    return [module for module in found if module.source.strip()]


def ours() -> list[Module]:
    return modules("voicedash")


def wrong_ways(module: Module) -> list[str]:
    """The imports by which a module reaches a room that it may not know."""
    if module.room in ANYTHING or module.name == "voicedash":
        allowed = set(BELOW) | ANYTHING - ({"demo"} if module.room != "demo" else set())
    else:
        allowed = BELOW[module.room] | {module.room} | MORE.get(module.name, set())
    return [
        f"{module.path}:{found.line} imports {found.name}"
        for found in module.imports
        if found.name.startswith(".") or (found.room and found.room not in allowed)
    ]


def strangers(module: Module) -> list[str]:
    """The imports of other people's code where a room has said which it uses."""
    rules = [of for prefix, of in FOREIGN.items() if f"{module.name}.".startswith(f"{prefix}.")]
    if not rules:
        return []
    allowed = rules[-1] | sys.stdlib_module_names | {"voicedash"} | MORE.get(module.name, set())
    return [f"{module.path}:{i.line} imports {i.name}" for i in module.imports if i.name.split(".")[0] not in allowed]


def inner_imports(module: Module) -> list[str]:
    """Imports of our own code inside a function."""
    return [
        f"{module.path}:{found.line} imports {found.name} inside a function"
        for found in module.imports
        if found.in_function and (found.name.startswith(("voicedash", ".")))
    ]


def recording_writes(module: Module) -> list[str]:
    """Where a module gives `recording` a value: as an argument of anything that does not only read, or by assignment."""
    reading = {"filter", "exclude", "get", "Q", "Row"}
    found = []
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called), keywords=keywords):
                writes = called not in reading and any(keyword.arg == "recording" for keyword in keywords)
            case ast.Attribute(attr="recording", ctx=ast.Store()):
                writes = True
            case _:
                continue
        if writes:
            found.append(f"{module.path}:{node.lineno}")
    return found


def told(lists: Iterator[list[str]]) -> str:
    return "\n".join(line for lines in lists for line in lines)


def test_every_module_imports_only_what_lies_below_it() -> None:
    assert told(wrong_ways(module) for module in ours()) == ""


def test_bandwidth_and_audit_know_no_library_but_their_own() -> None:
    assert told(strangers(module) for module in ours()) == ""


def test_no_function_imports_our_own_code() -> None:
    assert told(inner_imports(module) for module in ours()) == ""


def test_only_addresses_know_views_and_only_admins_know_admins() -> None:
    knows = {"views": "urls", "admin": "admin"}
    reached = [
        f"{module.path}:{found.line} imports {found.name}"
        for module in ours()
        for found in module.imports
        for end, by in knows.items()
        if found.room
        and any(part.endswith(end) for part in found.name.split(".")[2:4])
        and by not in {*module.name.split(".")[:1], *module.name.split(".")[1:3]}
    ]
    assert reached == []


def test_models_know_no_other_part_of_their_app() -> None:
    reached = [
        f"{module.path} imports {found.name}"
        for module in ours()
        if module.name.endswith(".models")
        for found in module.imports
        if found.room == module.room and not found.name.endswith(".models")  # of which Django looks into one alone
    ]
    assert reached == []


def test_verbs_never_see_a_request_and_views_never_a_bandwidth_error() -> None:
    wrong = []
    for module in ours():
        last = module.name.split(".")[-1]
        for found in module.imports:
            if (
                found.name.endswith(".HttpRequest")
                and module.room in {"calls", "worker"}
                and not last.endswith(("views", "admin"))
            ):
                wrong.append(f"{module.path} knows requests")
            if found.name.startswith("voicedash.bandwidth.errors") and last.endswith(("views", "admin")):
                wrong.append(f"{module.path} knows Bandwidth's errors")
    assert wrong == []


def test_one_module_seals_and_opens_secrets() -> None:
    knows = [m.path for m in ours() if any("cryptography" in i.name or "Fernet" in i.name for i in m.imports)]
    # The settings make a key where there is none; they open nothing.
    assert set(knows) == {"voicedash/tenants/sealing.py", "voicedash/settings.py"}
    # Accounts makes clients of them; provisioning asks whether the file's secret is another one.
    asking = {m.name for m in ours() if "open_secret" in m.source}
    assert asking == {"tenants.sealing", "tenants.accounts", "tenants.provisioning"}


def test_one_module_writes_the_state_of_a_recording() -> None:
    writing = {where.partition(":")[0] for module in ours() for where in recording_writes(module)}
    assert writing == {"voicedash/calls/state.py"}


def test_no_file_is_long_without_a_reason() -> None:
    lengths = {
        module.path: module.source.count("\n") for module in modules("voicedash", "tests", "scripts", "benchmarks")
    }
    assert {path for path, lines in lengths.items() if lines > LONGEST} == set(LONGER)


def test_every_module_says_why_it_exists() -> None:
    silent = [m.path for m in modules("voicedash", "tests", "scripts", "benchmarks") if not ast.get_docstring(m.tree)]
    assert silent == []


@pytest.mark.parametrize(
    ("path", "source", "rule"),
    [
        ("voicedash/bandwidth/x.py", "from voicedash.tenants import models", wrong_ways),
        ("voicedash/calls/x.py", "import voicedash.live.hub", wrong_ways),
        ("voicedash/calls/x.py", "from . import models", wrong_ways),
        ("voicedash/settings.py", "from voicedash import demo", wrong_ways),
        ("voicedash/bandwidth/x.py", "import django", strangers),
        ("voicedash/bandwidth/fake/x.py", "import requests", strangers),
        ("voicedash/audit/log.py", "import requests", strangers),
        ("voicedash/calls/x.py", "def f():\n    from voicedash.calls import views", inner_imports),
        ("voicedash/calls/x.py", "Call.objects.filter(pk=1).update(recording='paused')", recording_writes),
        ("voicedash/calls/x.py", "call.recording = 'paused'", recording_writes),
    ],
)
def test_the_rules_find_what_breaks_them(path: str, source: str, rule: object) -> None:
    assert callable(rule)
    assert rule(Module(path, source))

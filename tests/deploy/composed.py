"""What compose.yaml says, as compose would understand it."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-?])([^}]*))?\}")


def load(**variables: str) -> dict[str, Any]:
    """The file with its `${…}` filled in from `variables`. Raises LookupError where one is needed and not given."""

    def value(found: re.Match[str]) -> str:
        name, kind, text = found.groups()
        given = variables.get(name)
        if given is not None and (given or not (kind or "").startswith(":")):
            return given
        if kind in {"-", ":-"}:
            return str(text)
        raise LookupError(f"{name}: {text or 'not set'}")

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: filled(inner) for name, inner in part.items()}
        if isinstance(part, list):
            return [filled(inner) for inner in part]
        return _VARIABLE.sub(value, part) if isinstance(part, str) else part

    read = filled(YAML(typ="safe").load(ROOT / "compose.yaml"))
    assert isinstance(read, dict)
    return read

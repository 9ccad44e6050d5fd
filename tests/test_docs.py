"""What docs/truth.md says of its tests holds: each one that it names is there."""

import ast
import re
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")


def test_every_test_that_truth_names_is_there():
    named = NAMED.findall((HOUSE / "docs" / "truth.md").read_text("utf-8"))
    assert len(named) > 20
    for path, test in named:
        found = {node.name for node in ast.parse((HOUSE / path).read_text("utf-8")).body if hasattr(node, "name")}
        assert not test or test in found, f"{path} has no {test}"


def test_every_rule_of_truth_names_its_tests():
    text = (HOUSE / "docs" / "truth.md").read_text("utf-8")
    rules = re.split(r"^### ", text, flags=re.M)[1:]
    assert [rule[:2] for rule in rules] == [f"{number}." for number in range(1, len(rules) + 1)]
    assert all(NAMED.search(rule) for rule in rules)

"""What the documents name is there, and what people need to know of is named: tests, settings, commands, places."""

import ast
import re
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
README = (HOUSE / "README.md").read_text("utf-8")
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
    assert [rule.partition(" ")[0] for rule in rules] == [f"{number}." for number in range(1, len(rules) + 1)]
    assert all(NAMED.search(rule) for rule in rules)


def test_every_setting_has_its_row_in_the_readme_and_no_other_has():
    read = {"VOICEDASH_ENV_FILE"}
    for path in ("voicedash/settings.py", "voicedash/live/management/commands/serve.py"):
        for node in ast.walk(ast.parse((HOUSE / path).read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="env")), args=[ast.Constant(value=str(name)), *_]):
                    read.add(name)
    rows = set(re.findall(r"^\| `([A-Z_]+)` \|", README, flags=re.M))
    not_read_yet = {"EMAIL_URL"}
    ours = {"VOICEDASH_DEMO"}  # set by the demo, for its own processes
    assert rows == (read | not_read_yet) - ours


def test_every_command_has_its_row_in_the_readme():
    ours = {path.stem for path in HOUSE.glob("voicedash/*/management/commands/*.py")} - {"__init__"}
    assert {"serve", "worker"} <= ours
    assert set(re.findall(r"^\| `manage\.py (\w+)", README, flags=re.M)) == ours


def test_every_folder_of_voicedash_has_its_row_in_the_readme():
    folders = {path.parent.name for path in HOUSE.glob("voicedash/*/__init__.py")}
    assert folders <= set(re.findall(r"^\| `voicedash/(\w+)/` \|", README, flags=re.M))


def test_every_link_between_the_documents_leads_somewhere():
    documents = [HOUSE / "README.md", HOUSE / "CHANGELOG.md", *HOUSE.glob("docs/*.md")]
    anchors = {path: {_anchor(title) for title in _titles(path)} for path in documents}
    for path in documents:
        for place, _, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(#([^)\s]+))?\)", path.read_text("utf-8")):
            target = (path.parent / place).resolve() if place else path
            assert target.exists(), f"{path.name}: {place}"
            assert not anchor or anchor in anchors[target], f"{path.name}: {place}#{anchor}"


def test_every_picture_that_a_document_shows_is_there_in_both_themes():
    for path in (HOUSE / "README.md", *HOUSE.glob("docs/*.md")):
        text = path.read_text("utf-8")
        for light in re.findall(r'src="(\S+?)"', text):
            dark = light.replace("-light", "-dark")
            assert dark != light and f'srcset="{dark}"' in text, f"{path.name}: {light}"
            assert (path.parent / light).exists() and (path.parent / dark).exists(), f"{path.name}: {light}"


def _titles(path):
    return re.findall(r"^#+ (.+)$", path.read_text("utf-8"), flags=re.M)


def _anchor(title):
    """As the usual viewers make it of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")

"""Where Prism or the description is missing, that is said with how to get it; where they were meant to be here, it fails."""

import shutil
from pathlib import Path

import pytest

from tests.contracts.prism import Missing, find


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs: a shell, a Node.js that says it is new enough, and a Prism that starts."""
    for name in ("sh", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    for name in ("node", "prism"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 0\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "bandwidth.yml").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PRISM", str(tmp_path / "prism"))
    monkeypatch.setenv("BANDWIDTH_OPENAPI", str(tmp_path / "bandwidth.yml"))
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def test_with_node_prism_and_the_description_the_tests_run(tools: Path) -> None:
    assert find() == (str(tools / "prism"), tools / "bandwidth.yml")


@pytest.mark.parametrize(("ci", "meant"), [("true", True), ("", False)])
def test_without_prism_a_build_server_fails_and_a_person_is_told(
    tools: Path, monkeypatch: pytest.MonkeyPatch, ci: str, meant: bool
) -> None:
    monkeypatch.setenv("CI", ci)
    (tools / "prism").unlink()
    with pytest.raises(Missing, match="does not start") as caught:
        find()
    assert caught.value.meant is meant


@pytest.mark.parametrize("node", [None, "#!/bin/sh\nexit 1\n"], ids=["no Node.js", "one that is too old"])
def test_without_a_node_that_fits_the_tests_are_left_out_anywhere(
    tools: Path, monkeypatch: pytest.MonkeyPatch, node: str | None
) -> None:
    monkeypatch.setenv("CI", "true")
    (tools / "node").unlink()
    if node:
        (tools / "node").write_text(node)
        (tools / "node").chmod(0o755)
    with pytest.raises(Missing, match="apt install nodejs npm") as caught:
        find()
    assert not caught.value.meant


def test_without_a_description_the_tests_are_left_out_and_with_a_wrong_name_they_fail(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDWIDTH_OPENAPI", str(tools / "nothing.yml"))
    with pytest.raises(Missing, match=r"nothing\.yml is no file") as wrong:
        find()
    monkeypatch.delenv("BANDWIDTH_OPENAPI")
    with pytest.raises(Missing, match=r"bandwidth\.yml of github\.com/Bandwidth/python-sdk") as unset:
        find()
    assert (wrong.value.meant, unset.value.meant) == (True, False)

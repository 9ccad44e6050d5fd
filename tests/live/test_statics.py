"""Static files are collected when there are none or others, and not at every start."""

import json
from pathlib import Path
from typing import Any

import pytest

from voicedash.live import statics


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    """Where they go; of all files there are only our own, which are collected in a moment."""
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    settings.STATICFILES_DIRS = [tmp_path / "ours"]
    settings.STATIC_ROOT = tmp_path / "static"
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "board.css").write_text("body { color: black }\n" * 50, "utf-8")
    return tmp_path / "static"


def served(root: Path) -> str:
    """What the style sheet says as it is served."""
    name: str = json.loads((root / "staticfiles.json").read_text("utf-8"))["paths"]["board.css"]
    return (root / name).read_text("utf-8")


def test_they_are_collected_once(root: Path) -> None:
    said: list[str] = []
    assert statics.collect(said.append)
    assert said == [f"Collecting static files into {root} …"]
    assert "black" in served(root)
    assert list(root.glob("board.*.css.gz"))
    assert not statics.collect(said.append)
    assert len(said) == 1


def test_a_file_that_changed_is_collected_again_and_its_old_name_stays(root: Path, tmp_path: Path) -> None:
    statics.collect(lambda line: None)
    old = set(root.glob("board.*.css"))
    (tmp_path / "ours" / "board.css").write_text("body { color: white }\n" * 49, "utf-8")
    assert statics.collect(lambda line: None)
    assert "white" in served(root)
    assert old < set(root.glob("board.*.css"))  # for pages that are still open


def test_what_another_release_collected_is_collected_again(root: Path) -> None:
    statics.collect(lambda line: None)
    (root / statics.STAMP).write_text("of another release\n", "ascii")
    assert statics.collect(lambda line: None)
    assert not statics.collect(lambda line: None)

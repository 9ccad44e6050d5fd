"""The Dockerfile says what an image must have, and what reads it for scripts/container-check guesses at nothing."""

from pathlib import Path

import pytest

from tests.deploy.dockerfile import Copy, NotUnderstood, Run, chosen, context, read

ROOT = Path(__file__).resolve().parents[2]
IMAGE = read((ROOT / "Dockerfile").read_text("utf-8"))


def test_the_image_is_of_a_named_debian_and_its_server_is_not_root() -> None:
    assert IMAGE.base == "python:3.13-slim-trixie"
    assert IMAGE.user == "voicedash"
    assert IMAGE.volumes == [IMAGE.environment["VOICEDASH_DATA"]]


def test_the_server_is_process_1_and_its_health_is_asked_for_without_the_database() -> None:
    assert IMAGE.command == ["python", "manage.py", "serve"]
    assert IMAGE.stop_signal == "SIGTERM"
    assert "/healthz" in IMAGE.health[-1]


def test_no_variable_of_the_image_is_a_secret() -> None:
    words = ("SECRET", "KEYS", "PASSWORD", "DATABASE_URL")
    assert [name for name in IMAGE.environment if any(word in name for word in words)] == []


def test_packages_of_python_are_only_taken_by_their_hash() -> None:
    scripts = [step.does.script for step in IMAGE.steps if isinstance(step.does, Run)]
    (pip,) = [script for script in scripts if "pip install" in script]
    assert "--require-hashes -r requirements.lock" in pip


def test_a_build_sees_the_program_and_nothing_else_of_the_folder(tmp_path: Path) -> None:
    wanted = ["manage.py", "requirements.lock", "static/a.css", "templates/row.html", "voicedash/live/x.py"]
    others = [".env", ".git/config", "secrets/secret_key", "var/db.sqlite3", "voicedash/x.pyc", "voicedash/.env.local"]
    others += ["voicedash/__pycache__/x.cpython-313.pyc", "tests/x.py"]
    for name in [*wanted, *others]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    seen = context(tmp_path, (ROOT / ".dockerignore").read_text("utf-8"))
    assert seen == wanted


def test_every_file_that_is_copied_is_there() -> None:
    seen = context(ROOT, (ROOT / ".dockerignore").read_text("utf-8"))
    places = [chosen(step.does, seen) for step in IMAGE.steps if isinstance(step.does, Copy)]
    copied = {target for place in places for target in place.values()}
    assert {"/srv/voicedash/manage.py", "/srv/voicedash/voicedash/settings.py"} <= copied


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("ADD a b", "line 2: ADD"),
        ("RUN --mount=type=secret,id=x true", "line 2: RUN --mount"),
        ("COPY --from=other a b", "line 2: --from=other"),
        ("COPY $HERE b", r"line 2: \$HERE"),
        ("COPY *.py b", "line 2: wildcards"),
        ("ENV NAME value", "line 2: ENV without ="),
        ("CMD python manage.py serve", "line 2: not a list"),
        ("HEALTHCHECK NONE", "line 2: HEALTHCHECK without CMD"),
        ("FROM other", "line 2: one stage"),
        ("USER x\nRUN true", "line 3: RUN after USER"),
        ("RUN true \\", "line 2: it ends in the middle"),
    ],
)
def test_what_the_reader_does_not_know_is_refused(line: str, told: str) -> None:
    with pytest.raises(NotUnderstood, match=told):
        read(f"FROM python:3.13-slim-trixie\n{line}\n")


def test_a_copy_puts_files_where_docker_would() -> None:
    image = read("FROM x\nWORKDIR /srv\nCOPY a.py b.py .\nCOPY folder inner\nCOPY one.txt two.txt\n")
    copies = [step.does for step in image.steps if isinstance(step.does, Copy)]
    files = ["a.py", "b.py", "folder/x/y", "one.txt"]
    assert [chosen(copy, files) for copy in copies] == [
        {"a.py": "/srv/a.py", "b.py": "/srv/b.py"},
        {"folder/x/y": "/srv/inner/x/y"},
        {"one.txt": "/srv/two.txt"},
    ]
    with pytest.raises(NotUnderstood, match="not in the context"):
        chosen(Copy(9, ["left-out"], "/srv", into=True), files)

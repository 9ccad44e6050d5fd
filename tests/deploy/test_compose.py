"""compose.yaml is one that compose understands, gives no secret away, and fits the image and the proxy."""

import ipaddress
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy import composed
from tests.deploy.dockerfile import Run, read
from voicedash.environment import Environment

ROOT = composed.ROOT
URL = "https://calls.example.com"
FILE = composed.load(VOICEDASH_URL=URL)
SERVICES = FILE["services"]


def test_it_fits_the_schema_of_compose_files() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_does_not_start_without_the_address_people_use() -> None:
    for variables in ({}, {"VOICEDASH_URL": ""}):
        with pytest.raises(LookupError, match=r"VOICEDASH_URL: set it in \.env"):
            composed.load(**variables)


def test_every_secret_is_a_file_that_the_script_makes_and_somebody_reads() -> None:
    given = {name: secret["file"] for name, secret in FILE["secrets"].items()}
    assert given == {name: f"./secrets/{name}" for name in given}
    script = (ROOT / "scripts/secrets").read_text("utf-8")
    made = set(re.findall(r"^make (\w+)", script, re.MULTILINE)) | set(re.findall(r"put (database_url) ", script))
    assert made == set(given)
    assert {name for service in SERVICES.values() for name in service.get("secrets", [])} == set(given)


def test_a_service_is_told_of_the_secrets_it_has_and_of_no_other() -> None:
    for name, service in SERVICES.items():
        told = {
            value.removeprefix("/run/secrets/")
            for variable, value in service["environment"].items()
            if variable.endswith("_FILE")
        }
        scripts = {"database_password"} if name == "db" else set()  # deploy/database.sql reads it
        assert told | scripts == set(service.get("secrets", [])), name


def test_no_secret_stands_in_the_file() -> None:
    bare = re.compile(r"SECRET|KEYS|PASSWORD|DATABASE_URL|TOKEN")
    for service in SERVICES.values():
        assert [n for n in service["environment"] if bare.search(n) and not n.endswith("_FILE")] == []


def test_every_volume_has_a_name_and_every_file_is_there() -> None:
    used = set()
    for service in SERVICES.values():
        for volume in service["volumes"]:
            source, _, rest = volume.partition(":")
            if source.startswith("."):
                assert (ROOT / source).is_file()
                assert rest.endswith(":ro")
            else:
                used.add(source)
    assert used == set(FILE["volumes"])


def test_images_are_pinned_to_a_major_version_and_the_client_fits_the_server() -> None:
    images = {name: service["image"] for name, service in SERVICES.items() if "build" not in service}
    assert all(re.search(r":\d+", image) for image in images.values())
    (major,) = re.findall(r"postgres:(\d+)", images["db"])
    steps = read((ROOT / "Dockerfile").read_text("utf-8")).steps
    assert any(f"postgresql-client-{major} " in s.does.script + " " for s in steps if isinstance(s.does, Run))


def test_only_the_proxy_can_be_reached_and_it_is_the_one_whose_word_is_taken() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy"}
    (subnet,) = (config["subnet"] for config in FILE["networks"]["front"]["ipam"]["config"])
    assert SERVICES["web"]["environment"]["FORWARDED_ALLOW_IPS"] == subnet
    assert ipaddress.ip_network(subnet).is_private
    assert {name for name, service in SERVICES.items() if "front" in service["networks"]} == {"proxy", "web"}
    assert SERVICES["worker"]["networks"] == ["out", "back"]
    assert not (FILE["networks"]["out"] or {}).get("internal")
    assert FILE["networks"]["back"]["internal"] is True
    assert SERVICES["db"]["networks"] == ["back"]


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_service_has_as_little_as_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"


def test_web_and_worker_are_the_same_but_for_what_they_do() -> None:
    web, worker = SERVICES["web"], SERVICES["worker"]
    assert web["command"] == ["python", "manage.py", "serve", "--no-worker"]
    assert worker["command"] == ["python", "manage.py", "worker"]
    for same in ("image", "environment", "secrets", "init", "stop_grace_period"):
        assert web[same] == worker[same]


def test_each_waits_until_what_it_needs_is_healthy() -> None:
    assert SERVICES["proxy"]["depends_on"] == {"web": {"condition": "service_healthy"}}
    assert SERVICES["web"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert SERVICES["worker"]["depends_on"] == {"web": {"condition": "service_healthy"}}  # it migrates
    assert {name for name, service in SERVICES.items() if "healthcheck" in service} == {"proxy", "db", "worker"}
    assert SERVICES["worker"]["healthcheck"] == {"disable": True}  # it answers nobody; /readyz tells of it
    assert read((ROOT / "Dockerfile").read_text("utf-8")).health  # web's


def test_the_proxy_hands_on_to_the_web_service_and_holds_nothing_back() -> None:
    caddy = (ROOT / "deploy/Caddyfile").read_text("utf-8")
    port = read((ROOT / "Dockerfile").read_text("utf-8")).environment["PORT"]
    assert SERVICES["web"]["expose"] == [port]
    assert re.findall(r"reverse_proxy (\S+)", caddy) == [f"web:{port}"]
    assert "flush_interval -1" in caddy
    assert "encode" not in caddy  # compressing the stream would gather it
    assert re.findall(r"\{\$(\w+)\}", caddy) == ["VOICEDASH_URL"]
    assert "VOICEDASH_URL" in SERVICES["proxy"]["environment"]


def test_the_example_of_settings_is_one_that_both_can_read(tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    taken = re.sub(r"^#(?=[A-Z_]+=)", "", example, flags=re.MULTILINE)  # as a person takes the # away
    (tmp_path / ".env").write_text(taken, "utf-8")
    environment = Environment.load(tmp_path / ".env")
    assert environment.errors == []
    assert composed.load(**environment.variables)["services"]["web"]["environment"]["VOICEDASH_URL"] == URL

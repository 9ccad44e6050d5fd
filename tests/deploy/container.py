"""Builds the image's files and runs its server where no container engine is: what scripts/container-check starts."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.deploy.dockerfile import Copy, Image, NotUnderstood, chosen, context, read
from tests.deploy.places import BareTree, CannotRun, FreshFolder

ROOT = Path(__file__).resolve().parents[2]
BASE = re.compile(r"python:(\d\.\d+)-slim-(\w+)")
STARTS = 60.0  # seconds until the health check must have passed, as in the Dockerfile
STOPS = 10.0  # seconds that Docker waits by default before it kills
NEEDED = {"VOICEDASH_URL": "https://calls.example.com", "FORWARDED_ALLOW_IPS": "127.0.0.1"}
SECRETS = ("secret_key", "voicedash_keys", "voicedash_log_keys")
# Run beside the server, by its own Python: the sign-in page as the proxy would ask for it, and what it links to.
LOOK = """
import json, os, re, urllib.request
def get(path):
    headers = {"Host": "calls.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    request = urllib.request.Request(f"http://127.0.0.1:{os.environ['PORT']}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers, answer.read()
headers, page = get("/accounts/login/")
links = sorted(set(re.findall(r'/static/[^"]+', page.decode())))
print(json.dumps({"field": b'name="login"' in page, "cookie": headers.get("Set-Cookie", ""),
                  "static": {link: get(link)[0].get("Cache-Control", "") for link in links}}))
"""
# The same for what needs the worker beside it.
READY = """
import os, urllib.request
urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}/readyz", timeout=5)
"""


def main() -> int:
    """Runs every step, then every look. Returns the exit status."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="voicedash-container-"))
    folder.chmod(0o755)  # the image's user has to get through it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        image = read((ROOT / "Dockerfile").read_text("utf-8"))
        place = BareTree(image, folder) if os.geteuid() == 0 else FreshFolder(image, folder)
        build(image, place)
        if isinstance(place, BareTree):
            look_at_files(place)
        look_at_server(place, folder / "server.log")
    except (CannotRun, NotUnderstood) as error:
        print(f"container-check: FAILED: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder)
    print(f"container-check: all is well, after {time.monotonic() - began:.0f} s")
    return 0


def build(image: Image, place: BareTree | FreshFolder) -> None:
    """Every step of the Dockerfile, in its order. Raises CannotRun, NotUnderstood."""
    if not (base := BASE.fullmatch(image.base)):
        raise NotUnderstood(f"FROM {image.base}: expected python:<version>-slim-<Debian's release>")
    with _timed(f"FROM {image.base}"):
        place.make(*base.groups())
    files = context(ROOT, (ROOT / ".dockerignore").read_text("utf-8"))
    for step in image.steps:
        place.at(step.workdir).mkdir(parents=True, exist_ok=True)
        if isinstance(step.does, Copy):
            with _timed(f"line {step.does.line}: COPY {' '.join(step.does.sources)}"):
                for source, target in chosen(step.does, files).items():
                    place.at(target).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / source, place.at(target))
        elif not place.can(step.does.script):
            print(f"--   line {step.does.line}: left out, it needs root: RUN {step.does.script[:60]}")
        else:
            with _timed(f"line {step.does.line}: RUN {step.does.script[:60]}"):
                place.run(step.does.script, step.environment, step.workdir)


def look_at_files(place: BareTree) -> None:
    """What the image holds before it was ever started. Raises CannotRun."""
    left = [str(path) for name in SECRETS for path in place.tree.rglob(name)]
    _expect("no secret is in the image", left == [], left)
    _expect("the volume is empty", not any(place.at("/data").iterdir()), list(place.at("/data").iterdir()))
    print(f"ok   {place.as_user('pg_dump --version').strip()}, for backups")
    # As the tree is, not as compose mounts it: what the user could write with the disk left writable.
    paths = place.as_user("find / -xdev -writable ! -type l ! -path '/proc/*' ! -path '/dev/*' || true").split()
    _expect(f"the user can write {' '.join(sorted(paths))} and nothing else", _only(paths), paths)


def look_at_server(place: BareTree | FreshFolder, log: Path) -> None:
    """Starts CMD, waits for HEALTHCHECK, reads the sign-in page, stops it. Raises CannotRun."""
    environment = place.environment | NEEDED
    began = time.monotonic()
    process = place.start(environment, log)
    try:
        _wait_for(place, place.image.health, environment, process, log)
        print(f"ok   healthy after {time.monotonic() - began:.1f} s")
        _wait_for(place, ["python", "-c", READY], environment, process, log)
        print(f"ok   ready, with its worker, after {time.monotonic() - began:.1f} s")
        if place.isolated:
            made = place.ask(["/bin/sh", "-c", "touch /srv/x /x"], environment)
            _expect("nothing can be written outside the volume", "Read-only file system" in made.stderr, made.stderr)
            asked = place.ask(["cat", "/proc/1/cmdline"], environment).stdout.split("\0")[:-1]
            _expect(f"process 1 is {' '.join(asked)}", asked == place.image.command, asked)
        seen = place.ask(["python", "-c", LOOK], environment)
        if seen.returncode != 0:
            raise CannotRun(f"the sign-in page: {seen.stderr.strip()[-500:]}")
        page = json.loads(seen.stdout)
        _expect(
            "the sign-in page is there, its cookie for https only", page["field"] and "Secure" in page["cookie"], page
        )
        kept = [link for link, cache in page["static"].items() if "immutable" in cache]
        _expect(
            f"its {len(kept)} static files are there, and may be kept", kept and len(kept) == len(page["static"]), page
        )
        os.kill(place.server, signal.SIGTERM)
        began = time.monotonic()
        try:
            code = process.wait(STOPS)
        except subprocess.TimeoutExpired:
            raise CannotRun(f"it did not end within {STOPS:.0f} s of SIGTERM") from None
        _expect(f"SIGTERM ended it in {time.monotonic() - began:.1f} s with {code}", code == 0, log.read_text("utf-8"))
    finally:
        process.kill()
        process.wait()
    kept_there = sorted(path.name for path in place.data.iterdir())
    _expect(f"the volume holds {' '.join(kept_there)}", set(SECRETS) <= set(kept_there), kept_there)
    if isinstance(place, BareTree):
        values = [(place.data / name).read_bytes().strip() for name in SECRETS]
        found = [str(path) for path in _regular_files(place.tree) if any(v in path.read_bytes() for v in values)]
        _expect("no secret it made is outside the volume", found == [], found)
    # The link to the first admin is no matter for a log, not even that of a server that is gone.
    said = [line.strip() for line in log.read_text("utf-8").splitlines() if "/setup/" not in line]
    print("     it said: " + " | ".join(said))


def _wait_for(
    place: BareTree | FreshFolder,
    command: list[str],
    environment: dict[str, str],
    process: "subprocess.Popen[str]",
    log: Path,
) -> None:
    """Until the command ends with 0 beside the server. Raises CannotRun."""
    until = time.monotonic() + STARTS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise CannotRun(f"the server ended with {process.returncode}:\n{log.read_text('utf-8')}")
        try:
            checked = place.ask(command, environment)
        except CannotRun:  # its process is not there yet
            continue
        if checked.returncode == 0:
            return
        time.sleep(0.2)
    raise CannotRun(f"not there after {STARTS:.0f} s: {checked.stderr[-300:]}\n{log.read_text('utf-8')}")


def _only(paths: list[str]) -> bool:
    """Whether nothing but the volume and the folders that are open to everybody can be written."""
    return set(paths) <= {"/data", "/tmp", "/var/tmp", "/run/lock"} and "/data" in paths


def _regular_files(tree: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(tree):
        yield from (path for name in names if (path := Path(folder, name)).is_file() and not path.is_symlink())


def _expect(sentence: str, right: object, seen: object) -> None:
    if not right:
        raise CannotRun(f"not so: {sentence}\n  seen: {seen}")
    print(f"ok   {sentence}", flush=True)


class _timed:
    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        print(f"...  {self.what}", flush=True)
        self.began = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            print(f"ok   {self.what} ({time.monotonic() - self.began:.1f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())

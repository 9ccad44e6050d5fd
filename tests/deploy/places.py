"""Where the steps of a Dockerfile can be run without a container engine: a bare Debian tree, or a fresh folder."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.deploy.dockerfile import Image

# What Python's image sets.
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# Mounts are made in a namespace of the process: they are gone with it, however it ends.
ALONE = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
BUILDING = """
tree=$1; shift
mount -t proc proc "$tree/proc"
exec chroot "$tree" "$@"
"""
# As compose.yaml starts it: nothing can be written but the volume and /tmp, and no network but its own.
RUNNING = """
tree=$1; data=$2; who=$3; shift 3
ip link set lo up
mount --bind "$tree" "$tree"
mount -o remount,bind,ro "$tree"
mount -t proc proc "$tree/proc"
mount -t tmpfs tmpfs "$tree/tmp"
mount --bind "$data" "$tree/data"
exec chroot --groups= --userspec="$who" "$tree" "$@"
"""


class CannotRun(Exception):
    """Why a step cannot be run here, or how it failed."""


class BareTree:
    """A Debian of the image's release in a folder, entered by chroot. Needs root.

    Python's image has its own build of Python below /usr/local, with pip. Here Debian's python3.13 takes its place,
    as a virtual environment at /usr/local: same minor version, same paths, another patch release and other build options.
    """

    TOOLS = ("debootstrap", "unshare", "nsenter", "chroot", "mount", "ip")
    isolated = True

    def __init__(self, image: Image, folder: Path) -> None:
        self.image = image
        self.tree = folder / "tree"
        self.data = folder / "data"
        missing = [tool for tool in self.TOOLS if shutil.which(tool) is None]
        if missing:
            raise CannotRun(f"needs {', '.join(missing)}: on Debian, apt install debootstrap util-linux iproute2")

    def at(self, place: str) -> Path:
        """The real path of an absolute one of the image."""
        return self.tree / place.lstrip("/")

    def make(self, python: str, release: str) -> None:
        """The base image: Debian, and Python where its image has it."""
        packages = "--include=ca-certificates,python3-venv"
        _call(["debootstrap", "--variant=minbase", packages, release, str(self.tree)])
        shutil.copy("/etc/resolv.conf", self.at("/etc/resolv.conf"))
        # A machine may reach the archives through a proxy, with an authority of its own.
        for source in (Path("/etc/apt/apt.conf.d"), Path("/etc/apt/auth.conf.d")):
            if source.is_dir():
                shutil.copytree(source, self.at(str(source)), dirs_exist_ok=True)
        for file in ("/etc/pip.conf", BUNDLE):
            if Path(file).exists():
                shutil.copy(file, self.at(file))
        self.run("python3 -m venv /usr/local", {}, "/")
        found = self.run("python --version", {}, "/").split()[1]
        if not found.startswith(f"{python}."):
            raise CannotRun(f"Debian {release} has Python {found}, and the image has {python}")

    def can(self, script: str) -> bool:
        """Whether a RUN can be tried here."""
        return True

    def run(self, script: str, environment: dict[str, str], workdir: str) -> str:
        """What a RUN prints. Raises CannotRun."""
        command = _inside(_machine() | environment, workdir, ["/bin/sh", "-c", script])
        return _call([*ALONE, "sh", "-ec", BUILDING, "sh", str(self.tree), *command])

    def start(self, environment: dict[str, str], log: Path) -> "subprocess.Popen[str]":
        """Starts the image's CMD as its user, as process 1 of its own namespaces."""
        shutil.copytree(self.at("/data"), self.data)  # as a new volume takes over what the image has there
        user, group, _ = self._user()
        os.chown(self.data, user, group)
        command = _inside(environment, self.image.workdir, self.image.command)
        arguments = [*ALONE, "--net", "sh", "-ec", RUNNING, "sh", str(self.tree), str(self.data), f"{user}:{group}"]
        with log.open("w") as out:
            self.process = subprocess.Popen([*arguments, *command], stdout=out, stderr=subprocess.STDOUT, text=True)
        return self.process

    def ask(self, command: Sequence[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        """Runs a command beside the server, as its user, as `docker exec` does."""
        user, group, _ = self._user()
        enter = ["nsenter", f"--target={self.server}", "--mount", "--pid", "--net", "--root"]
        enter += [f"--setuid={user}", f"--setgid={group}"]
        return _run([*enter, *_inside(environment, self.image.workdir, command)])

    def as_user(self, script: str) -> str:
        """What a shell line prints as the image's user in the tree itself, where nothing is mounted read-only."""
        user, group, _ = self._user()
        chroot = ["chroot", "--groups=", f"--userspec={user}:{group}", str(self.tree)]
        return _call([*chroot, *_inside({}, "/", ["/bin/sh", "-c", script])])

    @property
    def environment(self) -> dict[str, str]:
        return {**self.image.environment, "HOME": self._user()[2]}

    @property
    def server(self) -> int:
        """The number of the process that CMD became."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii").split()
        if not children:
            raise CannotRun("the server has ended")
        return int(children[0])

    def _user(self) -> tuple[int, int, str]:
        for line in self.at("/etc/passwd").read_text("utf-8").splitlines():
            name, _, user, group, _, home, _ = line.split(":")
            if name == self.image.user:
                return int(user), int(group), home
        raise CannotRun(f"no user {self.image.user} in the image")


class FreshFolder:
    """The same steps below a folder, with this machine's Python. What needs root is left out, and told."""

    isolated = False

    def __init__(self, image: Image, folder: Path) -> None:
        self.image = image
        self.folder = folder
        tops = {place.split("/")[1] for place in [image.workdir, *image.volumes]}
        self.places = re.compile(rf"(?<![\w.])/(?={'|'.join(sorted(tops))}\b)")

    def at(self, place: str) -> Path:
        return self.folder / place.lstrip("/")

    def make(self, python: str, release: str) -> None:
        for volume in self.image.volumes:
            self.at(volume).mkdir(parents=True)
        _call([sys.executable, "-m", "venv", str(self.folder / "python")])
        print(f"--   not the image's: no Debian {release}, Python {sys.version.split()[0]} and not {python}, no user")

    def can(self, script: str) -> bool:
        return re.search(r"\b(apt-get|useradd)\b", script) is None

    def run(self, script: str, environment: dict[str, str], workdir: str) -> str:
        return _call(["/bin/sh", "-c", self._moved(script)], self._variables(environment), self.at(workdir))

    def start(self, environment: dict[str, str], log: Path) -> "subprocess.Popen[str]":
        with log.open("w") as out:
            self.process = subprocess.Popen(
                self.image.command,
                env=self._variables(environment),
                cwd=self.at(self.image.workdir),
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        return self.process

    def ask(self, command: Sequence[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        return _run(command, self._variables(environment), self.at(self.image.workdir))

    @property
    def environment(self) -> dict[str, str]:
        # Others on this machine are not let in, nor may their port be taken.
        return {**self.image.environment, "HOST": "127.0.0.1", "PORT": "48613"}

    @property
    def server(self) -> int:
        return self.process.pid

    @property
    def data(self) -> Path:
        return self.at("/data")

    def _moved(self, text: str) -> str:
        return self.places.sub(f"{self.folder}/", text)

    def _variables(self, environment: dict[str, str]) -> dict[str, str]:
        moved = {name: self._moved(value) for name, value in environment.items()}
        return _machine() | moved | {"PATH": f"{self.folder}/python/bin:{os.environ['PATH']}"}


def _machine() -> dict[str, str]:
    """How this machine reaches the archives of packages: for the steps of the build only."""
    names = {"SSL_CERT_FILE", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
    return {name: value for name, value in os.environ.items() if name in names or name.startswith("PIP_")}


def _inside(environment: dict[str, str], workdir: str, command: Sequence[str]) -> list[str]:
    variables = {"PATH": PATH, **environment}
    return ["/usr/bin/env", "-i", f"--chdir={workdir}", *(f"{k}={v}" for k, v in variables.items()), *command]


def _run(
    command: Sequence[str], environment: dict[str, str] | None = None, workdir: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, env=environment, cwd=workdir, capture_output=True, text=True, check=False)


def _call(command: Sequence[str], environment: dict[str, str] | None = None, workdir: Path | None = None) -> str:
    done = _run(command, environment, workdir)
    if done.returncode != 0:
        told = (done.stdout + done.stderr).strip().splitlines()[-30:]
        raise CannotRun("\n".join([f"{command[0]} ended with {done.returncode}:", *told]))
    return done.stdout

"""Starts voicedash, with everything that must be done before: one command for one machine, or one node's web server."""

import argparse
import ipaddress
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, CommandError, call_command
from django.core.wsgi import get_wsgi_application
from django.db import Error, connections

from voicedash.audit import heads
from voicedash.environment import Environment
from voicedash.live import database, ports, statics
from voicedash.live.application import Application
from voicedash.live.protocol import BoundedProtocol
from voicedash.live.supervisor import Part, Supervisor
from voicedash.live.tracing import Traced
from voicedash.logs import lines
from voicedash.tenants import setup

GRACE = 5  # seconds for requests in flight once the server is told to stop


class Command(BaseCommand):
    help = (
        "Serves voicedash: the web server, and the worker beside it. HOST and PORT say where; migrations and static "
        "files are brought up to date first."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--no-worker", action="store_true", help="the web server alone: `manage.py worker` runs elsewhere"
        )
        parser.add_argument(
            "--no-migrate", action="store_true", help="stop instead of migrating a database that is behind"
        )
        # A socket that whoever starts this has opened; and how `serve` is told that its own web server serves.
        parser.add_argument("--listener", type=int, help=argparse.SUPPRESS)
        parser.add_argument("--ready", type=int, help=argparse.SUPPRESS)

    def handle(
        self, *args: Any, no_worker: bool, no_migrate: bool, listener: int | None, ready: int | None, **options: Any
    ) -> None:
        lines.take_in_strays()
        try:
            host, port, trusted = _environment()
            if listener is not None and ready is not None:
                with socket.socket(fileno=listener) as inherited:
                    self._run(inherited, trusted, ready)
                return
            if not settings.PUBLIC_URL and not ports.is_loopback(host):
                raise CommandError(
                    f"HOST={host} lets other machines in, but VOICEDASH_URL is not set. "
                    "Set it to the address that people will use, such as https://calls.example.com."
                )
            with ports.listen(host, port) if listener is None else socket.socket(fileno=listener) as opened:
                self._prepare_database(migrate=not no_migrate)
                statics.collect(self._say)
                welcome = [*_where(opened, asked=port), *self._setup_link(opened), "Ctrl-C stops it."]
                if no_worker:
                    self._say_all(welcome)
                    self._run(opened, trusted)
                else:
                    self._supervise(opened, welcome)
                self._say("Stopped.")
        except (ImproperlyConfigured, ports.CannotListen, statics.CannotCollect) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:  # while it was still preparing
            raise CommandError("Stopped before it served.", returncode=130) from None

    def _prepare_database(self, *, migrate: bool) -> None:
        try:
            if migrate:
                database.bring_up_to_date(self._say)
            elif missing := database.behind():
                raise CommandError(
                    f"The database is {len(missing)} migrations behind. Run `python manage.py migrate` first."
                )
            database.refuse_unfinished()
            call_command("createcachetable", verbosity=0)  # sign-in limits are kept there
        except database.CannotMigrate as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}") from error
        finally:
            connections.close_all()  # this thread needs none while it serves

    def _setup_link(self, listener: socket.socket) -> list[str]:
        """The first admin's way in. Printed and never logged: who reads it may take it."""
        try:
            token = setup.make_link()
        except Error as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}") from error
        finally:
            connections.close_all()
        if not token:
            return []
        return [
            "Nobody can administer it yet. Open this link once, within an hour, to become the first admin:",
            f"    {settings.PUBLIC_URL or ports.address(listener)}/setup/{token}/",
            "Each start makes a new one, and only the newest works.",
            f"Or make the first from a file: {_python()} manage.py provision FILE",
        ]

    def _supervise(self, listener: socket.socket, welcome: list[str]) -> None:
        """Web server and worker, each a process of its own. The socket is ours: it outlives a web server that died."""
        held = listener.fileno()
        # What the checks of the settings say was said when we started.
        web = ["serve", "--no-worker", "--skip-checks", "--listener", str(held)]
        parts = [
            Part("web server", web, ready_option="--ready", inherits=[held]),
            Part("worker", ["worker", "--skip-checks"]),
        ]
        Supervisor(parts, on_ready=lambda: self._say_all(welcome)).run(listener)

    def _run(self, listener: socket.socket, trusted: str, ready: int | None = None) -> None:
        """The web server, in this process, until it is told to stop. `ready`: where to write a byte once it serves."""
        application = Application(get_wsgi_application())
        config = uvicorn.Config(
            Traced(application, trusted),
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            workers=1,
            log_config=None,  # Django's own stands
            access_log=False,  # addresses hold names of tenants
            server_header=False,
            proxy_headers=False,  # Traced sees to them
            timeout_keep_alive=5,
            timeout_graceful_shutdown=GRACE,
        )
        server = _Server(config, ready)

        def stop(*_: object) -> None:
            # uvicorn raises the signal again when it is done: without this the process would die of it.
            server.should_exit = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        heads.keep_daily()
        server.run(sockets=[listener])
        if application.running:
            # Threads cannot be ended and Python would wait for them. What a press left open is
            # closed by its claim's end, as after a power cut.
            self._say(f"Stopped, with {application.running} unfinished.")
            logging.shutdown()
            self.stdout.flush()
            os._exit(0)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _say_all(self, told: list[str]) -> None:
        for line in told:
            self._say(line)


class _Server(uvicorn.Server):
    """Tells its supervisor, where it has one, that it answers from now on."""

    def __init__(self, config: uvicorn.Config, ready: int | None) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.ready is not None:
            with suppress(OSError):  # nobody there any more: that is noticed elsewhere
                os.write(self.ready, b"1")
            os.close(self.ready)
            self.ready = None


def _where(listener: socket.socket, *, asked: int | None) -> list[str]:
    """Where people find it, and why it is another port than usual."""
    here = ports.address(listener)
    port = listener.getsockname()[1]
    told = []
    if asked is None and port != ports.USUAL:
        by = ports.holder(ports.USUAL)
        told.append(f"Port {ports.USUAL} is taken{f' by {by}' if by else ''}: using {port}.")
    told.append(f"voicedash: {settings.PUBLIC_URL} (here: {here})" if settings.PUBLIC_URL else f"voicedash: {here}")
    return told


def _python() -> str:
    """This Python as a person would type it here."""
    here = Path.cwd()
    return str(Path(sys.executable).relative_to(here)) if Path(sys.executable).is_relative_to(here) else sys.executable


def _environment() -> tuple[str, int | None, str]:
    """HOST, PORT and FORWARDED_ALLOW_IPS. Raises ImproperlyConfigured with everything that is wrong with them."""
    file = os.environ.get("VOICEDASH_ENV_FILE", str(settings.BASE_DIR / ".env"))
    env = Environment.load(Path(file) if file else None)
    host = env.text("HOST", "127.0.0.1")
    port = env.parsed("PORT", "", ports.parse)
    trusted = env.parsed("FORWARDED_ALLOW_IPS", "127.0.0.1", _networks)
    env.complain()
    return host, port, trusted


def _networks(text: str) -> str:
    if text != "*":
        for part in text.split(","):
            ipaddress.ip_network(part.strip())  # its ValueError says what is wrong
    return text

"""Starts the web server of voicedash, with everything that must be done before: one command for one machine."""

import ipaddress
import logging
import os
import signal
import socket
import sys
from argparse import ArgumentParser
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
from voicedash.tenants import setup

GRACE = 5  # seconds for requests in flight once the server is told to stop


class Command(BaseCommand):
    help = "Serves voicedash. HOST and PORT say where; migrations and static files are brought up to date first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-migrate", action="store_true", help="stop instead of migrating a database that is behind"
        )

    def handle(self, *args: Any, no_migrate: bool, **options: Any) -> None:
        try:
            host, port, trusted = _environment()
            if not settings.PUBLIC_URL and not ports.is_loopback(host):
                raise CommandError(
                    f"HOST={host} lets other machines in, but VOICEDASH_URL is not set. "
                    "Set it to the address that people will use, such as https://calls.example.com."
                )
            with ports.listen(host, port) as listener:
                self._prepare_database(migrate=not no_migrate)
                statics.collect(self._say)
                self._announce(listener, asked=port)
                self._run(listener, trusted)
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

    def _announce(self, listener: socket.socket, *, asked: int | None) -> None:
        here = ports.address(listener)
        port = listener.getsockname()[1]
        if asked is None and port != ports.USUAL:
            by = ports.holder(ports.USUAL)
            self._say(f"Port {ports.USUAL} is taken{f' by {by}' if by else ''}: using {port}.")
        if settings.PUBLIC_URL:
            self._say(f"voicedash: {settings.PUBLIC_URL} (here: {here})")
        else:
            self._say(f"voicedash: {here}")
        self._offer_setup(settings.PUBLIC_URL or here)
        self._say("Ctrl-C stops it.")

    def _offer_setup(self, address: str) -> None:
        """The first admin's way in. Printed and never logged: who reads it may take it."""
        try:
            token = setup.make_link()
        except Error as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}") from error
        finally:
            connections.close_all()
        if token:
            self._say("Nobody can administer it yet. Open this link once, within an hour, to become the first admin:")
            self._say(f"    {address}/setup/{token}/")
            self._say("Each start makes a new one, and only the newest works.")
            self._say(f"Or make the first from a file: {_python()} manage.py provision FILE")

    def _run(self, listener: socket.socket, trusted: str) -> None:
        application = Application(get_wsgi_application())
        config = uvicorn.Config(
            application,
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            workers=1,
            log_config=None,  # Django's own stands
            access_log=False,  # addresses hold names of tenants
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=trusted,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=GRACE,
        )
        server = uvicorn.Server(config)

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
        self._say("Stopped.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


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

"""Does what is due when no browser is open, until it is told to stop: on as many nodes as there are."""

import logging
import os
import signal
import threading
from typing import Any

from django.core.management import BaseCommand
from django.db import Error as DatabaseProblem
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from voicedash.calls import restored
from voicedash.logs import lines
from voicedash.worker.loop import Loop

LOOK = 1.0  # seconds between two looks at a database that is not ready


class Command(BaseCommand):
    help = (
        "Closes what senders that died left open, asks again for what is in doubt, prunes old calls. Run one beside "
        "each web server, or more: they share the work. Waits for a database that is not there, or not up to date."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        lines.take_in_strays()
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        self._wait_until_ready(stop)
        loop = Loop(stop)
        done = loop.run(at_work=lambda: self._say(f"voicedash worker: {loop.name} is at work."))
        if not done:
            # Threads cannot be ended and Python would wait for them. A call that is being asked for is
            # closed by its claim's end, as after a power cut.
            self._say("Stopped, with calls still being asked for.")
            logging.shutdown()
            os._exit(0)
        self._say("Stopped.")

    def _wait_until_ready(self, stop: threading.Event) -> None:
        """Returns when the database can be worked on: it answers, has every migration and no unfinished restore."""
        told = ""
        while not stop.is_set():
            why = _unready()
            if not why:
                return
            if why != told:
                self._say(f"Waiting: {why}.")
                told = why
            stop.wait(LOOK)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _unready() -> str:
    """Why the database cannot be worked on; "" where it can."""
    try:
        executor = MigrationExecutor(connection)
        if missing := executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return f"the database is {len(missing)} migrations behind"
        if restored.UNFINISHED in connection.introspection.table_names():
            return "a restore into this database was not finished"
    except DatabaseProblem as error:
        return f"the database cannot be used ({str(error).strip()})"
    finally:
        connections.close_all()
    return ""

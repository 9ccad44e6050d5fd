"""The part of the demo that needs Django: its database, its tenants, and the calls on their boards.

A script, run by the demo with the demo's settings in the environment: `backstage tenants.toml`. It says
"ready" when the boards are full, then goes on fetching calls until its input ends, because the demo's
visitor should find a living floor; the real thing fetches when somebody presses *Fetch calls*.
"""

import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import django

django.setup()  # before anything that imports models

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from voicedash.bandwidth.listing import ENDED, CallState
from voicedash.calls import fetching, tracking
from voicedash.calls.models import Call, Fetch
from voicedash.tenants import accounts
from voicedash.tenants.board import writing
from voicedash.tenants.models import BandwidthAccount, Tenant
from voicedash.tenants.provisioning import provision

EVERY = 10.0  # seconds between two fetches


def main(tenants: Path) -> None:
    migrate()
    provision(tenants.read_text("utf-8"))
    for account in BandwidthAccount.objects.filter(check_result=BandwidthAccount.Check.NONE):
        accounts.check_account(account)
    end_former_calls()
    put_on_board()
    say("ready")
    gone = threading.Event()
    threading.Thread(target=_wait_for_end, args=(gone,), daemon=True).start()
    while not gone.wait(EVERY):
        put_on_board()


def migrate() -> None:
    """Makes the database, or brings an older demo's up to date."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say("Making the demo's database …")
        call_command("migrate", interactive=False, verbosity=0)


def end_former_calls() -> None:
    """Ends what an earlier run left on the boards, long ago: today's stand-in has never heard of those calls."""
    for account in BandwidthAccount.objects.all():
        left = Call.objects.filter(account=account, ended_at=None).values_list("call_id", flat=True)
        now = timezone.now()
        tracking.learn(account, [CallState(one, "", ENDED, "", "", "", None, None, now, now) for one in left])
        with writing(account.tenant_id) as stamp:  # or the first thing a visitor sees is a floor of ended calls
            Call.objects.filter(account=account).update(ended_at=stamp.now - timedelta(hours=1))


def put_on_board(*, seconds: float = 15.0) -> None:
    """Presses *Fetch calls* for every tenant, and waits up to `seconds` for the end of it."""
    for tenant in Tenant.objects.all():
        fetching.start(tenant, by=None)
    deadline = time.monotonic() + seconds
    while Fetch.objects.filter(finished_at=None).exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def say(line: str) -> None:
    print(line, flush=True)


def _wait_for_end(gone: threading.Event) -> None:
    sys.stdin.read()  # ends with the process that holds the other side
    gone.set()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

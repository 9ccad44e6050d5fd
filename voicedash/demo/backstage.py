"""The part of the demo that needs Django: its database, its tenants, and an end for the calls of its last run.

A script, run by the demo with the demo's settings in the environment: `backstage tenants.toml`. It tells where each
tenant's callbacks go and with which credentials, for the stand-in to send them. It says "ready" when the server may
start, whose worker puts the calls onto the boards, and "full" when they are there. Then it lets go of old calls until
its input ends.
"""

import logging
import sys
import threading
from datetime import timedelta
from pathlib import Path

import django

django.setup()  # before anything that imports models

from django.core.management import call_command
from django.db import Error as DatabaseProblem
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q
from django.utils import timezone

from voicedash.bandwidth.listing import ENDED, CallState
from voicedash.calls import tracking
from voicedash.calls.models import Call, Sync
from voicedash.tenants import accounts, callbacks
from voicedash.tenants.board import database_time, take_away, writing
from voicedash.tenants.models import BandwidthAccount, Tenant
from voicedash.tenants.provisioning import provision
from voicedash.worker import sync
from voicedash.worker.models import Duty

LOOK = 0.1  # seconds between two looks whether the boards are full
EVERY = 5.0  # seconds between two times at which old calls go
KEPT = timedelta(minutes=10)  # ended calls stay so long in the demo's database; its floor would fill it in a week

logger = logging.getLogger("voicedash.demo")


def main(tenants: Path) -> None:
    migrate()
    provision(tenants.read_text("utf-8"))
    for account in BandwidthAccount.objects.filter(check_result=BandwidthAccount.Check.NONE):
        accounts.check_account(account)
    end_former_calls()
    open_doors()
    say("ready")
    gone = threading.Event()
    threading.Thread(target=_wait_for_end, args=(gone,), daemon=True).start()
    while not gone.wait(LOOK):
        if boards_are_full():
            say("full")
            break
    while not gone.wait(EVERY):
        forget_old_calls()


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
    # Nor has it a past that was followed; and nobody is at it, if the last worker was killed.
    Sync.objects.all().delete()
    Duty.objects.filter(name__startswith=sync.PREFIX).delete()


def open_doors() -> None:
    """Makes credentials for each tenant's callbacks, in place of those of an earlier run, and tells them once."""
    for tenant in Tenant.objects.order_by("pk"):
        with writing(tenant.pk) as stamp:
            for former in tenant.callback_credentials.filter(created_by=None):
                callbacks.remove(former, stamp, by=None)
            made, password = callbacks.create(tenant, stamp, by=None)
        say(f"callbacks {tenant.slug} /callbacks/{tenant.callback_key}/ {made.username} {password}")


def boards_are_full() -> bool:
    """Every account has been listed as far back as the demo's longest calls go."""
    far = Q(back_to=None) | Q(back_to__lt=database_time() - timedelta(hours=1))
    return Sync.objects.filter(far, heard_at__isnull=False).count() == BandwidthAccount.objects.count()


def forget_old_calls() -> None:
    """A fault: next time."""
    for account in BandwidthAccount.objects.all():
        try:
            forget(account)
        except DatabaseProblem as error:
            logger.warning("account %s: its old calls stay: %s", account.account_id, error)


def forget(account: BandwidthAccount) -> None:
    """Deletes what ended more than KEPT ago. The real thing keeps calls for days. Raises DatabaseError."""
    ended = Call.objects.filter(account=account, ended_at__lt=database_time() - KEPT)
    if pks := list(ended.values_list("pk", flat=True)[:100]):
        with writing(account.tenant_id):
            old = ended.filter(pk__in=pks)  # one may have come back to life since
            take_away(account.tenant_id, max(old.values_list("version", flat=True), default=0))
            old.delete()


def say(line: str) -> None:
    print(line, flush=True)


def _wait_for_end(gone: threading.Event) -> None:
    sys.stdin.read()  # ends with the process that holds the other side
    gone.set()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

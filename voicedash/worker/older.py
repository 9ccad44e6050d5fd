"""Asks Bandwidth one by one about calls that are thought live and that no list covers any more: some in each cycle."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from voicedash.bandwidth.client import Client
from voicedash.bandwidth.errors import BandwidthError, OutcomeUnknown, RateLimited, Refused, UnknownCall
from voicedash.calls import tracking
from voicedash.calls.models import Call
from voicedash.calls.times import times
from voicedash.tenants.board import database_time, release_connection
from voicedash.tenants.models import BandwidthAccount

logger = logging.getLogger(__name__)

LOOKS = 10  # calls asked about in a cycle, at most
IN_VAIN = 2  # looks, one after the other, after which a cycle looks at no more


@dataclass
class Looks:
    """Those of one cycle. `hold` raises where what was read may not be taken in."""

    account: BandwidthAccount
    looked_to: int  # the call that was asked about last, whatever came of it
    hold: Callable[[], None]
    stop: threading.Event

    def make(self, client: Client, since: datetime) -> BandwidthError | None:
        """Asks about some of the calls thought live that no list from `since` on covers, each in its turn.

        Gives the error for which it went no further, where several were in vain. Raises RateLimited, NeverReached.
        """
        older = Q(account=self.account) & (Q(start_time__lt=since) | Q(start_time=None))
        typed = Q(state="", asserted_at=None)  # perhaps for another account of the tenant than its own
        live = Call.objects.filter(older | typed, tenant=self.account.tenant_id, ended_at=None).order_by("pk")
        pks = list(live.values_list("pk", flat=True))
        # Half of them at most: each is asked about in every other cycle, at the soonest.
        some = min(LOOKS, -(-len(pks) // 2))
        turn = [pk for pk in pks if pk > self.looked_to] + [pk for pk in pks if pk <= self.looked_to]
        in_vain = 0
        calls = Call.objects.in_bulk(turn[:some])
        for call in [calls[pk] for pk in turn[:some] if pk in calls]:
            if self.stop.is_set():
                break
            self.looked_to = call.pk  # whatever comes of it: the others have their turn
            release_connection()
            try:
                self._ask_about(call, client)
                in_vain = 0
            except RateLimited:
                raise
            except (Refused, OutcomeUnknown) as error:  # of this call alone, or of all
                in_vain += 1
                if in_vain == IN_VAIN:
                    return error
                logger.debug("account %s: call %s could not be asked about: %s", self.account.pk, call.pk, error)
        return None

    def _ask_about(self, call: Call, client: Client) -> None:
        """Takes in what Bandwidth tells of one call. Raises BandwidthError."""
        try:
            told = [client.call(call.call_id)]
        except UnknownCall:
            told = []
        self.hold()
        tracking.learn(self.account, told)
        # If it ought to be known by now; a typed one may live at another account, which must have been asked, too.
        if not told and call.account_id == self.account.pk and (call.state or self._all_heard()):
            tracking.hide(call, asked=True)

    def _all_heard(self) -> bool:
        """Whether every account of the tenant could be asked lately."""
        lately = database_time() - timedelta(seconds=times.deep)
        others = BandwidthAccount.objects.filter(tenant=self.account.tenant_id).exclude(pk=self.account.pk)
        return not others.exclude(sync__heard_at__gte=lately).exists()


def hide_unheard(account: BandwidthAccount) -> None:
    """Where Bandwidth may not be asked, a typed id that nobody heard of for long is as good as a wrong one."""
    typed = Call.objects.filter(tracking.hideable(database_time()), account=account, state="")
    for call in typed[:LOOKS]:
        tracking.hide(call, asked=False)

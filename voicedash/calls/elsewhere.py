"""Where a typed id is asked about when its own account does not know it: the tenant's other accounts."""

import logging

from django.db import Error as DatabaseProblem
from django.db import connection

from voicedash.bandwidth.client import Client
from voicedash.calls.press import Claim
from voicedash.tenants import accounts, sealing
from voicedash.tenants.board import release_connection
from voicedash.tenants.models import BandwidthAccount

logger = logging.getLogger(__name__)

Place = tuple[BandwidthAccount, Client | None]


def accounts_for(claim: Claim) -> list[Place]:
    """The other accounts of the tenant, in the order in which they were added; without a client where the secret of
    one cannot be opened.

    Empty where they cannot be read: a press does without them.
    """
    places: list[Place] = []
    try:
        others = BandwidthAccount.objects.filter(tenant=claim.press.tenant_id).exclude(pk=claim.account.pk)
        for account in others.order_by("pk"):
            try:
                places.append((account, accounts.client_for(account)))
            except sealing.Unopenable:
                logger.warning("account %s: its secret cannot be opened, so it was not asked", account.pk)
                places.append((account, None))
    except DatabaseProblem:
        logger.warning("call %s: no other account could be looked up", claim.call_id, exc_info=True)
        connection.close()
    finally:
        release_connection()
    return places

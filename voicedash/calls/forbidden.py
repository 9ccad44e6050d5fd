"""Bandwidth answers 403 to a list: are the credentials wrong, or is it only listing that they may not do?"""

from voicedash.bandwidth.checking import reaches
from voicedash.bandwidth.client import Client
from voicedash.bandwidth.errors import BadCredentials, BandwidthError
from voicedash.calls import words
from voicedash.calls.models import Command, Outcome
from voicedash.tenants.models import BandwidthAccount


def told(error: BandwidthError, client: Client, account: BandwidthAccount) -> str:
    """The sentence for a person; "" where the error is another one. Raises DatabaseError.

    A 403 does not say why. A token says what it may do; where it does not, a press that was acknowledged does.
    """
    if not isinstance(error, BadCredentials) or error.status != 403:
        return ""
    may = reaches(client)
    if may is None:
        may = Command.objects.filter(call__account=account, outcome=Outcome.ACKNOWLEDGED).exists() or None
    return {True: words.CANNOT_LIST, False: words.NOT_ALLOWED, None: words.MAY_NOT_LIST}[may]

"""What every command of manage.py says at its start where secrets cannot be opened. Nothing is refused for it."""

from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Warning, register
from django.db import Error as DatabaseProblem
from django.db import connection

from voicedash.tenants import accounts
from voicedash.tenants.models import BandwidthAccount

# Old columns only: the database may be behind, and is about to be migrated.
_COLUMNS = ("account_id", "name", "sealed_secret", "tenant__name")


@register()
def check_secrets(**kwargs: Any) -> list[CheckMessage]:
    """Names the accounts on which nobody can press because no key opens their secret."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return []  # to ask would make it
    in_use = connection.connection is not None
    try:
        found = accounts.sealed(BandwidthAccount.objects.only(*_COLUMNS))
    except DatabaseProblem:
        return []  # not there, or not made yet: whoever needs it says so
    finally:
        if not in_use:
            connection.close()
    if found is None:
        return []
    return [
        Warning(
            found.sentence,
            hint="Bring the missing key of VOICEDASH_KEYS back, or enter the secret again in the administration.",
            id="voicedash.W003",
        )
    ]

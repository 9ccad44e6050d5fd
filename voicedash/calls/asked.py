"""What views of calls read of a request in the same way, and give to every template of theirs."""

from typing import Any

from django.contrib import messages

from voicedash.tenants import access
from voicedash.tenants.access import TenantRequest
from voicedash.tenants.models import Reason

# Of a sentence's tone: a browser without JavaScript gets it as a message.
LEVELS = {"good": messages.SUCCESS, "bad": messages.ERROR, "wait": messages.WARNING}


def context(request: TenantRequest) -> dict[str, Any]:
    """Of every page and part of a board."""
    role = request.membership.role
    return {
        "tenant": request.tenant,
        "membership": request.membership,
        "can_press": role in access.PRESSES,
        "reads_log": role in access.READS_LOG,
    }


def reason(request: TenantRequest) -> Reason | None:
    """The reason that was chosen; None where none was, or it is not there any more."""
    key = number(request.POST.get("reason"))
    return Reason.objects.filter(tenant=request.tenant, pk=key).first() if key is not None else None


def number(text: str | None) -> int | None:
    """A number from a form; None where there is none, or one no key can be."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None

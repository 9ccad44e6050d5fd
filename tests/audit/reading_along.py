"""The log's page as its readers get it: lines of text, without the markup."""

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.test import Client

from voicedash.audit import log
from voicedash.tenants.board import writing
from voicedash.tenants.models import Tenant, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
_LINE = re.compile(r'<tr[^>]*data-entry="(\d+)"[^>]*>(.*?)</tr>', re.S)
_NEXT = re.compile(r'<a class="button" href="([^"]+)" hx-get')


@dataclass
class Read:
    """A page of the log: its lines by number, and where the next page is."""

    status: int
    text: str  # without markup
    lines: dict[int, str]
    next: str

    @property
    def told(self) -> list[str]:
        return list(self.lines.values())


def plain(markup: str) -> str:
    markup = re.sub(r"<(script|style|head)\b.*?</\1>", " ", markup, flags=re.S)
    text = html.unescape(re.sub(r"<[^>]+>", " ", markup))
    return re.sub(r" ([:,.])", r"\1", " ".join(text.split()))


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def read(user: User, query: str = "", *, path: str = "/t/acme/log/", **asked: Any) -> Read:
    """The page as somebody sees it; `asked` are fields of the filter."""
    answer = browser_of(user).get(path + query, asked or None)
    markup = answer.content.decode()
    further = _NEXT.search(markup)
    lines = {int(number): plain(line) for number, line in _LINE.findall(markup)}
    return Read(answer.status_code, plain(markup), lines, html.unescape(further[1]) if further else "")


def all_lines(user: User, query: str = "", path: str = "/t/acme/log/") -> list[int]:
    """The numbers of all lines, page after page."""
    found: list[int] = []
    page = read(user, query, path=path)
    while True:
        found += page.lines
        if not page.next:
            return found
        page = read(user, page.next.removeprefix(path), path=path)


def tell(tenant: Tenant, verb: str, *, at: datetime | None = None, **told: Any) -> int:
    """An entry in the tenant's log; its number."""
    with writing(tenant.pk) as stamp:
        return log.append(log.of_tenant(tenant.pk), verb, at=at or stamp.now, **told).seq


def tell_sign_in(verb: str, **told: Any) -> int:
    with transaction.atomic():
        return log.append(log.SIGN_INS, verb, at=datetime.now(UTC), **told).seq


def command(tenant: Tenant, number: int, *, outcome: str = "acknowledged", actor: int | None = 1, **told: Any) -> int:
    """A whole command as `calls` writes it, in two entries; the number of the second."""
    at, call_id = told.pop("at", None), told.pop("call_id", "c-one")
    about = {"command": number, "wanted": "paused", "source": "person", **told}
    tell(tenant, "recording.asked", at=at, actor=actor, call_id=call_id, data=about)
    attempts = [{"result": "acknowledged", "status": 200, "reference": ""}]
    end = about | {"outcome": outcome, "attempts": attempts, "took_ms": 213}
    return tell(tenant, "recording.answered", at=at, actor=actor, call_id=call_id, data=end)

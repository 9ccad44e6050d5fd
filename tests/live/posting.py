"""A customer whose Bandwidth sends callbacks to a running voicedash: credentials, events, raw requests."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.live.wire import until
from voicedash.tenants import callbacks
from voicedash.tenants.board import writing
from voicedash.tenants.models import BandwidthAccount, CallbackCredential, Tenant

CALL = "c-95ac8d6e-1a31c52e-b38f-4198-93c1-51633ec68f8d"
OTHER = "c-2a913f94-6a486f3a-3cae-4034-bcc3-f0c9fa77ca2f"
APPLICATION = "7fc9698a-b04a-468b-9e8f-91238c0d0086"


@dataclass
class Customer:
    """Where a tenant's callbacks go, and with what they sign in."""

    base: str
    tenant: Tenant
    credential: CallbackCredential
    password: str

    @property
    def username(self) -> str:
        return self.credential.username

    @property
    def path(self) -> str:
        return f"/callbacks/{self.tenant.callback_key}/"

    @property
    def url(self) -> str:
        return self.base + self.path

    @property
    def authorization(self) -> str:
        return basic(self.username, self.password)

    def post(self, event: Any = None, *, data: bytes | None = None, **headers: str) -> requests.Response:
        """Sends an event, signed in from the start."""
        body = json.dumps(event).encode() if data is None else data
        headers = {"Content-Type": "application/json", "Authorization": self.authorization, **headers}
        return requests.post(self.url, data=body, headers=headers, timeout=20)

    def send(self, *events: Any) -> None:
        """Sends events, one after the other; each is taken."""
        for event in events:
            answer = self.post(event)
            assert (answer.status_code, answer.content) == (204, b""), (answer.status_code, answer.text)

    def head(self, *headers: str, method: str = "POST") -> bytes:
        """The head of a request as bytes, for a raw socket."""
        host = urlsplit(self.base).netloc
        return "\r\n".join([f"{method} {self.path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode()


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def customer(base: str, tenant: Tenant) -> Customer:
    """New credentials of a tenant, known to the server at `base` from the first request on."""
    with writing(tenant.pk) as stamp:
        made, password = callbacks.create(tenant, stamp, by=None)
    told = Customer(base, tenant, made, password)
    until(lambda: requests.head(told.url, headers={"Authorization": told.authorization}, timeout=20).status_code == 405)
    return told


def event(kind: str, account: BandwidthAccount | str = "9900001", second: float = 0.0, **fields: Any) -> dict[str, Any]:
    """A callback as Bandwidth's pages show it, `second` seconds after ten minutes ago; fields that are None are left out."""
    account_id = account if isinstance(account, str) else account.account_id
    call_id = fields.get("callId", CALL)
    told: dict[str, Any] = {
        "eventType": kind,
        "eventTime": moment(second),
        "accountId": account_id,
        "applicationId": APPLICATION,
        "from": "+19195554321",
        "to": "+19195551234",
        "direction": "inbound",
        "callId": call_id,
        "callUrl": f"https://voice.bandwidth.com/api/v2/accounts/{account_id}/calls/{call_id}",
        "startTime": moment(0),
    }
    if kind in {"answer", "gather", "redirect", "transferComplete"}:
        told["answerTime"] = moment(2)
    if kind == "disconnect":
        told |= {"endTime": moment(second), "cause": "hangup"}
    return {name: value for name, value in (told | fields).items() if value is not None}


_START = datetime.now(UTC) - timedelta(minutes=10)


def moment(second: float) -> str:
    """Ten minutes before the tests began, and `second` seconds, as Bandwidth writes it."""
    return (_START + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

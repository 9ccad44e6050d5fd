"""The plainest possible client, so that the stand-in's tests prove bytes on a wire and not our own client."""

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any, Self

from voicedash.bandwidth.fake import Fake

ACCOUNT = "9900001"


def basic(name: str, secret: str) -> str:
    """The value of a Basic Authorization header."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


GOOD = basic("u", "p")


@dataclass
class Answer:
    """A whole answer."""

    status: int
    body: bytes
    headers: http.client.HTTPMessage

    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


class Wire:
    """One connection to the stand-in; `timeout` in seconds per read, as a socket has it."""

    def __init__(self, fake: Fake, timeout: float = 5.0) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", fake.port, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Any request; `Content_Type="…"` becomes the header Content-Type."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body=body, headers=named)
        response = self.connection.getresponse()
        return Answer(response.status, response.read(), response.headers)

    def put(self, call_id: str, state: str = "paused", *, account: str = ACCOUNT, auth: str = GOOD) -> Answer:
        """The recording PUT."""
        path = f"/api/v2/accounts/{account}/calls/{call_id}/recording"
        body = json.dumps({"state": state}).encode()
        return self.ask("PUT", path, body, Content_Type="application/json", Authorization=auth)

    def get(self, tail: str, *, account: str = ACCOUNT, auth: str = GOOD) -> Answer:
        """A read below the account, such as `/calls`."""
        return self.ask("GET", f"/api/v2/accounts/{account}{tail}", Authorization=auth)

    def token(self, client_id: str = "CLI-1", secret: str = "s", grant: str = "client_credentials") -> Answer:
        """A request for a token."""
        return self.ask(
            "POST",
            "/api/v1/oauth2/token",
            f"grant_type={grant}".encode(),
            Content_Type="application/x-www-form-urlencoded",
            Authorization=basic(client_id, secret),
        )

    def bearer(self) -> str:
        """The Authorization header with a fresh token of the first account's client."""
        return "Bearer " + str(self.token().json()["access_token"])

"""Gives every request a name: in each line of the log that it causes, and in its answer, to find one by the other."""

from typing import Any, cast

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from voicedash.live.bodies import Message, Receive, Scope, Send
from voicedash.logs import context

HEADER = b"x-request-id"


class Traced:
    """The application behind the proxies that are believed: about who the visitor is, and about the request's name.

    `trusted`: addresses and networks as FORWARDED_ALLOW_IPS has them. Anybody else's name for a request is replaced:
    it could be that of another.
    """

    def __init__(self, app: Any, trusted: str) -> None:
        self.app = ProxyHeadersMiddleware(app, trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(cast(Any, scope), cast(Any, receive), cast(Any, send))
            return
        # Not taken back at the end: what the server itself logs about this task comes after it.
        name = context.begin_request(self._given(scope)).encode("ascii")

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = message | {"headers": [*message.get("headers", []), (HEADER, name)]}
            await send(message)

        await self.app(cast(Any, scope), cast(Any, receive), cast(Any, named))

    def _given(self, scope: Scope) -> str:
        """What a believed proxy called it; of several names none."""
        client = scope.get("client")
        if client is None or client[0] not in self.app.trusted_hosts:
            return ""
        names = [value for name, value in scope["headers"] if name == HEADER]
        return names[0].decode("latin1") if len(names) == 1 else ""

"""The stand-in itself: what tests and the demo hold in their hands, between the world and the wire."""

import time
from datetime import datetime
from types import TracebackType
from typing import Self, Unpack
from urllib.parse import urlsplit

from voicedash.bandwidth.fake import api
from voicedash.bandwidth.fake.accounts import VOICE_ROLE, FakeAccount
from voicedash.bandwidth.fake.asked import Asked
from voicedash.bandwidth.fake.callbacks import Desk, How, Outbox
from voicedash.bandwidth.fake.faults import Fault
from voicedash.bandwidth.fake.messages import Reply, Request, error_reply
from voicedash.bandwidth.fake.scripting import Scripting
from voicedash.bandwidth.fake.server import Connection, Server
from voicedash.bandwidth.fake.world import FakeCall, World, fresh_id, now


class Fake(Scripting, Asked):
    """Bandwidth's Voice API and token endpoint on 127.0.0.1, over real HTTP.

    Started by `start()` or as a context manager. After `stop()` the port refuses connections; `start()` opens the same
    port again with the same accounts and calls. `latency`: seconds every PUT and GET takes, before its effect.
    """

    def __init__(self, port: int = 0, latency: float = 0.0) -> None:
        self.port = port
        self.latency = latency
        super().__init__()
        self.world = World()
        self._server: Server | None = None
        self._desk = Desk(self.world, lambda: self.base_url, self._look_again)

    def start(self) -> Self:
        """Opens the port; raises OSError when it is taken."""
        if self._server is None:
            self._server = Server(self.port, self._serve)
            self.port = self._server.port
        return self

    def stop(self) -> None:
        """Closes the port and every connection at once; effects and callbacks that are still to come never come."""
        self._desk.stop()
        server, self._server = self._server, None
        if server is not None:
            server.stopping.set()
            self.release_all()
            server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """Scheme, host and port. Raises RuntimeError while the port is not known."""
        if not self.port:
            raise RuntimeError("the stand-in has no port before it is started")
        return f"http://127.0.0.1:{self.port}"

    @property
    def voice_url(self) -> str:
        """What to configure as the Voice API's URL."""
        return self.base_url + api.VOICE_PATH

    @property
    def token_url(self) -> str:
        """What to configure as the token endpoint."""
        return self.base_url + api.TOKEN_PATH

    # The world

    def add_account(
        self,
        account_id: str,
        *,
        client_id: str | None = None,
        secret: str | None = None,
        username: str | None = None,
        password: str | None = None,
        roles: list[str] | None = None,
        token_seconds: float = 3600,
    ) -> FakeAccount:
        """Opens an account with either or both kinds of credentials; accounts with equal credentials share them."""
        voice = [VOICE_ROLE] if roles is None else list(roles)
        account = FakeAccount(account_id, client_id, secret, username, password, voice, token_seconds)
        self.world.add_account(account)
        return account

    def add_call(
        self,
        account_id: str,
        call_id: str | None = None,
        *,
        state: str = "answered",
        recorded: bool = True,
        from_: str | None = None,
        to: str | None = None,
        direction: str = "inbound",
        parent_call_id: str | None = None,
        start: datetime | None = None,
        answered: datetime | None = None,
        ended: datetime | None = None,
        known_after: float = 0.0,
        listed_after: float = 0.0,
    ) -> FakeCall:
        """A call that is in `state` already. Naive times of day are not taken.

        `known_after`: seconds until the PUT knows it; `listed_after`: until GET shows it. `state` may be a word that
        Bandwidth does not have yet. A disconnected call without `ended` ended now.
        """
        number = self.world.next_number()
        created = start or answered or now()
        call = FakeCall(
            account_id=account_id,
            call_id=call_id or fresh_id("c"),
            state=state,
            recorded=recorded,
            from_=from_ if from_ is not None else f"+1919555{100 + number % 100:04d}",
            to=to if to is not None else "+18885550123",
            direction=direction,
            parent_call_id=parent_call_id,
            created=created.replace(microsecond=created.microsecond // 1000 * 1000),
            number=number,
            known_at=time.monotonic() + known_after,
            listed_at=time.monotonic() + listed_after,
            lock=self.world.lock,
        )
        if answered or state not in ("queued", "initiated", "disconnected"):
            call.answer(answered or created)
        if state == "disconnected":
            call.hang_up(at=ended)
        call.state = state
        if not call.past or call.past[-1][1] != call.told:
            call.note(answered or created)
        self.world.add_call(call)
        self._desk.came(call)
        return call

    def transfer(self, call: FakeCall, to: str, *, ringing: bool = False, record_anew: bool = False) -> FakeCall:
        """A call is transferred: a leg of its own to `to`; its recording may be stopped and another one begin."""
        leg = self.add_call(
            call.account_id,
            state="initiated" if ringing else "answered",
            recorded=False,
            from_=call.to,
            to=to,
            direction="outbound",
            parent_call_id=call.call_id,
        )
        if record_anew:
            call.record_anew()
        return leg

    def send_callbacks(self, account_id: str, url: str, **how: Unpack[How]) -> Outbox:
        """Has the events of an account's calls sent to `url` from now on."""
        return self._desk.open(account_id, url, **how)

    def forget_call(self, call: FakeCall) -> None:
        """Takes a call away for good: a stand-in that runs for hours must not keep every call there was."""
        self.world.forget_call(call)

    def call(self, call_id: str, account_id: str | None = None) -> FakeCall:
        """The call of that id. Raises KeyError when there is none, or more than one and no account is named."""
        accounts = [account_id] if account_id is not None else list(self.world.accounts)
        found = [call for one in accounts if (call := self.world.find_call(one, call_id)) is not None]
        if len(found) != 1:
            raise KeyError(f"{len(found)} calls {call_id}")
        return found[0]

    def expire_tokens(self) -> None:
        """Every token issued so far answers 401 from now on."""
        self.world.expire_tokens()

    @property
    def lag(self) -> float:
        """Seconds by which GET is late with what is new and what has changed; Bandwidth's may be minutes."""
        return self.world.lag

    @lag.setter
    def lag(self, seconds: float) -> None:
        self.world.lag = seconds

    # One request

    def _serve(self, request: Request, connection: Connection) -> None:
        """From the request as read to its answer, or to whatever happens instead."""
        api.understand(request, self.world)
        with self._news:
            self._requests.append(request)
            self._news.notify_all()
        self._wait_while_held(request, connection)
        fault = self._faults.take(request)
        if self.latency and request.method in ("PUT", "GET"):
            connection.wait(self.latency)
        if fault is None:
            self._send(self._perform(request), request, connection)
        else:
            self._go_wrong(fault, request, connection)

    def _go_wrong(self, fault: Fault, request: Request, connection: Connection) -> None:
        request.fault = fault.name
        if fault.expires_tokens:
            self.world.expire_tokens(request.account_id)
        if fault.closes_first:
            connection.close(reset=fault.ending == "reset")
        reply = self._perform(request) if fault.apply == "before" else None
        if fault.delay and fault.ending != "trickle":
            connection.wait(fault.delay)
        if fault.apply == "after":
            reply = self._perform(request)
        if fault.status is not None or reply is None:
            reply = self._false_reply(fault, request)
        if fault.ending == "answer":
            self._send(reply, request, connection)
        elif fault.ending == "truncate":
            self._send(reply, request, connection, claim_more=40)
            connection.close()
        elif fault.ending == "trickle":
            self._trickle(reply, fault.delay, request, connection)
        else:
            connection.close(reset=fault.ending == "reset")

    def _wait_while_held(self, request: Request, connection: Connection) -> None:
        on, event = self._held.get(request.account_id, (None, None))
        if event is not None and on in (request.kind, "any"):
            request.fault = "hold"
            event.wait()
            connection.wait(0)  # let go because of stop()? Then nothing is done

    def _false_reply(self, fault: Fault, request: Request) -> Reply:
        status = fault.status or 200
        if fault.body is None:
            plain = error_reply(status, request) if status >= 400 else Reply(status)
            return Reply(status, plain.body, plain.content_type, fault.headers)
        headers = fault.headers
        if 300 <= status < 400 and not headers:
            headers = (("Location", self.base_url + urlsplit(request.path).path),)
        return Reply(status, fault.body, fault.content_type, headers)

    def _perform(self, request: Request) -> Reply:
        reply = api.perform(request, self.world, self.base_url)
        self._look_again()
        return reply

    def _answered(self, request: Request, status: int | None) -> None:
        with self._news:
            request.status = status
            self._news.notify_all()

    def _send(self, reply: Reply, request: Request, connection: Connection, *, claim_more: int = 0) -> None:
        self._answered(request, reply.status)  # before the bytes: who has the answer can read this
        try:
            connection.send(reply.to_bytes(keep_alive=connection.keep_alive, claim_more=claim_more))
        except OSError:
            self._answered(request, None)
            raise

    def _trickle(self, reply: Reply, seconds: float, request: Request, connection: Connection) -> None:
        data = reply.to_bytes(keep_alive=connection.keep_alive)
        for byte in data[:-1]:
            connection.send(bytes([byte]))
            connection.wait(seconds / len(data))
        self._answered(request, reply.status)
        connection.send(data[-1:])

"""The whole of voicedash in this process behind a real uvicorn, with streams that hurry; and changes to hear of."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.test import Client

from tests.live.listening import Ear
from tests.live.wire import until
from voicedash.calls.models import Call
from voicedash.live import ports
from voicedash.live.application import Application
from voicedash.live.hub import Pace
from voicedash.live.protocol import BoundedProtocol
from voicedash.tenants.board import writing
from voicedash.tenants.models import BandwidthAccount, Board, Tenant, User

QUICK = Pace(look=0.02, beat=0.2, good=1.5, again=0.2)


def session_of(user: User) -> str:
    """The key of a new session of this user."""
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client.cookies[settings.SESSION_COOKIE_NAME].value


class House:
    """The running server of one test."""

    def __init__(self, application: Application, url: str) -> None:
        self.application = application
        self.url = url
        self.ears: list[Ear] = []

    @property
    def streams(self) -> Any:
        return self.application.streams

    def ear(
        self, who: User | str, tenant: str = "acme", *, since: object = None, headers: str = "", room: int = 0
    ) -> Ear:
        """An open stream of a user (in a new session) or of a session; from the board's version on, if none is named."""
        key = session_of(who) if isinstance(who, User) else who
        told = version_of(tenant) if since is None else since
        ear = Ear(self.url, key, tenant, since=told, headers=headers, room=room)
        self.ears.append(ear)
        return ear


@contextmanager
def open_house(pace: Pace = QUICK, *, room: int = 0) -> Iterator[House]:
    """`room`: the bytes that the system keeps of what a browser has not taken yet; 0: megabytes."""
    application = Application(get_wsgi_application(), pace=pace)
    listener = ports.listen("127.0.0.1", 0)
    if room:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
    config = uvicorn.Config(
        application,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    house = House(application, ports.address(listener))
    try:
        until(lambda: server.started)
        yield house
    finally:
        for ear in house.ears:
            ear.close()
        server.should_exit = True
        thread.join(10)
        listener.close()


def version_of(slug: str) -> int:
    board = Board.objects.filter(tenant__slug=slug).first()
    return board.version if board else 0


def add(account: BandwidthAccount, number: int = 1, **fields: Any) -> list[Call]:
    """So many calls, as one change."""
    first = Call.objects.count()
    with writing(account.tenant_id) as stamp:
        return Call.objects.bulk_create(
            Call(
                tenant_id=account.tenant_id,
                account=account,
                call_id=f"c-{at:06}",
                added_at=stamp.now,
                version=stamp.version,
                **{"state": "answered"} | fields,
            )
            for at in range(first, first + number)
        )


def change(call: Call, **columns: Any) -> int:
    """A change of one call, as a verb makes it; gives its version."""
    with writing(call.tenant_id) as stamp:
        Call.objects.filter(pk=call.pk).update(version=stamp.version, **columns)
    return stamp.version


def change_all(calls: list[Call], **columns: Any) -> int:
    """The same of several calls of a tenant, as one change."""
    with writing(calls[0].tenant_id) as stamp:
        Call.objects.filter(pk__in=[call.pk for call in calls]).update(version=stamp.version, **columns)
    return stamp.version


def nothing_new(tenant: Tenant) -> int:
    """A version without a row of its own."""
    with writing(tenant.pk) as stamp:
        return stamp.version

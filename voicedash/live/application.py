"""The whole of voicedash as one ASGI application: which way each request goes."""

import gc
import re
from collections.abc import Awaitable, Callable

from voicedash.calls import drawing
from voicedash.live import callbacks, stream
from voicedash.live.bodies import Receive, Scope, Send
from voicedash.live.health import Health
from voicedash.live.hub import Pace
from voicedash.live.lanes import WSGI, Lane, Limits

App = Callable[[Scope, Receive, Send], Awaitable[None]]
PRESS = re.compile(r"/t/[-\w]+/(?:calls|conversations)/[0-9]+/(?:pause|resume)/", re.ASCII)
# A page waits for the database only. A press waits for Bandwidth, up to ten seconds: its threads
# are its own, and ten accounts' worth of presses (16 each) can hang in them. A thread is made when needed.
PAGES = Limits(threads=8)
PRESSES = Limits(threads=160)


class Application:
    """Django in two lanes, as presses have threads that no page, sync or report can take.

    Streams and callbacks stay on the loop, without any.
    """

    def __init__(
        self, django: WSGI, *, pages: Limits = PAGES, presses: Limits = PRESSES, pace: Pace | None = None
    ) -> None:
        self.pages = Lane(django, "pages", pages)
        self.presses = Lane(django, "presses", presses)
        self.health = Health()
        self.streams = stream.Streams(pace)
        self.callbacks = callbacks.Callbacks()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                if scope["path"] in self.health.paths:
                    way: App = self.health
                elif stream.is_stream(scope):
                    way = self.streams
                elif callbacks.is_callback(scope):
                    way = self.callbacks
                else:
                    way = self.presses if is_press(scope) else self.pages
                await way(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1000, "reason": "voicedash has no websockets"})

    @property
    def running(self) -> int:
        """How much is in threads or waits for one: requests in the lanes, callbacks, a look for the open boards."""
        return self.pages.threads.held + self.presses.threads.held + self.callbacks.running + self.streams.running

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                drawing.prepare()
                # What was loaded until now stays: to look through it again and again would hold up presses.
                gc.collect()
                gc.freeze()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.streams.close()
                await self.callbacks.close()
                self.pages.close()
                self.presses.close()
                self.health.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def is_press(scope: Scope) -> bool:
    """Whether a request asks Bandwidth to pause or resume a recording."""
    return scope["method"] == "POST" and PRESS.fullmatch(scope["path"]) is not None

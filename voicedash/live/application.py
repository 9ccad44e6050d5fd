"""The whole of voicedash as one ASGI application: which way each request goes."""

import gc
import re

from voicedash.live.lanes import WSGI, Lane, Limits, Receive, Scope, Send

PRESS = re.compile(r"/t/[-\w]+/calls/[0-9]+/(?:pause|resume)/", re.ASCII)
# A page waits for the database only. A press waits for Bandwidth, up to ten seconds: its threads
# are its own, and ten accounts' worth of presses (16 each) can hang in them. A thread is made when needed.
PAGES = Limits(threads=8)
PRESSES = Limits(threads=160)


class Application:
    """Django in two lanes: presses have threads that no page, sync or report can take."""

    def __init__(self, django: WSGI, *, pages: Limits = PAGES, presses: Limits = PRESSES) -> None:
        self.pages = Lane(django, "pages", pages)
        self.presses = Lane(django, "presses", presses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                # The stream (/t/<tenant>/live/) moves in here, before the lanes: it stays on the loop.
                lane = self.presses if is_press(scope) else self.pages
                await lane(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1000, "reason": "voicedash has no websockets"})

    @property
    def running(self) -> int:
        """How many requests are in the lanes' threads or wait for one."""
        return self.pages.threads.held + self.presses.threads.held

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                # What was loaded until now stays: to look through it again and again would hold up presses.
                gc.collect()
                gc.freeze()
                await send({"type": "lifespan.startup.complete"})
            else:
                self.pages.close()
                self.presses.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def is_press(scope: Scope) -> bool:
    """Whether a request asks Bandwidth to pause or resume a recording."""
    return scope["method"] == "POST" and PRESS.fullmatch(scope["path"]) is not None

"""What tests of doubts may ask for."""

import pytest

from tests.calls.doubting import acknowledged, doubted


@pytest.fixture
def in_doubt(cast, live_call):
    """A call that Ana paused 4 s ago, over a resume that was sent 6 s ago without an answer: due since a second."""

    def made(wanted="paused", sent=6.0, asserted=4.0):
        call, theirs = live_call(cast.acme_account)
        doubted(call, "recording" if wanted == "paused" else "paused", by=cast.mia, ago=sent)
        acknowledged(call, wanted, by=cast.ana, ago=asserted, reason=cast.card)
        call.refresh_from_db()
        return call, theirs

    return made

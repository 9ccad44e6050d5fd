"""A line of the worker's log tells which piece of work it belongs to."""

import json

from tests.calls.doubting import acknowledged, doubted, until
from voicedash.calls.models import Command


def test_what_was_asked_again_is_found_by_the_call_it_was_for(cast, live_call, worker):
    call, _ = live_call(cast.acme_account)
    doubted(call, "recording", by=cast.mia, ago=6)
    acknowledged(call, "paused", by=cast.ana, ago=4)
    running = worker()
    until(lambda: Command.objects.filter(source="reassert", outcome="acknowledged").exists())
    assert running.stop() == 0
    running.reader.join(5)
    lines = [json.loads(line) for line in running.log if line.startswith("{")]
    [told] = [line for line in lines if "asked again: acknowledged" in line["message"]]
    assert told["job_id"] == f"call-{call.pk}"
    assert told["logger"] == "voicedash.worker.loop"

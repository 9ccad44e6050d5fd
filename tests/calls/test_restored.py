"""After the database was put back: no pause is believed, and pages of before are old."""

from voicedash.calls import board, recording, restored
from voicedash.calls.models import Call
from voicedash.tenants.models import Board


def put_back(tenant, version):
    """As a restore leaves it: the counter is where it was when the backup was made."""
    Board.objects.filter(tenant=tenant).update(version=version)
    Call.objects.filter(tenant=tenant).update(version=version)


def test_pages_of_before_take_the_restored_rows_and_their_resumes_are_old(cast, bandwidth, live_call):
    paused, _ = live_call(cast.acme_account)
    other, _ = live_call(cast.acme_account)
    recording.pause(call=paused, by=cast.ana, reason=cast.card)
    for _ in range(5):
        recording.pause(call=other, by=cast.ana, reason=cast.card)
        recording.resume(call=other, by=cast.ana)
    on_screen = {call.pk: board.row(call).version for call in (paused, other)}
    put_back(cast.acme, 3)
    assert restored.doubt_pauses() == 1
    assert board.row(paused).recording == "unconfirmed"
    for call in (paused, other):
        assert board.row(call).version > on_screen[call.pk]  # a browser refuses what is older than its own
    assert board.read(cast.acme).version >= max(board.row(call).version for call in (paused, other))
    recording.pause(call=other, by=cast.mia, reason=cast.card)
    answer = recording.resume(call=other, by=cast.ana, seen=on_screen[other.pk], anyway=True)
    assert answer.outcome == "stale"

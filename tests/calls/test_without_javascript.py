"""A browser without JavaScript posts and is sent back to the board, with the same sentence."""

from datetime import timedelta
from uuid import uuid4

from django.db.models.functions import Now
from django.test import Client

from voicedash.calls import recording
from voicedash.tenants import workers
from voicedash.tenants.models import Worker


def browser(user):
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_a_press_leads_back_to_the_board_and_its_sentence(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    ana = browser(cast.ana)
    answer = ana.post(f"/t/acme/calls/{call.pk}/pause/")
    assert (answer.status_code, answer["Location"]) == (303, "/t/acme/")
    assert "Paused: go ahead. Bandwidth acknowledged it." in ana.get("/t/acme/").content.decode()
    assert theirs.recorder == "paused"


def test_somebody_elses_pause_offers_the_second_press_in_its_row(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    mia = browser(cast.mia)
    answer = mia.post(f"/t/acme/calls/{call.pk}/resume/")
    call.refresh_from_db()
    assert answer["Location"] == f"/t/acme/?confirm={call.pk}&at={call.version}#call-{call.pk}"
    page = mia.get(answer["Location"]).content.decode()
    assert f'formaction="/t/acme/calls/{call.pk}/resume/?anyway=1"' in page
    assert theirs.recorder == "paused"
    mia.post(f"/t/acme/calls/{call.pk}/resume/?anyway=1")
    assert theirs.recorder == "recording"


def test_a_made_up_confirmation_offers_nothing(cast, bandwidth, live_call):
    call, _ = live_call(cast.acme_account)
    for made_up in (call.pk, 999999, "x", "-1", "9" * 40):
        for at in ("0", "x", ""):
            page = browser(cast.ana).get(f"/t/acme/?confirm={made_up}&at={at}")
            assert page.status_code == 200
            assert "anyway=1" not in page.content.decode()


def test_a_newer_pause_takes_a_question_of_its_own(cast, bandwidth, live_call):
    call, theirs = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.mia)
    ana = browser(cast.ana)
    where = ana.post(f"/t/acme/calls/{call.pk}/resume/")["Location"]
    recording.pause(call=call, by=cast.mia)
    assert "anyway=1" not in ana.get(where).content.decode()
    assert theirs.recorder == "paused"


def test_the_page_itself_says_that_no_worker_is_at_work(cast):
    line = 'class="worker">No worker is running: no pause ends, and nothing is asked again or closed by itself until one runs.'
    ana = browser(cast.ana)
    assert line in ana.get("/t/acme/").content.decode()
    workers.beat(uuid4(), "one")
    for ago, told in ((14, False), (16, True)):
        Worker.objects.update(seen_at=Now() - timedelta(seconds=ago))
        assert (line in ana.get("/t/acme/").content.decode()) == told

"""A fetch whose process went away is told as such, can be begun anew, and writes over no other."""

from datetime import timedelta

from django.utils import timezone

from tests.calls.test_fetching import SignIn, fetched, progress
from tests.cast import Cast
from voicedash.bandwidth.fake import Fake
from voicedash.calls import board as boards
from voicedash.calls import fetching
from voicedash.calls.models import Fetch


def dead(cast: Cast) -> Fetch:
    """A fetch whose process went away two minutes ago."""
    heard = timezone.now() - timedelta(minutes=2)
    return Fetch.objects.create(
        account=cast.acme_account, by=cast.mia, started_at=heard, heard_at=heard, pages=3, read=3000
    )


def test_a_fetch_that_died_is_told_and_can_be_started_anew(cast: Cast, bandwidth: Fake, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    dead(cast)
    assert "fetching stopped half way" in progress(ana)
    bandwidth.add_call("9900001")
    fetched(ana)
    fetch = Fetch.objects.get()
    assert (fetch.by, fetch.pages, fetch.read, fetch.added) == (cast.ana, 1, 1, 1)


def test_a_fetch_that_died_is_ended_once_and_that_is_news_for_every_board(cast: Cast, bandwidth: Fake) -> None:
    fetch = dead(cast)
    since = boards.parts(cast.acme).version
    assert fetching.with_dead() == [cast.acme.pk]
    fetching.end_dead(cast.acme.pk)
    told = boards.newer(cast.acme.pk, since)
    assert told.version == since + 1
    (view,) = told.lines
    assert view.fetch is not None
    assert (view.running, view.died, view.fetch.error) == (False, False, "Fetching stopped half way. Fetch again.")
    assert view.fetch.finished_at is not None and view.fetch.read == 3000
    assert fetching.with_dead() == []
    fetching.end_dead(cast.acme.pk)  # another worker, which found it at the same time
    assert boards.parts(cast.acme).version == since + 1
    fetching._note(fetch, finished=True)  # it was only slow, and tells how it went all the same
    (view,) = boards.parts(cast.acme).lines
    assert view.fetch is not None and view.fetch.error == ""


def test_a_fetch_thought_dead_does_not_write_over_its_successor(cast: Cast, bandwidth: Fake, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    old = Fetch.objects.select_related("account").get(pk=dead(cast).pk)
    fetched(ana)
    before = Fetch.objects.values().get()
    fetching.run(old)
    assert Fetch.objects.values().get() == before

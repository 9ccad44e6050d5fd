"""Call ids typed in by hand: each comes onto the board or is told why not, and Bandwidth is asked nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import cast as people
from tests.cast import Cast
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Call
from voicedash.tenants.models import BandwidthAccount, Board, User

SignIn = Callable[[User], Client]
USUAL = "c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85"
WHERE = "/t/acme/calls/"


@pytest.fixture
def ana(cast: Cast, sign_in: SignIn) -> Client:
    return sign_in(cast.ana)


def add(client: Client, text: str, **fields: object) -> Any:
    answer = client.post(WHERE, {"call_ids": text, **fields})
    assert answer.status_code == 200
    return answer


def on_board(slug: str = "acme") -> dict[str, str]:
    """Call id → account id."""
    found = Call.objects.filter(tenant__slug=slug).order_by("pk")
    return dict(found.values_list("call_id", "account__account_id"))


def test_a_typed_id_is_on_the_board_and_bandwidth_was_asked_nothing(cast: Cast, bandwidth: Fake, ana: Client) -> None:
    answer = add(ana, USUAL)
    assert "1 call added" in answer.content.decode()
    call = Call.objects.get()
    assert (call.call_id, call.account, call.state, call.recording) == (USUAL, cast.acme_account, "", "assumed")
    assert (call.added_by, call.ended_at) == (cast.ana, None)
    assert call.version == Board.objects.get(tenant=cast.acme).version > 0
    shown = ana.get("/t/acme/").content.decode()
    assert f'data-call="{USUAL}"' in shown
    assert "typed, not seen yet" in shown
    assert bandwidth.requests == []


def test_many_ids_come_in_one_go_however_they_are_parted(ana: Client) -> None:
    answer = add(ana, f"c-one, c-two;c-three\r\n\tc-four {USUAL} c-one")
    assert list(on_board()) == ["c-one", "c-two", "c-three", "c-four", USUAL]
    assert "5 calls added" in answer.content.decode()


def test_a_bad_id_takes_nothing_from_the_rest_and_is_told(ana: Client) -> None:
    text = add(ana, "c-good <script>alert(1)</script> r-12345678 c-fine").content.decode()
    assert list(on_board()) == ["c-good", "c-fine"]
    assert "this is the id of a recording; a call&#x27;s begins with c-" in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_an_id_that_is_not_of_the_usual_form_is_added_with_a_hint(ana: Client) -> None:
    text = add(ana, f"c-short {USUAL}").content.decode()
    assert list(on_board()) == ["c-short", USUAL]
    assert text.count("usually have 47 characters") == 1


def test_nothing_typed_is_told(ana: Client) -> None:
    assert "type at least one call id" in add(ana, " ,\n").content.decode()
    assert on_board() == {}


def test_the_account_is_the_one_of_the_address_else_the_chosen_one_else_the_first(cast: Cast, ana: Client) -> None:
    second = people.account(cast.acme, "9900003")
    third = people.account(cast.acme, "9900004")
    address = "https://voice.bandwidth.com/api/v2/accounts/{}/calls/{}"
    add(ana, "c-first " + address.format("9900004", "c-addressed"))
    add(ana, "c-chosen " + address.format("9900004", "c-addressed-too"), account=second.pk)
    assert on_board() == {
        "c-first": "9900001",
        "c-addressed": third.account_id,
        "c-chosen": second.account_id,
        "c-addressed-too": third.account_id,
    }


def test_an_address_of_another_tenants_account_is_refused_and_the_rest_added(cast: Cast, ana: Client) -> None:
    theirs = f"/accounts/{cast.globex_account.account_id}/calls/c-theirs"
    text = add(ana, f"c-ours {theirs} /accounts/1234567/calls/c-nobodys").content.decode()
    assert on_board() == {"c-ours": "9900001"}
    assert on_board("globex") == {}
    assert "9900002 is not one of your Bandwidth accounts" in text
    assert "1234567 is not one of your Bandwidth accounts" in text


def test_choosing_another_tenants_account_puts_nothing_into_it(cast: Cast, ana: Client) -> None:
    ana.post(WHERE, {"call_ids": "c-one", "account": cast.globex_account.pk})
    assert cast.globex_account.account_id not in on_board().values()
    assert on_board("globex") == {}


@pytest.mark.parametrize("account", ["", "x", "-1", "99999999999999999999999", "1.5", "²"])
def test_an_account_that_is_no_number_breaks_nothing(cast: Cast, ana: Client, account: str) -> None:
    ana.post(WHERE, {"call_ids": "c-one", "account": account})
    assert set(on_board().values()) <= {cast.acme_account.account_id}


def test_without_an_account_it_is_told_what_to_do(cast: Cast, ana: Client) -> None:
    BandwidthAccount.objects.filter(tenant=cast.acme).delete()
    assert "ask an admin to add one" in add(ana, "c-one").content.decode()
    assert on_board() == {}


def test_what_is_on_the_board_already_is_told_and_left_as_it_is(cast: Cast, ana: Client) -> None:
    add(ana, "c-one")
    Call.objects.update(recording="paused", state="answered")
    before = Call.objects.values().get()
    text = add(ana, "c-one c-two").content.decode()
    assert "Already on the board" in text
    assert Call.objects.values().get(call_id="c-one") == before
    assert list(on_board()) == ["c-one", "c-two"]


def test_a_call_that_ended_is_told_with_the_tenants_time(cast: Cast, ana: Client) -> None:
    add(ana, "c-one")
    Call.objects.update(ended_at=datetime(2026, 11, 20, 14, 3, tzinfo=UTC), state="disconnected")
    text = add(ana, "c-one c-two").content.decode()
    assert "Bandwidth said at 09:03 that this call has ended" in text
    assert "1 call added" in text


def test_one_id_may_be_a_call_of_two_tenants(cast: Cast, ana: Client, sign_in: SignIn) -> None:
    add(ana, "c-one")
    assert sign_in(cast.omar).post("/t/globex/calls/", {"call_ids": "c-one"}).status_code == 200
    assert (on_board(), on_board("globex")) == ({"c-one": "9900001"}, {"c-one": "9900002"})


def test_of_more_than_500_the_first_500_are_added_and_the_others_told(ana: Client) -> None:
    text = add(ana, "\n".join(f"c-{number:05}" for number in range(503))).content.decode()
    assert len(on_board()) == 500
    assert text.count("more than 500 at once") == 3


def test_500_ids_cost_a_bounded_number_of_queries_and_short_transactions(ana: Client) -> None:
    add(ana, "c-first")  # what only a first request asks
    counts = {}
    for number in (100, 500):
        with (
            CaptureQueriesContext(connections["default"]) as asked,
            CaptureQueriesContext(connections["snapshot"]) as read,
        ):
            add(ana, "\n".join(f"c-{number}-{one:05}" for one in range(number)))
        counts[number] = len(asked) + len(read)
    assert counts[500] - counts[100] <= 4 * 10, counts  # five of them insert: SQLite takes 999 values at once
    assert counts[500] <= 60, counts
    for version in Call.objects.values_list("version", flat=True).distinct():
        assert Call.objects.filter(version=version).count() <= 100


def test_without_htmx_the_answer_is_the_board_with_what_came_of_each(cast: Cast, ana: Client) -> None:
    answer = ana.post(WHERE, {"call_ids": f"{USUAL} nonsense"}, headers={"HX-Request": ""})
    text = answer.content.decode()
    assert f'data-call="{USUAL}"' in text
    assert 'data-refused="nonsense"' in text


def test_only_who_may_press_may_add(cast: Cast, sign_in: SignIn) -> None:
    before = Board.objects.get(tenant=cast.acme).version
    assert sign_in(cast.vic).post(WHERE, {"call_ids": "c-one"}).status_code == 403
    assert sign_in(cast.omar).post(WHERE, {"call_ids": "c-one"}).status_code == 404
    assert Client(headers={"HX-Request": "true"}).post(WHERE, {"call_ids": "c-one"}).status_code == 401
    assert sign_in(cast.mia).get(WHERE).status_code == 303
    assert Call.objects.count() == 0
    assert Board.objects.get(tenant=cast.acme).version == before
    assert sign_in(cast.mia).post(WHERE, {"call_ids": "c-one"}).status_code == 200


def test_a_typed_call_is_paused_as_any_other(cast: Cast, bandwidth: Fake, ana: Client) -> None:
    theirs = bandwidth.add_call("9900001", answered=datetime.now(UTC) - timedelta(minutes=2))
    add(ana, f"{bandwidth.voice_url}/accounts/9900001/calls/{theirs.call_id}")
    answer = ana.post(f"{WHERE}{Call.objects.get().pk}/pause/")
    assert 'data-outcome="acknowledged"' in answer.content.decode()
    assert theirs.recorder == "paused"


def test_an_account_that_is_not_ours_takes_none_of_the_ids(cast: Cast, ana: Client) -> None:
    for account in (str(cast.globex_account.pk), "x", "99999"):
        text = ana.post(WHERE, {"call_ids": "c-one c-two", "account": account}).content.decode()
        assert text.count("the chosen Bandwidth account is not one of yours") == 2
    assert on_board() == on_board("globex") == {}

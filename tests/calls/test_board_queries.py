"""What the board and a press ask of the database does not grow with the calls of the tenant, or with their past."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.cast import Cast
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Attempt, Call, Command
from voicedash.tenants.models import User

SignIn = Callable[[User], Client]
PRESS = 26  # statements of a press that is acknowledged at once: signing in, claim, settle, the row; without BEGIN and COMMIT


def fill(cast: Cast, number: int) -> None:
    """A board of `number` calls in every state, each with a past of its own."""
    now = timezone.now()
    people = [cast.ana, cast.mia]
    for at in range(Call.objects.count(), number):
        call = Call.objects.create(
            tenant=cast.acme,
            account=cast.acme_account,
            call_id=f"c-{at:06}",
            state=("answered", "initiated", "", "disconnected")[at % 4],
            ended_at=now if at % 4 == 3 else None,
            recording=("assumed", "paused", "recording", "unconfirmed")[at // 4 % 4],
            recording_since=now,
            added_at=now - timedelta(minutes=1),
            added_by=people[at % 2],
        )
        told: dict[str, Any] = {"call": call, "by": people[at % 2], "asked_at": now, "version": 1}
        later = now + timedelta(seconds=60)
        past = [
            Command(
                **told,
                wanted="paused",
                reason=cast.card,
                state="closed",
                outcome="acknowledged",
                expires_at=now,
                closed_at=now,
            )
            for _ in range(3)
        ]
        if at % 5 == 0:
            past.append(Command(**told, wanted="recording", state="claimed", expires_at=later, claimed_at=now))
        if at % 10 == 0:
            past.append(Command(**told, wanted="paused", state="waiting", expires_at=later, reason=cast.objects))
        commands = Command.objects.bulk_create(past)
        Attempt.objects.bulk_create(
            Attempt(command=command, number=1, began_at=now, result="unknown", doubt_until=later)
            for command in commands
        )
        Call.objects.filter(pk=call.pk).update(acknowledged=commands[0], last_pause=commands[0])


def asked(work: Callable[[], object]) -> list[str]:
    """The statements of a piece of work, without those that only begin and end transactions."""
    with (
        CaptureQueriesContext(connections["default"]) as writing,
        CaptureQueriesContext(connections["snapshot"]) as reading,
    ):
        work()
    found = [str(query["sql"]) for query in [*writing.captured_queries, *reading.captured_queries]]
    return [sql for sql in found if not sql.startswith(("BEGIN", "COMMIT", "SET TRANSACTION"))]


PAGES: list[tuple[str, dict[str, str]]] = [
    ("the whole page", {"HX-Request": ""}),
    ("its first page anew", {"X-Background": "1"}),
]
PARTS_OF_IT = ["?since=0", "?after=03.0000000000000005", "?q=c-0&show=live", "?show=paused"]


@pytest.mark.parametrize("query", PARTS_OF_IT)
def test_a_part_of_the_board_asks_as_much_with_10_calls_as_with_200(cast: Cast, sign_in: SignIn, query: str) -> None:
    ana = sign_in(cast.ana)
    counts = []
    for number in (10, 200):
        fill(cast, number)
        counts.append(len(asked(lambda: ana.get(f"/t/acme/{query}", headers={"X-Background": "1"}))))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("headers", [page[1] for page in PAGES], ids=[page[0] for page in PAGES])
def test_the_board_asks_as_much_with_10_calls_as_with_200(cast: Cast, sign_in: SignIn, headers: dict[str, str]) -> None:
    ana = sign_in(cast.ana)
    counts = {}
    for number in (10, 200):
        fill(cast, number)
        ana.get("/t/acme/", headers=headers)
        answers: list[Any] = []
        counts[number] = asked(lambda answers=answers: answers.append(ana.get("/t/acme/", headers=headers)))  # type: ignore[misc]
        # Of the 100 rows after the first page those join it that are paused, not confirmed or being asked.
        assert answers[0].content.decode().count("data-call=") == {10: 10, 200: 146}[number]
    assert len(counts[10]) == len(counts[200]), "\n".join(counts[200])
    assert len(counts[200]) <= 22, "\n".join(counts[200])


@pytest.mark.parametrize("query", ["", "?show=needs"])
def test_it_asks_as_much_where_200_doubts_have_run_out(cast: Cast, sign_in: SignIn, query: str) -> None:
    ana = sign_in(cast.ana)
    counts, needing = [], []
    for number in (10, 200):
        fill(cast, number)
        # Too young for anybody to have written what they undid.
        Command.objects.filter(state="claimed").update(state="closed")
        Attempt.objects.update(doubt_until=timezone.now() - timedelta(seconds=3))
        Command.objects.filter(wanted="paused", pk__in=Call.objects.values("acknowledged")).update(wanted="recording")
        answers: list[Any] = []
        read = lambda answers=answers: answers.append(ana.get(f"/t/acme/{query}", headers={"X-Background": "1"}))  # noqa: E731
        counts.append(len(asked(read)))
        needing.append(answers[0].content.decode().count('data-recording="unconfirmed"'))
    assert counts[0] == counts[1]
    assert needing[1] > 60 > needing[0] > 2


def test_a_row_and_the_fetch_line_ask_as_much_with_10_calls_as_with_200(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    counts = []
    for number in (10, 200):
        fill(cast, number)
        first = Call.objects.earliest("pk").pk
        for where in (f"/t/acme/calls/{first}/", "/t/acme/fetch/"):
            counts.append(len(asked(lambda where=where: ana.get(where))))  # type: ignore[misc]
    assert counts[:2] == counts[2:]


def test_a_press_asks_as_much_on_a_full_board_as_on_an_empty_one(
    cast: Cast, bandwidth: Fake, sign_in: SignIn, live_call: Any
) -> None:
    ana = sign_in(cast.ana)
    first, _ = live_call(cast.acme_account)
    ana.post(f"/t/acme/calls/{first.pk}/pause/")  # begins the tenant's log
    counts = []
    for number in (1, 200):
        fill(cast, number)
        call, _ = live_call(cast.acme_account)
        answers: list[Any] = []
        press = asked(lambda pk=call.pk, answers=answers: answers.append(ana.post(f"/t/acme/calls/{pk}/pause/")))  # type: ignore[misc]
        assert 'data-outcome="acknowledged"' in answers[0].content.decode()
        counts.append(len(press))
    assert counts[0] == counts[1]
    assert counts[1] <= PRESS, "\n".join(press)
    assert not any("incident" in sql for sql in press)  # of which there is something to ask only where it fails


def test_a_board_without_expired_claims_is_read_without_the_writers_lock(cast: Cast, sign_in: SignIn) -> None:
    ana = sign_in(cast.ana)
    fill(cast, 10)
    ana.get("/t/acme/")
    writes = [sql for sql in asked(lambda: ana.get("/t/acme/")) if not sql.lstrip().upper().startswith("SELECT")]
    assert writes == []

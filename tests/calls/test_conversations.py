"""One press on all legs: each is asked at once, each answers for itself, and the whole is Paused only if nothing is open."""

import re
from functools import partial

import pytest

from tests.calls.test_board_queries import asked
from tests.calls.test_legs import told
from voicedash.calls import board, recording, times, tracking
from voicedash.calls.models import Call, Command, Conversation
from voicedash.tenants.board import writing


def attribute(page, element, name):
    """What an element of the answer says, "" where it does not."""
    row = re.search(rf'<li id="{element}"[^>]*>', page)
    assert row, f"no {element} in {page}"
    found = re.search(rf' {name}="([^"]*)"', row[0])
    return found[1] if found else ""


class Talk:
    """A conversation of several legs, at the stand-in and on the board."""

    def __init__(self, cast, bandwidth, legs, client):
        first = bandwidth.add_call(cast.acme_account.account_id)
        more = [bandwidth.add_call(first.account_id, parent_call_id=first.call_id) for _ in range(legs - 1)]
        self.theirs = [first, *more]
        news = [told(one.call_id, "" if one is first else first.call_id) for one in self.theirs]
        tracking.learn(cast.acme_account, news)
        self.client, self.account = client, cast.acme_account
        self.conversation = Conversation.objects.get()
        self.id = f"conversation-{self.conversation.pk}"

    @property
    def calls(self):
        return [Call.objects.get(call_id=one.call_id) for one in self.theirs]

    def press(self, what, **data):
        return self.client.post(f"/t/acme/conversations/{self.conversation.pk}/{what}/", data).content.decode()

    def outcomes(self, page):
        return [attribute(page, f"call-{call.pk}", "data-outcome") for call in self.calls]

    @property
    def row(self):
        return board.conversation(self.conversation)[0]


@pytest.fixture
def hurry():
    """A time-out takes its whole budget."""
    times.scale(0.3)


@pytest.fixture
def talk(cast, bandwidth, sign_in):
    return lambda legs, by=None: Talk(cast, bandwidth, legs, sign_in(by or cast.ana))


def test_a_press_asks_for_every_leg_at_once_and_each_answers(cast, bandwidth, talk, threads):
    it = talk(3)
    bandwidth.hold(it.account.account_id, on="put")
    pressing = threads.submit(it.press, "pause")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 3)
    bandwidth.release(it.account.account_id)
    page = pressing.result()
    assert [one.recorder for one in it.theirs] == ["paused"] * 3
    assert it.outcomes(page) == ["acknowledged"] * 3
    assert attribute(page, it.id, "data-outcome") == "acknowledged"
    assert attribute(page, it.id, "data-recording") == "paused"
    assert "Paused: go ahead" in page and "Bandwidth acknowledged it on all 3 legs." in page
    page = it.press("resume")
    assert [one.recorder for one in it.theirs] == ["recording"] * 3
    assert attribute(page, it.id, "data-outcome") == "acknowledged"


def test_a_leg_that_bandwidth_does_not_know_does_not_keep_the_whole_from_being_paused(cast, bandwidth, talk):
    it = talk(2)
    bandwidth.fail_next(404, call_id=it.theirs[1].call_id)
    page = it.press("pause")
    assert it.outcomes(page) == ["acknowledged", "unknown_call"]
    assert attribute(page, it.id, "data-outcome") == "acknowledged"
    assert "Paused on 1 of 2 legs; Bandwidth does not know the other." in page
    row = it.row
    assert (row.word, row.line, row.note) == ("Paused", "on 1 of 2 legs", "Bandwidth does not know the other")


@pytest.mark.parametrize(
    ("fault", "outcome", "word"),
    [
        (lambda one: one.hang_next, "unconfirmed", "Not confirmed: treat as recording"),
        (lambda one: lambda **at: one.fail_next(400, **at), "refused", "Recording (assumed)"),
        (lambda one: lambda **at: one.fail_next(403, **at), "credentials", "Recording (assumed)"),
    ],
)
def test_any_other_answer_of_one_leg_keeps_the_whole_from_being_paused(
    cast, bandwidth, talk, hurry, fault, outcome, word
):
    it = talk(3)
    for _ in range(9):
        fault(bandwidth)(call_id=it.theirs[1].call_id)
    page = it.press("pause")
    assert it.outcomes(page) == ["acknowledged", outcome, "acknowledged"]
    assert attribute(page, it.id, "data-outcome") == outcome
    assert attribute(page, it.id, "data-recording") != "paused"
    assert "NOT paused: stop the caller" in page and "Paused on 2 of 3 legs" in page
    assert "go ahead" not in page
    assert (it.row.word, it.row.line) == (word, "paused on 2 of 3 legs")


def test_five_legs_of_which_one_answers_404_and_one_times_out(cast, bandwidth, talk, hurry):
    it = talk(5)
    bandwidth.fail_next(404, call_id=it.theirs[3].call_id)
    for _ in range(9):
        bandwidth.hang_next(call_id=it.theirs[1].call_id)
    page = it.press("pause")
    assert it.outcomes(page) == ["acknowledged", "unconfirmed", "acknowledged", "unknown_call", "acknowledged"]
    assert "NOT paused: stop the caller" in page
    said = "Paused on 3 of 5 legs; 1 not confirmed: treat as recording; 1 not known to Bandwidth now."
    assert said in page
    bandwidth.forget()
    page = it.press("pause")  # the caller was stopped, and it is tried again
    assert attribute(page, it.id, "data-outcome") == "acknowledged"


def test_where_bandwidth_knows_none_of_the_legs_nothing_is_paused(cast, bandwidth, talk):
    it = talk(2)
    for one in it.theirs:
        bandwidth.fail_next(409, call_id=one.call_id)
    page = it.press("pause")
    assert attribute(page, it.id, "data-outcome") == "unknown_call"
    assert "NOT paused: stop the caller" in page
    assert it.row.recording == "assumed"


def test_a_leg_that_ends_during_a_press_is_no_failure(cast, bandwidth, talk, threads):
    it = talk(2)
    bandwidth.delay_next(1.0, call_id=it.theirs[0].call_id)
    bandwidth.fail_next(404, call_id=it.theirs[1].call_id)
    pressing = threads.submit(it.press, "pause")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    tracking.learn(it.account, [told(it.theirs[1].call_id, it.theirs[0].call_id, state="disconnected", second=9)])
    page = pressing.result()
    assert attribute(page, it.id, "data-outcome") == "acknowledged"
    assert "Bandwidth acknowledged it." in page


def test_where_every_leg_has_ended_nothing_is_asked_and_nothing_claimed(cast, bandwidth, talk):
    it = talk(2)
    ended = [told(one.call_id, state="disconnected", second=9) for one in it.theirs]
    tracking.learn(it.account, ended)
    page = it.press("pause")
    assert "NOT paused: stop the caller" in page and "No leg of this call is live any more." in page
    assert bandwidth.puts == []


def test_a_leg_that_joins_during_a_press_keeps_it_from_saying_go_ahead(cast, bandwidth, talk, threads):
    it = talk(2)
    for one in it.theirs:
        bandwidth.delay_next(1.0, call_id=one.call_id)
    pressing = threads.submit(it.press, "pause")
    assert bandwidth.wait_until(lambda: len(bandwidth.puts) == 2)
    tracking.learn(it.account, [told("c-joins", it.theirs[0].call_id)])
    page = pressing.result()
    assert "go ahead" not in page and "Wait, pausing…" in page
    assert attribute(page, it.id, "data-recording") == "assumed"
    assert (it.row.word, it.row.line) == ("Wait, pausing…", "treat as recording")


def test_somebody_elses_pause_of_all_legs_takes_one_second_press(cast, bandwidth, talk, sign_in):
    it = talk(3)
    it.press("pause")
    it.client = sign_in(cast.mia)
    sent = len(bandwidth.puts)
    page = it.press("resume")
    assert attribute(page, it.id, "data-outcome") == "confirm"
    assert page.count("Resume anyway?") == 2  # the question in the row and in the sentence, and none in the legs
    assert len(bandwidth.puts) == sent
    page = it.press("resume", anyway="1")
    assert it.outcomes(page) == ["acknowledged"] * 3


def test_a_resume_from_before_the_pause_of_any_leg_resumes_none(cast, bandwidth, talk):
    it = talk(2)
    seen = it.row.version
    recording.pause(call=it.calls[1], by=cast.mia)
    page = it.press("resume", seen=seen)
    assert attribute(page, it.id, "data-outcome") == "stale"
    assert "Paused since by Mia Chen" in page
    assert not Command.objects.filter(wanted="recording").exists()


def test_a_press_on_one_leg_answers_with_the_row_of_all(cast, bandwidth, talk):
    it = talk(2)
    first = it.calls[0]
    page = it.client.post(f"/t/acme/calls/{first.pk}/pause/").content.decode()
    assert attribute(page, f"call-{first.pk}", "data-outcome") == "acknowledged"
    assert attribute(page, it.id, "data-recording") == "assumed"
    assert (it.row.word, it.row.line) == ("Recording (assumed)", "paused on 1 of 2 legs")
    assert attribute(page, it.id, "data-outcome") == ""


def test_without_htmx_the_board_says_what_came_of_it_and_asks_once(cast, bandwidth, talk, sign_in):
    it = talk(2)
    answer = it.client.post(f"/t/acme/conversations/{it.conversation.pk}/pause/", headers={"HX-Request": ""})
    assert answer.status_code == 303
    page = it.client.get(answer["Location"], headers={"HX-Request": ""}).content.decode()
    assert "Paused: go ahead. Bandwidth acknowledged it on both legs." in page
    mia, place = sign_in(cast.mia), f"/t/acme/conversations/{it.conversation.pk}/resume/"
    answer = mia.post(place, headers={"HX-Request": ""})
    assert f"?confirm={it.id}&at=" in answer["Location"]
    page = mia.get(answer["Location"], headers={"HX-Request": ""}).content.decode()
    assert page.count("Resume anyway") == 3 and f'formaction="{place}?anyway=1"' in page
    mia.post(f"{place}?anyway=1", headers={"HX-Request": ""})
    assert [one.recorder for one in it.theirs] == ["recording"] * 2


def test_the_board_counts_those_together_once_and_finds_them_by_any_leg(cast, bandwidth, talk, live_call):
    it = talk(3)
    live_call(cast.acme_account)
    counts = board.read(cast.acme).counts
    assert (counts.live, counts.paused, counts.needs) == (2, 0, 0)
    recording.pause(call=it.calls[0], by=cast.ana)
    assert board.read(cast.acme).counts.paused == 0
    assert board.found(cast.acme, "", "paused").rows == []
    it.press("pause")
    assert board.read(cast.acme).counts.paused == 1
    found = board.found(cast.acme, it.theirs[2].call_id, "")
    assert [row.id for row in found.rows] == [it.id, *(f"call-{call.pk}" for call in it.calls)]
    with writing(cast.acme.pk) as stamp:
        Call.objects.filter(conversation=it.conversation).update(recording="unconfirmed", version=stamp.version)
    assert board.read(cast.acme).counts.needs == 1


def test_a_change_of_one_leg_comes_with_the_row_of_all(cast, bandwidth, talk):
    it = talk(2)
    before = board.read(cast.acme).version
    recording.pause(call=it.calls[1], by=cast.ana)
    news = board.newer(cast.acme.pk, before)
    assert {row.id for row in news.rows} == {it.id, *(f"call-{call.pk}" for call in it.calls)}
    whole = next(row for row in news.rows if row.legs)
    assert whole.version == max(call.version for call in it.calls)


def test_a_leg_that_left_long_ago_leaves_a_plain_row(cast, bandwidth, talk):
    it = talk(2)
    Call.objects.filter(pk=it.calls[1].pk).update(ended_at=it.calls[1].added_at.replace(year=2020))
    rows = board.read(cast.acme).rows
    assert [(row.id, row.is_leg) for row in rows] == [(f"call-{it.calls[0].pk}", False)]


def test_a_board_asks_as_much_with_5_conversations_as_with_50(cast, bandwidth, sign_in):
    ana, counts = sign_in(cast.ana), []
    for many in (5, 50):
        calls = [
            told(f"c-{number:03}-{leg}", f"c-{number:03}-0" if leg else "") for number in range(many) for leg in (0, 1)
        ]
        for first in range(0, len(calls), 100):
            tracking.learn(cast.acme_account, calls[first : first + 100])
        read = partial(ana.get, "/t/acme/", headers={"X-Background": "1"})
        counts.append(len(asked(read)))
        assert read().content.decode().count("data-legs=") == many
        pressed = Conversation.objects.latest("pk")
        counts.append(len(asked(partial(ana.get, f"/t/acme/conversations/{pressed.pk}/"))))
    assert counts[:2] == counts[2:]


def test_those_whose_legs_stand_on_two_pages_stand_on_one(cast, bandwidth, talk):
    it = talk(2)
    tracking.learn(it.account, [told(f"c-{number:03}", second=1) for number in range(100)])
    tracking.learn(it.account, [told("c-late", it.theirs[0].call_id)])
    first = board.read(cast.acme)
    assert sum(bool(row.legs) for row in first.rows) == 1
    second = board.read(cast.acme, after=first.next)
    ids = [row.id for row in [*first.rows, *second.rows]]
    assert len(ids) == len(set(ids)) == 104

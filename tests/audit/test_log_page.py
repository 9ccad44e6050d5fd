"""The log's page tells what happened in sentences, a command in one line, to those who may read it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.audit.reading_along import all_lines, browser_of, command, plain, read, tell, tell_sign_in
from tests.browser.desk import until
from voicedash.audit import words
from voicedash.audit.models import Entry
from voicedash.calls import recording
from voicedash.calls.models import Command, Hidden, Outcome
from voicedash.calls.state import still_open
from voicedash.tenants import changes
from voicedash.tenants.board import writing
from voicedash.tenants.models import Membership, Reason, Role


def test_a_press_has_one_line_that_says_who_what_and_what_came_of_it(cast, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    recording.resume(call=call, by=cast.mia, anyway=True)
    resumed, paused = read(cast.ana).told
    assert f"Ana Ruiz paused the recording of call {call.call_id}: acknowledged after" in paused
    assert "Card details" in paused
    assert f"Mia Chen resumed the recording of call {call.call_id}: acknowledged after" in resumed


def test_a_press_in_trouble_tells_its_attempts(cast, live_call, bandwidth):
    call, _ = live_call(cast.acme_account)
    bandwidth.fail_next(503)
    recording.pause(call=call, by=cast.ana)
    bandwidth.fail_next(400)
    recording.resume(call=call, by=cast.ana)
    refused, paused = read(cast.ana).told
    assert "2 attempts (no readable answer (503), then acknowledged (200))" in paused
    assert "Ana Ruiz asked to resume the recording of call" in refused
    assert "refused by Bandwidth after" in refused
    assert "HTTP 400" in refused


def test_the_outcomes_have_words(cast):
    for number, outcome in enumerate(Outcome.values):
        command(cast.acme, number, outcome=outcome, actor=cast.ana.pk)
    told = "\n".join(read(cast.ana).told)
    assert set(Outcome.values) == set(words.OUTCOMES) == set(words.CAME)
    assert "not confirmed, as no readable answer came" in told
    assert "Bandwidth was not asked" in told


def test_a_pause_that_was_kept_and_one_that_ended_by_itself_say_so(cast):
    data = {"command": 1, "until": "2026-11-27T19:06:22+00:00", "prolonged": 1, "reason": cast.card.pk, "noted": True}
    tell(cast.acme, "recording.kept", actor=cast.ana.pk, call_id="c-one", data=data)
    tell(cast.acme, "recording.kept", actor=cast.ana.pk, call_id="c-one", data={"command": 1, "until": None})
    command(cast.acme, 2, actor=None, wanted="recording", source="timer")
    ended, open_end, kept = read(cast.ana).told
    assert "Ana Ruiz kept paused call c-one: until 14:06:22 EST, Card details, with a note" in kept
    assert "kept paused call c-one: until a person resumes" in open_end
    assert "voicedash resumed the recording of call c-one: acknowledged after 0.2 s, as the pause had ended" in ended


def test_what_hid_a_call_has_words(cast):
    for why in Hidden.values:
        tell(cast.acme, "call.hidden", call_id="c-one", data={"why": why})
        assert f"voicedash took off the boards call c-one: {words.WHY[why]}" in read(cast.ana).told[0]


def test_a_press_whose_answer_is_out_is_there_while_it_is_asked(cast, live_call, bandwidth, threads):
    call, _ = live_call(cast.acme_account)
    bandwidth.hold(cast.acme_account.account_id)
    pressed = threads.submit(recording.pause, call=call, by=cast.ana)
    until(Entry.objects.exists)
    assert "no answer stands in the log yet" in read(cast.ana).told[0]
    bandwidth.release_all()
    pressed.result()
    assert len(read(cast.ana).told) == 1


def test_a_press_whose_process_died_is_found_for_its_person_and_as_not_confirmed(cast, live_call):
    call, _ = live_call(cast.acme_account)
    with writing(cast.acme.pk) as stamp:
        gone = Command.objects.create(
            call=call,
            wanted="paused",
            by=cast.ana,
            reason=cast.card,
            state="claimed",
            asked_at=stamp.now,
            expires_at=stamp.now - timedelta(seconds=1),
            version=1,
        )
    data = {"command": gone.pk, "wanted": "paused", "source": "person", "reason": cast.card.pk}
    tell(cast.acme, "recording.asked", actor=cast.ana.pk, call_id=call.call_id, data=data)
    with writing(cast.acme.pk) as stamp:
        still_open(call, stamp)
    [hers] = read(cast.mia, who=cast.ana.pk).told
    assert "Ana Ruiz asked to pause" in hers
    assert "the process that asked was gone before it could tell, entry 2" in hers
    [unconfirmed] = read(cast.mia, outcome="unconfirmed", reason=cast.card.pk).told
    assert "voicedash gave up a request to pause the recording" in unconfirmed


def test_changes_say_who_changed_what(cast):
    with writing(cast.acme.pk) as stamp:
        vic = Membership.objects.get(user=cast.vic)
        changes.tell(vic, "added", at=stamp.now, actor=cast.mia.pk)
        changes.tell(cast.card, "changed", at=stamp.now, actor=cast.mia.pk, fields=["lease", "name"])
        changes.tell(cast.acme_account, "checked", at=stamp.now, result="ok")
        changes.tell(cast.acme, "changed", at=stamp.now, actor=cast.root.pk, fields=["time_zone"])
    told = read(cast.ana).told
    assert [line.partition(" ")[2].rpartition(" ")[0] for line in told] == [
        "Root changed the tenant's settings: time zone",
        "The command line tried the sign-in of the Bandwidth account 9900001: works",
        "Mia Chen changed the reason Card details: lease, name",
        "Mia Chen made Vic Moor a member, as viewer",
    ]


def test_an_entry_of_a_sort_that_is_not_known_here_is_told_all_the_same(cast):
    tell(
        cast.acme,
        "something.else_happened",
        actor=cast.ana.pk,
        call_id="c-9",
        data={"why": "so", "list": [1, {"a": 2}]},
    )
    tell(cast.acme, "recording.answered", data={"attempts": "none", "outcome": 7, "command": [], "source": None})
    tell(cast.acme, "member.removed", data={})
    strange = read(cast.ana)
    assert strange.status == 200
    assert "Ana Ruiz: something else happened, call c-9: why so" in strange.told[2]


def test_what_entries_hold_is_text_and_never_markup(cast):
    seq = tell(
        cast.acme, "call.hidden", call_id="<script>alert(1)</script>", data={"why": "<img src=x onerror=alert(2)>"}
    )
    for path in ("", f"{seq}/"):
        page = browser_of(cast.ana).get(f"/t/acme/log/{path}").content.decode()
        assert "<script>alert" not in page
        assert "<img" not in page


def test_who_and_what_is_there_no_more_is_named_by_its_key_and_found_by_it(cast):
    gone = Reason.objects.create(tenant=cast.acme, name="Old")
    command(cast.acme, 1, actor=cast.ana.pk, reason=gone.pk)
    key, reason = cast.ana.pk, gone.pk
    gone.delete()
    Membership.objects.filter(user=cast.ana).delete()
    assert (
        f"Ana Ruiz paused the recording of call c-one: acknowledged after 0.2 s, reason {reason} (not there any more)"
        in (read(cast.mia, who=key, reason=reason).told[0])
    )
    cast.ana.delete()
    assert f"user {key} (not there any more) paused" in read(cast.mia, who=key).told[0]


def test_each_page_goes_on_where_the_one_before_ended_while_the_log_grows(cast):
    last = [command(cast.acme, number, actor=cast.ana.pk) for number in range(120)]
    first = read(cast.ana)
    assert list(first.lines) == last[:-51:-1]
    command(cast.acme, 120, actor=cast.ana.pk)
    second = read(cast.ana, first.next.removeprefix("/t/acme/log/"))
    assert list(second.lines) == last[69:19:-1]
    assert len(all_lines(cast.ana)) == 121
    part = browser_of(cast.ana).get(first.next, headers={"HX-Request": "true"}).content.decode()
    assert part.startswith("<tbody")
    assert "<html" not in part


def test_an_entry_shows_all_of_its_command_with_number_and_digest(cast, live_call):
    call, _ = live_call(cast.acme_account)
    recording.pause(call=call, by=cast.ana)
    asked, answered = Entry.objects.order_by("seq")
    page = plain(browser_of(cast.ana).get(f"/t/acme/log/{answered.seq}/").content.decode())
    assert "no answer stands in the log yet" not in page  # it stands below
    for entry in (asked, answered):
        assert entry.digest in page
        assert entry.verb in page
    assert "1. acknowledged (HTTP 200)" in page


def test_a_page_asks_as_much_for_many_lines_as_for_few(cast):
    def queries():
        client = browser_of(cast.mia)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get("/t/acme/log/")
        return len(asked)

    command(cast.acme, 1, actor=cast.ana.pk, reason=cast.card.pk)
    few = queries()
    for number in range(2, 100):
        command(cast.acme, number, actor=[cast.ana, cast.mia, cast.vic][number % 3].pk, reason=cast.card.pk)
    assert queries() == few


def test_sign_ins_show_members_of_this_tenant_and_nobody_else(cast):
    client = browser_of(cast.mia)
    ours = tell_sign_in("user.signed_in", actor=cast.ana.pk)
    tell_sign_in("user.signed_in", actor=cast.omar.pk)
    tell_sign_in("user.sign_in_failed", data={"why": "unknown"})
    failed = tell_sign_in("user.sign_in_failed", actor=cast.ana.pk, data={"why": "locked"})
    tell_sign_in("user.changed", actor=cast.mia.pk, data={"user": cast.omar.pk, "fields": ["password"]})
    changed = tell_sign_in("user.changed", actor=cast.root.pk, data={"user": cast.vic.pk, "fields": ["name"]})
    tell_sign_in("setup.link_made")
    seen = read(cast.mia, path="/t/acme/log/sign-ins/")
    assert list(seen.lines) == [changed, failed, ours]
    assert "Root changed the user Vic Moor: name" in seen.lines[changed]
    assert "Somebody failed to sign in as Ana Ruiz: the account was locked" in seen.lines[failed]
    assert "Ana Ruiz signed in" in seen.lines[ours]
    assert "Omar" not in seen.text
    for asked in ({"who": cast.ana.pk}, {"what": "user.signed_in"}):
        assert ours in read(cast.mia, path="/t/acme/log/sign-ins/", **asked).lines
    refused = client.get("/t/acme/log/sign-ins/", {"who": cast.omar.pk}).content.decode()
    assert "is none of these" in refused
    exported = b"".join(client.get("/t/acme/log/sign-ins/export/")).decode()
    assert "Ana Ruiz" in exported
    assert "Omar" not in exported


def test_another_tenants_log_is_never_in_it(cast):
    theirs = command(cast.globex, 1, actor=cast.omar.pk, call_id="c-theirs")
    assert read(cast.ana).told == []
    assert "c-theirs" not in read(cast.ana, call="c-theirs").text.replace("Call id: c-theirs", "")
    assert browser_of(cast.ana).get(f"/t/acme/log/{theirs}/").status_code == 404
    assert browser_of(cast.ana).get("/t/globex/log/").status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AGENT])
def test_who_may_not_press_may_not_read_the_log_nor_finds_a_link_to_it(cast, role):
    Membership.objects.filter(user=cast.vic).update(role=role)
    for path in ("", "export/", "sign-ins/", "1/"):
        assert browser_of(cast.vic).get(f"/t/acme/log/{path}").status_code == 403
    if role == Role.VIEWER:
        assert "/t/acme/log/" not in browser_of(cast.vic).get("/t/acme/").content.decode()
    assert "/t/acme/log/" in browser_of(cast.ana).get("/t/acme/").content.decode()


def test_an_empty_log_and_a_filter_that_finds_nothing_say_so(cast):
    assert "Nothing has happened yet" in read(cast.ana).text
    command(cast.acme, 1, actor=cast.ana.pk)
    assert "Nothing fits. All of the time asked for was looked through." in read(cast.ana, who=cast.mia.pk).text

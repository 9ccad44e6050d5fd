"""Says in a sentence what an entry tells, for a supervisor and for an assessor. It holds keys: names are given."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone

from voicedash.audit import changes, incidents, words
from voicedash.audit.lines import Line, Names, actor, data_of, name, plain
from voicedash.audit.models import Entry
from voicedash.audit.reading import ASKED, Shown


def mentioned(shown: Iterable[Shown]) -> set[tuple[str, str]]:
    """Of what names are needed: ("user", "17"), ("reason", "3"), …"""
    found = set()
    for one in shown:
        for entry in (one.entry, one.asked):
            if entry is None:
                continue
            data = data_of(entry)
            found |= incidents.mentioned(entry)
            if entry.actor:
                found.add(("user", str(entry.actor)))
            found |= {(what, str(data[what])) for what in ("user", "reason") if data.get(what) is not None}
            thing = entry.verb.partition(".")[0]
            if thing in words.THINGS and data.get("id") is not None:
                found.add((thing, str(data["id"])))
    return found


def line(shown: Shown, names: Names) -> Line:
    """What an entry tells, in words. Whatever stands in it, there are some."""
    entry = shown.entry
    thing = entry.verb.partition(".")[0]
    if entry.verb in _OF_VERBS:
        return _OF_VERBS[entry.verb](shown, names)
    if thing in words.THINGS:
        return changes.change(shown, names)
    if thing == "user":
        return changes.user(shown, names)
    if thing == "incident":
        return incidents.line(shown, names)
    told = data_of(entry)
    came = ", ".join(f"{plain(key)} {_short(value)}" for key, value in told.items() if key not in {"command", "source"})
    did = plain(entry.verb) + (", call" if entry.call_id else "")
    return Line(entry, f"{actor(entry, names)}:", did, entry.call_id, came, str(told.get("outcome", "")))


def details(entry: Entry) -> list[str]:
    """The attempts that an entry holds, each in words."""
    found = []
    for number, attempt in enumerate(_attempts(entry), start=1):
        status = f" (HTTP {attempt['status']})" if attempt.get("status") else ""
        reference = f", Bandwidth's reference {attempt['reference']}" if attempt.get("reference") else ""
        other = ", at another account of the tenant" if attempt.get("account") else ""
        found.append(f"{number}. {_result(attempt)}{status}{reference}{other}")
    return found


def _command(shown: Shown, names: Names) -> Line:
    """How a command ended."""
    entry, data = shown.entry, data_of(shown.entry)
    outcome = str(data.get("outcome", ""))
    asked = data_of(shown.asked) if shown.asked else {}
    reason = str(data.get("reason") or asked.get("reason") or "")
    source = str(data.get("source") or asked.get("source") or "person")
    did = _did(data, done=outcome == "acknowledged")
    parts = [words.CAME.get(outcome, outcome) + _after(shown, outcome)]
    if why := data.get("why"):
        parts = [f"{parts[0]}, {_why(why)}"]
    parts += [_trouble(entry)] if _trouble(entry) else []
    named = _reason(names, reason)
    parts += [named] if named else []
    parts += [words.SOURCES.get(source, plain(source))] if source != "person" else []
    tone = words.PLAIN_OUTCOMES.get(outcome, "bad")
    return Line(entry, actor(entry, names), did, entry.call_id, ", ".join(parts), outcome, named, tone)


def _asked(shown: Shown, names: Names) -> Line:
    """A command whose end is not its asker's: it is still being asked, or voicedash ended it."""
    entry, data = shown.entry, data_of(shown.entry)
    reason = _reason(names, data.get("reason"))
    end = data_of(shown.end) if shown.end else {}
    outcome = str(end.get("outcome", ""))
    if shown.end and shown.end.verb == "recording.sender_vanished":
        came = f"the process that asked was gone before it could tell, entry {shown.end.seq}"
    elif shown.end:
        came = words.CAME.get(outcome, outcome) + (f", {_why(end['why'])}" if end.get("why") else "")
    else:
        came = "no answer stands in the log yet"
    if reason:
        came += f", {reason}"
    return Line(entry, actor(entry, names), _did(data, done=False), entry.call_id, came, outcome, reason, "wait")


def _late(shown: Shown, names: Names) -> Line:
    entry, data = shown.entry, data_of(shown.entry)
    outcome = str(data.get("outcome", ""))
    did = f"had {_did(data, done=False)}"
    came = f"the answer came after that had been given up, {words.CAME.get(outcome, outcome)}{_after(shown, outcome)}"
    reason = _reason(names, data.get("reason"))
    return Line(entry, actor(entry, names), did, entry.call_id, came, outcome, reason, "bad")


def _vanished(shown: Shown, names: Names) -> Line:
    entry, data = shown.entry, data_of(shown.entry)
    wish = "pause" if data.get("wanted") == "paused" else "resume"
    did = f"gave up a request to {wish} the recording of call"
    came = "not confirmed, as the process that asked was gone"
    reason = _reason(names, data.get("reason"))
    return Line(entry, words.VOICEDASH, did, entry.call_id, came, "unconfirmed", reason, "bad")


def _taken_back(shown: Shown, names: Names) -> Line:
    entry = shown.entry
    came = f"not confirmed, {_why(data_of(entry).get('why', ''))}"
    return Line(entry, words.VOICEDASH, "took back what it had shown of call", entry.call_id, came, tone="bad")


def _kept(shown: Shown, names: Names) -> Line:
    """Somebody prolonged a pause, or gave it another reason: nothing was sent."""
    entry, data = shown.entry, data_of(shown.entry)
    parts = [_until(data.get("until"))]
    reason = _reason(names, data.get("reason"))
    parts += [reason] if reason else []
    parts += ["with a note"] if data.get("noted") else []
    return Line(entry, actor(entry, names), "kept paused call", entry.call_id, ", ".join(parts), reason=reason)


def _left(shown: Shown, names: Names) -> Line:
    """Somebody signed out while a call was still paused by them, or gave that pause to another."""
    entry, data = shown.entry, data_of(shown.entry)
    came = _until(data.get("until"))
    if entry.verb == "recording.left":
        return Line(entry, actor(entry, names), "signed out and left paused call", entry.call_id, came)
    to = name(names, "user", data.get("user"))
    return Line(entry, actor(entry, names), f"handed over to {to} the pause of call", entry.call_id, came)


def _bulk(shown: Shown, names: Names) -> Line:
    """A press on everyone at once: each call has entries of its own."""
    entry, data = shown.entry, data_of(shown.entry)
    wish = "pause" if data.get("wanted") == "paused" else "resume"
    number = data.get("calls", "some")
    reason = _reason(names, data.get("reason"))
    if entry.verb == "bulk.asked":
        again = " again, as that had failed" if data.get("of") else ""
        return Line(entry, actor(entry, names), f"asked to {wish} {number} calls at once{again}", "", reason)
    came = f"{data.get('done', 0)} of {number} done, {data.get('failed', 0)} failed"
    return Line(entry, words.VOICEDASH, f"ended what was asked: to {wish} {number} calls at once", "", came)


def _hidden(shown: Shown, names: Names) -> Line:
    entry = shown.entry
    return Line(entry, words.VOICEDASH, "took off the boards call", entry.call_id, _why(data_of(entry).get("why", "")))


def _pruned(shown: Shown, names: Names) -> Line:
    entry = shown.entry
    calls = data_of(entry).get("calls", "some")
    did = f"deleted {calls} calls" if entry.verb == "calls.deleted" else f"erased numbers and names of {calls} calls"
    return Line(entry, words.VOICEDASH, f"{did} whose days were over")


_OF_VERBS = {
    ASKED: _asked,
    "recording.answered": _command,
    "recording.answered_late": _late,
    "recording.sender_vanished": _vanished,
    "recording.kept": _kept,
    "recording.left": _left,
    "recording.handed": _left,
    "recording.doubted": _taken_back,
    "recording.contradicted": _taken_back,
    "bulk.asked": _bulk,
    "bulk.ended": _bulk,
    "call.hidden": _hidden,
    "calls.deleted": _pruned,
    "calls.numbers_erased": _pruned,
    "member.added": changes.member,
    "member.changed": changes.member,
    "member.removed": changes.member,
    "lines.changed": changes.lines,
}


def _did(data: dict[str, Any], *, done: bool) -> str:
    pauses = data.get("wanted") == "paused"
    if done:
        return "paused the recording of call" if pauses else "resumed the recording of call"
    return "asked to pause the recording of call" if pauses else "asked to resume the recording of call"


def _after(shown: Shown, outcome: str) -> str:
    """How long it took: as it was measured, or by the times of both entries."""
    entry, data = shown.entry, data_of(shown.entry)
    took = data.get("took_ms")
    if not isinstance(took, int):
        took = (entry.at - shown.asked.at).total_seconds() * 1000 if shown.asked else None
    if took is None or not _attempts(entry):
        return ""
    how_long = f"after {took / 1000:.1f} s" if took >= 100 else "after less than 0.1 s"
    return f" {how_long}" if outcome in {"acknowledged", "refused"} else f", {how_long}"


def _trouble(entry: Entry) -> str:
    """The attempts, where there is more to tell of them than that one was acknowledged."""
    attempts = _attempts(entry)
    if len(attempts) == 1:
        status = attempts[0].get("status")
        return f"HTTP {status}" if status and status != 200 else ""
    results = [_result(one) + (f" ({one['status']})" if one.get("status") else "") for one in attempts]
    told = f"each {results[0]}" if len(set(results)) == 1 else ", then ".join(results)
    return f"{len(attempts)} attempts ({told})" if attempts else ""


def _attempts(entry: Entry) -> list[dict[str, Any]]:
    attempts = data_of(entry).get("attempts")
    return [one for one in attempts if isinstance(one, dict)] if isinstance(attempts, list) else []


def _result(attempt: dict[str, Any]) -> str:
    result = str(attempt.get("result", ""))
    return words.RESULTS.get(result, plain(result))


def _until(when: object) -> str:
    try:
        end = timezone.localtime(datetime.fromisoformat(str(when)))
    except ValueError:
        return "until a person resumes"
    return f"until {end:%H:%M:%S %Z}"


def _reason(names: Names, key: object) -> str:
    return name(names, "reason", key) if key else ""


def _why(why: object) -> str:
    return words.WHY.get(str(why), str(why))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"

"""Says in a sentence what happened to an incident. What a person wrote about it is kept there, and read from there."""

from voicedash.audit import words
from voicedash.audit.lines import Line, Names, actor, data_of, name
from voicedash.audit.models import Entry
from voicedash.audit.reading import Shown


def mentioned(entry: Entry) -> set[tuple[str, str]]:
    """Of what names are needed."""
    if not entry.verb.startswith("incident."):
        return set()
    data = data_of(entry)
    wanted = {("incident", "incident"), ("account", "account"), ("user", "from")}
    return {(what, str(data[key])) for what, key in wanted if data.get(key) is not None}


def line(shown: Shown, names: Names) -> Line:
    """What was done with an incident, and how long it took."""
    entry, data = shown.entry, data_of(shown.entry)
    label = words.INCIDENTS.get(str(data.get("kind")), str(data.get("kind", "")))
    number = f"incident {data.get('incident', '')}, {label}"
    call = ", call" if entry.call_id else ""
    took = f"after {lasted(data.get('seconds'))}"
    account = f"account {name(names, 'account', data['account'])}" if data.get("account") is not None else ""
    match entry.verb:
        case "incident.opened":
            return Line(entry, words.VOICEDASH, f"opened {number}{call}", entry.call_id, account, tone="bad")
        case "incident.joined":
            return Line(entry, words.VOICEDASH, f"added to {number}{call}", entry.call_id, account, tone="bad")
        case "incident.put_right":
            return Line(entry, words.VOICEDASH, f"closed {number}", "", f"put right by itself {took}")
        case "incident.over":
            came = f"its calls ended {took} and were not put right: a person says what was done"
            return Line(entry, words.VOICEDASH, f"kept open {number}", "", came, tone="wait")
        case "incident.taken":
            before = f"from {name(names, 'user', data['from'])}" if data.get("from") is not None else ""
            return Line(entry, actor(entry, names), f"took {number}", "", before)
    came = f"{took}, “{name(names, 'incident', data.get('incident'))}”"
    return Line(entry, actor(entry, names), f"closed {number}", "", came)


def lasted(seconds: object) -> str:
    """So many seconds in words: "3 min 5 s"."""
    if not isinstance(seconds, int):
        return "a time that was not kept"
    minutes, seconds = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

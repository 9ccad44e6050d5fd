"""Says in a sentence what was changed: settings and people, and who signed in."""

from voicedash.audit import words
from voicedash.audit.lines import Line, Names, data_of, name, plain
from voicedash.audit.models import Entry
from voicedash.audit.reading import Shown


def change(shown: Shown, names: Names) -> Line:
    """A setting, an account, a reason, …"""
    entry, data = shown.entry, data_of(shown.entry)
    thing, _, did = entry.verb.partition(".")
    what = words.THINGS[thing]
    if thing != "tenant":
        what += f" {name(names, thing, data.get('id'))}"
    if did == "checked":
        result = str(data.get("result", ""))
        came = words.CHECKED.get(result, plain(result))
        return Line(entry, _admin(entry, names), f"tried the sign-in of {what}", came=came)
    fields = data.get("fields")
    came = ", ".join(plain(str(field)) for field in fields) if isinstance(fields, list) else ""
    return Line(entry, _admin(entry, names), f"{words.DOES.get(did, plain(did))} {what}", came=came)


def user(shown: Shown, names: Names) -> Line:
    """Somebody signed in or out, or an account of a person was changed."""
    entry, data = shown.entry, data_of(shown.entry)
    about = name(names, "user", data.get("user") or entry.actor)
    why = "the account was locked" if data.get("why") == "locked" else ""
    match entry.verb:
        case "user.signed_in" | "user.signed_out":
            return Line(entry, about, "signed in" if entry.verb == "user.signed_in" else "signed out")
        case "user.sign_in_failed":
            return Line(entry, "Somebody", f"failed to sign in as {about}", came=why, tone="wait")
        case "user.locked":
            return Line(entry, words.VOICEDASH, f"locked the account of {about} for half an hour", tone="bad")
    did = entry.verb.partition(".")[2]
    fields = data.get("fields")
    came = ", ".join(plain(str(field)) for field in fields) if isinstance(fields, list) else ""
    return Line(entry, _admin(entry, names), f"{words.DOES.get(did, plain(did))} the user {about}", came=came)


def member(shown: Shown, names: Names) -> Line:
    """Who belongs to the tenant, and as what."""
    entry, data = shown.entry, data_of(shown.entry)
    who, role = name(names, "user", data.get("user")), data.get("role", "")
    did = {
        "member.added": f"made {who} a member, as {role}",
        "member.changed": f"made {who} {role}",
        "member.removed": f"removed {who}, who was {role}",
    }[entry.verb]
    return Line(entry, _admin(entry, names), did)


def lines(shown: Shown, names: Names) -> Line:
    """Many lines at once."""
    entry, data = shown.entry, data_of(shown.entry)
    counts = [f"{len(data[did])} {did}" for did in ("added", "changed", "removed") if isinstance(data.get(did), list)]
    return Line(entry, _admin(entry, names), "changed who is on which line", came=", ".join(counts))


def _admin(entry: Entry, names: Names) -> str:
    """Who changed settings: without a user that is `manage.py`."""
    return name(names, "user", entry.actor) if entry.actor else words.COMMAND_LINE

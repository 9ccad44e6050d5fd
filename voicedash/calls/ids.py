"""Call ids as people type and paste them: what is one, which account it names, and why something is none."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MOST = 500
_CALL_ID = re.compile(r"c-[A-Za-z0-9-]{3,60}\Z")
_USUAL = re.compile(r"c-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_PATH = re.compile(r"/accounts/(?P<account>[^/]+)/calls/(?P<call>[^/?#]+)")


@dataclass
class Typed:
    """What a text held. Nothing of the rest is lost for one bad id."""

    ids: dict[str, str] = field(default_factory=dict)  # call id → account id of its URL, or ""
    refused: list[tuple[str, str]] = field(default_factory=list)  # what was typed, why not
    hints: list[tuple[str, str]] = field(default_factory=list)  # call id, what looks odd

    def refuse_all(self, why: str) -> None:
        """Takes none of the ids, for one reason that holds for all."""
        self.refused += [(call_id, why) for call_id in self.ids]
        self.ids.clear()


def read(text: str) -> Typed:
    """The ids in `text`, parted by whitespace or commas; call URLs too (docs/bandwidth.md §4).

    At most 500 are taken. Duplicates count once.
    """
    typed = Typed()
    words = list(dict.fromkeys(re.split(r"[\s,;]+", text.strip())))
    for word in words:
        if not word:
            continue
        shown = word if len(word) <= 80 else word[:77] + "…"
        call_id, account_id = word.strip("\"'<>"), ""
        if "/" in call_id:
            found = _PATH.search(_path(call_id))
            if not found:
                typed.refused.append((shown, "not the address of a call"))
                continue
            call_id, account_id = found["call"], found["account"]
        if not _CALL_ID.match(call_id):
            typed.refused.append((shown, _why_not(call_id)))
        elif len(typed.ids) >= MOST and call_id not in typed.ids:
            typed.refused.append((shown, f"more than {MOST} at once: add it in a second go"))
        else:
            if call_id not in typed.ids and not _USUAL.match(call_id):
                typed.hints.append((call_id, "Bandwidth's ids usually have 47 characters: is it whole?"))
            typed.ids[call_id] = typed.ids.get(call_id) or account_id
    return typed


def _path(address: str) -> str:
    if "://" not in address:
        return address
    try:
        return urlsplit(address).path
    except ValueError:  # brackets or letters that no host can have
        return ""


def _why_not(call_id: str) -> str:
    if not call_id.startswith("c-"):
        kinds = {"r-": "a recording", "conf-": "a conference", "t-": "a transcription", "e-": "an endpoint"}
        kind = next((kind for prefix, kind in kinds.items() if call_id.startswith(prefix)), "")
        return f"this is the id of {kind}; a call's begins with c-" if kind else "a call id begins with c-"
    if not 5 <= len(call_id) <= 62:
        return "a call id is c- and 3 to 60 characters"
    return "a call id holds only letters, digits and dashes"

"""Keeps out of the log what opens something or is somebody's: secrets, links that are keys, card numbers."""

import re
from collections.abc import Iterable

from voicedash.calls.notes import IDS, holds_card_number

GONE = "…"
NUMBER = "[number]"
SHORTEST = 8  # a shorter secret would blot out words

# Digits in groups, also as an address or a form has them.
_JOINT = r"(?:[\s.\u2010-\u2015_+-]|%2[0BDEbde])"
_DIGITS = re.compile(rf"\d+(?:{_JOINT}{{1,2}}\d+)*")
_JOINTS = re.compile(rf"{_JOINT}+")
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s'\"&,;)}\]]+)"

_RULES = [
    (re.compile(r"(/setup/)[^/\s'\"]+"), rf"\1{GONE}"),  # the first admin's link
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{8,}"), rf"\1\2{GONE}"),
    (re.compile(r"(://[^/\s:@'\"]*:)[^@\s/'\"]+@"), rf"\1{GONE}@"),  # user:password@host
    (
        re.compile(
            r"(?i)(\b\w*(?:secret|password|passwd|token|session|sessionid|session_id|session_key|csrf)['\"]?\s*"
            rf"(?:=|:(?=\s*['\"]))\s*){_VALUE}"
        ),
        rf"\1{GONE}",
    ),
    (re.compile(r"(?i)\b((?:set-)?cookie['\"]?\s*:\s*)[^\r\n]+"), rf"\1{GONE}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), GONE),  # a JSON web token
    (re.compile(r"\bgAAAA[\w-]{20,}=*"), GONE),  # sealed by Fernet
    (re.compile(r"(?<![\w/+-])[\w-]{43}=(?!=)"), GONE),  # a key of Fernet
    (re.compile(r"(Key \([^)]*\)=)\([^)]*\)"), rf"\1({GONE})"),  # PostgreSQL tells the row that is in the way
]


class Mask:
    """Blots out what no line may hold. `secrets`: this process's own, wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(GONE, text)
        for pattern, instead in _RULES:
            text = pattern.sub(instead, text)
        # Ids stay whole, or nobody finds a call: they stand at odd places.
        parts = IDS.split(text)
        parts[::2] = [_DIGITS.sub(_unless_card, part) for part in parts[::2]]
        return "".join(parts)


def _unless_card(run: re.Match[str]) -> str:
    digits = _JOINTS.sub("-", run[0])
    return NUMBER if holds_card_number(digits) else run[0]

"""Free text that must not carry a card number into what we keep."""

import re

# Bandwidth's ids, UUIDs, and digests: what is in them is nobody's number.
IDS = re.compile(
    r"(\b(?:[a-z]+-[0-9a-f]{8}-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b(?=[0-9]*[a-f])[0-9a-f]{32,}\b)",
    re.IGNORECASE,
)
_PHONE = 15  # digits of a number that begins with "+", at most; none of a card does
_GROUPS = re.compile(r"\d+(?:[\s.\u2010-\u2015_-]{1,2}\d+)*")


def holds_card_number(text: str) -> bool:
    """True where 13 to 19 digits, in one group or several, pass the Luhn check that card numbers pass.

    Groups are tried from each on, so that a number beside the card (its date, an order) does not hide it.
    """
    text = IDS.sub(" ", text)
    for run in _GROUPS.finditer(text):
        groups = re.findall(r"\d+", run[0])
        if text[: run.start()].endswith("+") and sum(map(len, groups)) <= _PHONE:
            continue
        for first in range(len(groups)):
            digits = ""
            for group in groups[first:]:
                digits += group
                if len(digits) > 19:
                    break
                if len(digits) >= 13 and _luhn(digits):
                    return True
    return False


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0

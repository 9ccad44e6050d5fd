"""Free text that must not carry a card number into what we keep."""

import re

_GROUPS = re.compile(r"\d+(?:[\s.\u2010-\u2015_-]{1,2}\d+)*")


def holds_card_number(text: str) -> bool:
    """True where 13 to 19 digits, in one group or several, pass the Luhn check that card numbers pass.

    Groups are tried from each on, so that a number beside the card (its date, an order) does not hide it.
    """
    for run in _GROUPS.findall(text):
        groups = re.findall(r"\d+", run)
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

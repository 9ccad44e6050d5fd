"""Free text that must not carry a card number into what we keep."""

import re

_DIGITS = re.compile(r"(?:\d[ -]?){12,18}\d")


def holds_card_number(text: str) -> bool:
    """True where 13 to 19 digits, spaced or not, pass the Luhn check that card numbers pass."""
    return any(_luhn(re.sub(r"\D", "", run)) for run in _DIGITS.findall(text))


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0

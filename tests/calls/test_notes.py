"""A card number that someone types into a note must not be kept, and what only looks like one must not be lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicedash.calls.notes import holds_card_number

CARDS = [  # the numbers that the schemes publish for tests, none of anybody's
    "4111111111111111",
    "4222222222222",  # 13 digits
    "378282246310005",
    "5555555555554444",
    "6304000000000000018",  # 19 digits, as Maestro's
]


@pytest.mark.parametrize("card", CARDS)
def test_a_card_number_is_found_alone_and_among_words(card: str) -> None:
    assert holds_card_number(card)
    assert holds_card_number(f"Card is {card}, says the caller")
    assert holds_card_number(f"x{card}x")


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111_1111_1111_1111",
        "4111  1111  1111  1111",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111–1111–1111–1111",
        "4111\n1111\n1111\n1111",
        "3782 822463 10005",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    ],
)
def test_a_card_number_is_found_however_it_is_grouped(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111 12/28 123",
        "exp 12 28 4111 1111 1111 1111",
        "order 7 4111 1111 1111 1111",
        "4111 1111 1111 1111 0042",
        "20261120 4111111111111111",
        "0000000 4111 1111 1111 1111 999999",
    ],
)
def test_a_number_beside_the_card_does_not_hide_it(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no number",
        "4111111111111112",
        "411111111111",  # 12 digits
        "+1 919 555 0123",
        "call +19195550123, then +19195550100",
        "41111111 and 11111111",
        "4111/1111/1111/1111",
        "c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85",
        "2026-11-20T14:03:22.234Z",
        "call back +4111111111119",  # passes the check, as one in ten does
        "call back +49 (0)30 1234 5678 or +411 1111 11119",
        "see c-41111111-11111111-4111-1111-4111-111111111111",
    ],
)
def test_what_is_no_card_number_is_kept(text: str) -> None:
    assert not holds_card_number(text)


@given(st.text(max_size=500))
def test_no_text_breaks_it(text: str) -> None:
    assert holds_card_number(text) in {True, False}


def luhn(digits: list[int]) -> list[int]:
    """The digits with the check digit that makes them a card number."""
    doubled = [digit * 2 - 9 * (digit > 4) if place % 2 == 0 else digit for place, digit in enumerate(reversed(digits))]
    return [*digits, -sum(doubled) % 10]


@given(
    st.lists(st.integers(0, 9), min_size=12, max_size=18).map(luhn),
    st.sampled_from(["", " ", "-", ".", " - "[:2]]),
    st.integers(1, 6),
)
def test_every_number_that_passes_the_check_is_found(digits: list[int], between: str, size: int) -> None:
    text = "".join(str(digit) for digit in digits)
    groups = [text[start : start + size] for start in range(0, len(text), size)]
    assert holds_card_number(f"pay {between.join(groups)} now")


@given(st.lists(st.integers(0, 9), min_size=12, max_size=18).map(luhn), st.integers(1, 9))
def test_one_wrong_digit_is_no_card_number(digits: list[int], by: int) -> None:
    assert not holds_card_number("".join(str(d) for d in [*digits[:-1], (digits[-1] + by) % 10]))

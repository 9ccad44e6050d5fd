"""A number is one number however it is written, and is read the same everywhere; what is none is refused with a reason."""

import pytest

from voicedash.tenants import addresses


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+1 919 555 0100", "+19195550100"),
        ("(919) 555-0100", "+19195550100"),
        ("1.919.555.0100", "+19195550100"),
        ("  919 555 0100 ", "+19195550100"),
        ("tel:+19195550100", "+19195550100"),
        ("+44 (0)20 7183 8750", "+442071838750"),
        ("011 44 20 7183 8750", "+442071838750"),
        ("+49 30/901820", "+4930901820"),
        ("Ana@PBX.example", "sip:ana@pbx.example"),
        ("sip:ana@pbx.example:5060;transport=udp", "sip:ana@pbx.example"),
        ("<sips:ana@[2001:db8::1]>", "sip:ana@[2001:db8::1]"),
        ("sip:+19195550100@pbx.example", "sip:+19195550100@pbx.example"),
    ],
)
def test_an_address_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert addresses.normal(typed) == kept
    assert addresses.normal(kept) == kept  # and what was exported comes back as it was
    assert addresses.told(kept) == kept


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "missing"),
        ("555 0100", "area code"),
        ("+1 919 555", "too short"),
        ("12", "too short"),
        ("+1 919 555 01000", "too long"),
        ("442071838750", "lacks +"),
        ("+999 1234 5678", "no country"),
        ("1.91956E+10", "shortened"),
        ("1,91956E+10", "shortened"),
        ("Front desk", "neither"),
        ("+1 919 555 0100 x12", "neither"),
        ("=2+3", "neither"),
        ("sip:ana", "no SIP address"),
        ("ana@", "no SIP address"),
        ("sip:ana@pbx.example, sip:bob@pbx.example", "no SIP address"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(typed: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        addresses.normal(typed)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("+19195550100", "+19195550100"),
        ("19195550100", "+19195550100"),
        ("sip:Ana@pbx.example;transport=tls", "sip:ana@pbx.example"),
        ("Anonymous", ""),
        ("Restricted", ""),
        ("", ""),
        ("911", ""),
    ],
)
def test_what_bandwidth_tells_finds_its_line(told: str, kept: str) -> None:
    assert addresses.told(told) == kept


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("+19195550123", "+1 919 555 0123"),
        ("+442071838750", "+44 20 7183 8750"),
        ("+525512345678", "+52 55 1234 5678"),
        ("sip:Mia@example.com", "sip:Mia@example.com"),
        ("Anonymous", "Anonymous"),
        ("+9999999999", "+9999999999"),
        ("", ""),
    ],
)
def test_numbers_are_written_as_they_are_read_best(told: str, read: str) -> None:
    assert addresses.readable(told) == read

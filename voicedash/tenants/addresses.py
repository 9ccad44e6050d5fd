"""Numbers and SIP addresses: as people type them, as Bandwidth tells them, and as they are read best."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

AT_HOME = "US"  # whose numbers may be typed without + and a country's code: North America's (+1)

_SIP = re.compile(r"(?:sips?:)?(?P<user>[^\s@:;?<>\"]+)@(?P<host>[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d+)?(?:[;?].*)?\Z")
_PHONE = re.compile(r"(?:tel:)?\+?[0-9\s().\-/\u2010-\u2015]+\Z")
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+?\d+\Z", re.IGNORECASE)
_BETWEEN_DIGITS = re.compile(r"[\s()+./-]")
_E164 = re.compile(r"\+[1-9]\d{6,14}\Z")


def normal(typed: str) -> str:
    """The one form in which a line's address is kept: +19195550100, or sip:ana@pbx.example.

    Raises ValueError with a sentence for whoever typed it.
    """
    text = typed.strip()
    if not text:
        raise ValueError("a number or SIP address is missing")
    if "@" in text or text.lower().startswith(("sip:", "sips:")):
        if not (found := _SIP.match(text.strip("<>").lower())):
            raise ValueError("this is no SIP address: expected sip:name@host")
        return f"sip:{found['user']}@{found['host']}"
    if _SHORTENED.match(text):
        raise ValueError("a spreadsheet has shortened this number: format its column as text, and enter it again")
    if not _PHONE.match(text):
        raise ValueError("this is neither a phone number nor a SIP address")
    return _number(text)


def _number(text: str) -> str:
    try:
        number = phonenumbers.parse(text, AT_HOME)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            raise ValueError("no country has this code: expected + and the whole number") from None
        raise ValueError("this is too short for a phone number") from None
    match phonenumbers.is_possible_number_with_reason(number):
        case ValidationResult.IS_POSSIBLE:
            return phonenumbers.format_number(number, PhoneNumberFormat.E164)
        case ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            raise ValueError("the area code is missing")
        case ValidationResult.TOO_SHORT:
            raise ValueError("this is too short for a phone number")
    raise ValueError("this is too long for a phone number, or lacks + and the country's code")


def told(address: str) -> str:
    """The form in which a line with this address is kept, where Bandwidth told it; "" for none, such as Anonymous.

    Cheap: Bandwidth's numbers are whole.
    """
    if _E164.match(address):
        return address
    if "@" in address and (found := _SIP.match(address.strip("<>").lower())):
        return f"sip:{found['user']}@{found['host']}"
    if address.isascii() and address.isdigit() and len(address) == 11 and address.startswith("1"):
        return f"+{address}"
    return ""


def readable(address: str) -> str:
    """A number with spaces in it: +1 919 555 0123, +44 20 7183 8750. What is no number stays as it is."""
    whole = told(address)
    if not whole.startswith("+"):
        return address
    if whole.startswith("+1") and len(whole) == 12:
        return f"+1 {whole[2:5]} {whole[5:8]} {whole[8:]}"
    return _international(whole)


@lru_cache(maxsize=4096)
def _international(number: str) -> str:
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.INTERNATIONAL)
    except NumberParseException:
        return number


def digits(typed: str) -> str:
    """What is looked for in kept numbers where a part of one is typed; "" where it is none."""
    found = _BETWEEN_DIGITS.sub("", typed)
    return found if found.isascii() and found.isdigit() and len(found) > 1 else ""

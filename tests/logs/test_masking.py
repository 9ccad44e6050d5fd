"""No secret and nobody's card number is in a line of the log, and the ids by which one looks for a call are whole."""

import random

import pytest
from cryptography.fernet import Fernet

from voicedash.audit.signing import sign
from voicedash.bandwidth.fake.world import fresh_id
from voicedash.logs.masking import Mask

mask = Mask()


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111_1111_1111_1111",
        "378282246310005",
        "3782 822463 10005",
        "6011000990139424",
        "4111%201111%201111%201111",
        "4111+1111+1111+1111",
        "4111%2D1111%2D1111%2D1111",
        "4111\u20131111\u20131111\u20131111",
        "12 4111 1111 1111 1111 11",
    ],
)
def test_a_card_number_goes_however_it_is_written(number: str) -> None:
    for text in (
        f"note: {number}",
        f"x{number}x",
        f"(number='{number}')",
        f"/t/acme/?q={number}&a=b",
        f"{number}\nmore",
    ):
        told = mask(text)
        assert "[number]" in told
        assert "1111" not in told and "10005" not in told and "139424" not in told


def test_a_card_number_beside_an_id_goes_and_the_id_stays() -> None:
    call = fresh_id("c")
    assert mask(f"{call} 4111111111111111 {call}") == f"{call} [number] {call}"


def test_ids_digests_and_times_are_left_whole() -> None:
    chance = random.Random(7)

    def digits(count: int) -> str:
        return "".join(chance.choice("0123456789") for _ in range(count))

    for _ in range(2000):
        ids = [fresh_id("c"), fresh_id("r"), fresh_id("conf")]
        # The worst of ids: nothing but digits.
        ids.append(f"c-{digits(8)}-{digits(8)}-{digits(4)}-{digits(4)}-{digits(4)}-{digits(12)}")
        ids.append(f"{digits(8)}-{digits(4)}-{digits(4)}-{digits(4)}-{digits(12)}")
        ids.append(sign([digits(4)], "key"))
        text = (
            f"call {ids[0]}: {' '.join(ids)}, /t/acme/calls/17/pause/ of 2026-11-25T10:35:46.123456+00:00, 192.168.0.17"
        )
        assert mask(text) == text


def test_what_is_no_card_number_stays() -> None:
    for text in (
        "call 17 of account 9900001: 404 after 0.5 s",
        "4111111111111112",  # fails the check
        "411111111111",  # too short
        "process 812, port 8000, 2026-11-25 10:35:46,123",
    ):
        assert mask(text) == text


KEY = Fernet.generate_key().decode()
SEALED = Fernet(KEY).encrypt(b"x").decode()


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("GET /setup/abc-DEF_123/ failed", "abc-DEF_123"),
        ("Authorization: Bearer abc.def-ghi_jkl", "abc.def"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("header b'basic dXNlcjpwYXNz'", "dXNlcjpwYXNz"),
        ("postgres://voicedash:p4ssw0rd@db:5432/voicedash", "p4ssw0rd"),
        ("client_secret=abc123&grant_type=client_credentials", "abc123"),
        ("{'client_secret': 'two words', 'a': 1}", "two words"),
        ('{"access_token":"abc123","expires_in":3600}', "abc123"),
        ("password = 'hunter22'", "hunter22"),
        ("Cookie: voicedash_session=abcdefgh; voicedash_csrf=ijklmnop", "abcdefgh"),
        ("Cookie: voicedash_session=abcdefgh; voicedash_csrf=ijklmnop", "ijklmnop"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln", "eyJ"),
        (f"sealed {SEALED}.", SEALED[10:30]),
        (f"key {KEY} is wrong", KEY),
        (f"keys: {KEY},{KEY}", KEY),
        ("DETAIL:  Key (username)=(rosa) already exists.", "rosa"),
    ],
    ids=lambda _: "",  # keys are made anew in each process, and names of tests must be the same in all
)
def test_what_opens_something_goes(text: str, gone: str) -> None:
    assert gone in text
    assert gone not in mask(text)
    assert "…" in mask(text)


def test_the_processes_own_secrets_go_wherever_they_stand_and_short_ones_do_not_blot_out_words() -> None:
    told = Mask(["a+b(c)d$-of-ours", "", "call"])("call: http://host/a+b(c)d$-of-ours/x")
    assert told == "call: http://host/…/x"


def test_words_about_secrets_are_words() -> None:
    for text in (
        "account 5: its secret cannot be opened",
        "the sealing keys in /var/lib/voicedash/voicedash_keys cannot be read again: PermissionError",
        "token endpoint answered 400",
        'log head {"chain": "tenant-1", "key": "e50a9ee4", "seq": 12}',
    ):
        assert mask(text) == text

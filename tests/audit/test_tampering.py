"""`verify_log` tells every kind of tampering that the owner of the database can do, and names it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from tests.audit.chains import AT, EIGHT, SEVEN, write_all_anew, write_anew
from tests.audit.conftest import Verify
from tests.unguarded import log_unguarded
from voicedash.audit import heads, proof
from voicedash.audit.models import Entry, Head

SQLITE = connection.vendor == "sqlite"
pytestmark = pytest.mark.usefixtures("two_chains")


def change(**columns: object) -> Callable[[], object]:
    return lambda: Entry.objects.filter(chain=SEVEN, seq=3).update(**columns)


def take_away() -> None:
    Entry.objects.filter(chain=SEVEN, seq__in=[2, 3]).delete()


def swap() -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        Entry.objects.filter(chain=SEVEN, seq=old).update(seq=new)


def cut_off() -> None:
    Entry.objects.filter(chain=SEVEN, seq__gt=3).delete()


def cut_off_and_move_the_head() -> None:
    cut_off()
    Head.objects.filter(chain=SEVEN).update(seq=3, digest=Entry.objects.get(chain=SEVEN, seq=3).digest)


def delete_the_chain() -> None:
    Entry.objects.filter(chain=SEVEN).delete()
    Head.objects.filter(chain=SEVEN).delete()


def sign_with_another_key() -> None:
    write_anew(SEVEN, lambda entry: None, key="made up")


def add_without_key() -> None:
    last = Entry.objects.get(chain=SEVEN, seq=7)
    last.pk, last.seq, last.previous = None, 8, last.digest
    last.save(force_insert=True)
    Head.objects.filter(chain=SEVEN).update(seq=8)


TAMPERING = {
    "actor changed": (change(actor=99), ["entry 3 was changed (of 2026-11-23 14:05:22 UTC)"]),
    "verb changed": (change(verb="recording.answered"), ["entry 3 was changed (of 2026-11-23 14:05:22 UTC)"]),
    "call changed": (change(call_id="c-two"), ["entry 3 was changed (of 2026-11-23 14:05:22 UTC)"]),
    "data changed": (change(data={"wanted": "recording"}), ["entry 3 was changed (of 2026-11-23 14:05:22 UTC)"]),
    "time changed": (change(at=AT.replace(hour=9)), ["entry 3 was changed (of 2026-11-23 09:03:22 UTC)"]),
    "digest changed": (
        change(digest="0" * 64),
        [
            "entry 3 was changed (of 2026-11-23 14:05:22 UTC)",
            "entry 4 does not follow the one before it (of 2026-11-23 14:06:22 UTC)",
        ],
    ),
    "key changed": (
        change(key="00000000"),
        ["entry 3 was signed with a key that is not in VOICEDASH_LOG_KEYS (of 2026-11-23 14:05:22 UTC)"],
    ),
    "taken away": (take_away, ["entries 2 to 3 are missing, before entry 4 (of 2026-11-23 14:06:22 UTC)"]),
    "swapped": (
        swap,
        [
            "entry 2 does not follow the one before it (of 2026-11-23 14:05:22 UTC)",
            "entry 2 was changed (of 2026-11-23 14:05:22 UTC)",
            "entry 3 does not follow the one before it (of 2026-11-23 14:04:22 UTC)",
            "entry 3 was changed (of 2026-11-23 14:04:22 UTC)",
            "entry 4 does not follow the one before it (of 2026-11-23 14:06:22 UTC)",
        ],
    ),
    "moved to another chain": (
        change(chain=EIGHT, seq=6),
        ["entry 3 is missing, before entry 4 (of 2026-11-23 14:06:22 UTC)"],
    ),
    "cut off": (
        cut_off,
        [
            "cut off after entry 3: its head is at 7 (of 2026-11-23 14:05:22 UTC)",
            "entry 5 is gone; it was the newest at {kept}",
        ],
    ),
    "cut off, head moved": (cut_off_and_move_the_head, ["entry 5 is gone; it was the newest at {kept}"]),
    "head moved back": (
        lambda: Head.objects.filter(chain=SEVEN).update(seq=6),
        ["its head was moved back to 6: there are entries up to 7"],
    ),
    "head changed": (
        lambda: Head.objects.filter(chain=SEVEN).update(digest="0" * 64),
        ["its head was changed: it does not fit entry 7"],
    ),
    "head taken away": (lambda: Head.objects.filter(chain=SEVEN).delete(), ["its head is gone"]),
    "all entries taken away": (
        lambda: Entry.objects.filter(chain=SEVEN).delete(),
        ["cut off after entry 0: its head is at 7", "the chain is gone; it had 5 entries at {kept}"],
    ),
    "chain taken away": (delete_the_chain, ["the chain is gone; it had 5 entries at {kept}"]),
    "written anew with our key": (
        write_all_anew,
        ["something in entries 1 to 5 was written anew; entry 5 was another one at {kept}"],
    ),
    "added without a key": (
        add_without_key,
        [
            "entry 8 was changed (of 2026-11-23 14:04:22 UTC)",
        ],
    ),
}


@pytest.mark.parametrize(("tamper", "told"), TAMPERING.values(), ids=TAMPERING)
def test_tampering_is_told(two_chains: Path, verify: Verify, tamper: Callable[[], object], told: list[str]) -> None:
    kept = next(heads.read(next(two_chains.glob("*.jsonl"))))
    assert isinstance(kept, heads.Kept)
    when = f"{kept.at:%Y-%m-%d %H:%M:%S} UTC ({kept.where})"
    with log_unguarded():
        tamper()
    status, lines = verify()
    assert status == 1
    mine = [line for line in lines[1:] if line.startswith(SEVEN)]
    assert mine == [f"{SEVEN}: {line.format(kept=when)}" for line in told]
    assert lines[0].startswith("FAULT: ")
    assert lines[0].endswith(mine[0])


def test_a_key_that_signed_all_anew_is_told_for_every_entry_and_the_output_is_bounded(verify: Verify) -> None:
    with log_unguarded():
        sign_with_another_key()
    status, lines = verify()
    assert status == 1
    shown = [line for line in lines[1:] if line.startswith(SEVEN)]
    assert "entry 1 was signed with a key that is not in VOICEDASH_LOG_KEYS" in shown[0]
    assert shown[-1] == f"{SEVEN}: and 3 more faults"  # seven entries, and the kept head
    assert len(shown) == proof.SHOWN + 1


def test_a_chain_that_the_driver_gives_up_on_is_named_and_the_others_are_checked(verify: Verify) -> None:
    if not SQLITE:
        pytest.skip("PostgreSQL takes no text that is none")
    with log_unguarded(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_entry SET verb = CAST(x'ff' AS TEXT) WHERE chain = '{SEVEN}' AND seq = 3")
        cursor.execute(f"UPDATE audit_entry SET actor = 99 WHERE chain = '{EIGHT}' AND seq = 2")
    status, lines = verify()
    assert status == 1
    assert lines[0].startswith(f"FAULT: 1 fault: {EIGHT}: entry 2 was changed")
    assert any(line.startswith(f"{SEVEN} cannot be read: ") for line in lines)


def test_data_without_a_bottom_is_told(verify: Verify) -> None:
    deep = "[" * 1500 + "]" * 1500
    with log_unguarded(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_entry SET data = '{deep}' WHERE chain = '{SEVEN}' AND seq = 3")
    status, lines = verify()
    assert status == 1
    assert lines[0].startswith(f"FAULT: 1 fault: {SEVEN}: entry 3 ")

"""Chains for the tests of the log: made quickly, and tampered with as the owner of the database could."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction

from voicedash.audit import log, signing
from voicedash.audit.models import Entry, Head

SEVEN, EIGHT = log.of_tenant(7), log.of_tenant(8)
AT = datetime(2026, 11, 23, 14, 3, 22, 123000, tzinfo=UTC)


def some(chain: str, number: int = 5) -> None:
    """Entries as they come about, in transactions of two."""
    for pair in range(0, number, 2):
        with transaction.atomic():
            for seq in range(pair, min(pair + 2, number)):
                at = AT + timedelta(minutes=seq)
                log.append(chain, "recording.asked", at=at, actor=seq, call_id="c-one", data={"wanted": "paused"})


def many(chain: str, number: int) -> None:
    """A whole chain of that many entries, written at once."""
    previous = "0" * 64
    for first in range(1, number + 1, 5000):
        made = []
        for seq in range(first, min(first + 5000, number + 1)):
            entry = Entry(chain=chain, seq=seq, at=AT, verb="recording.asked", actor=1, call_id="c-one")
            entry.data = {"command": seq, "wanted": "paused", "attempts": [{"result": "acknowledged", "status": 200}]}
            previous = sign(entry, previous).digest
            made.append(entry)
        Entry.objects.bulk_create(made, batch_size=500)
    Head.objects.create(chain=chain, seq=number, digest=previous)


def sign(entry: Entry, previous: str, key: str | None = None) -> Entry:
    key = key or settings.LOG_KEYS[0]
    entry.previous, entry.key = previous, signing.fingerprint(key)
    entry.digest = signing.sign(log.told(entry), key)
    return entry


def write_anew(chain: str, change: Callable[[Entry], None], key: str | None = None) -> None:
    """Changes entries and signs the whole chain again, so that it is whole in itself."""
    previous = "0" * 64
    for entry in list(Entry.objects.filter(chain=chain).order_by("seq")):
        change(entry)
        previous = sign(entry, previous, key).digest
        entry.save()
    Head.objects.filter(chain=chain).delete()
    Head.objects.create(chain=chain, seq=entry.seq, digest=previous)


def write_all_anew() -> None:
    """Somebody else becomes the actor of an entry, and the chain is signed again with our own key."""

    def blame(entry: Entry) -> None:
        entry.actor = 99 if entry.seq == 2 else entry.actor

    write_anew(SEVEN, blame)

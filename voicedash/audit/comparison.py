"""Whether the log still holds the heads that were kept of it: a chain written anew with our own keys does not."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from pathlib import Path

from django.db.models import Q

from voicedash.audit import heads
from voicedash.audit.heads import Foreign, Kept
from voicedash.audit.models import Entry
from voicedash.audit.proof import SHOWN, Checked

_BATCH = 100  # heads looked up by one query


@dataclass
class Comparison:
    """What was seen of the files. `more` counts the foreign lines beyond those in `foreign`."""

    heads: int = 0
    newest: datetime | None = None
    foreign: list[str] = field(default_factory=list)
    more: int = 0
    unreadable: list[str] = field(default_factory=list)


def compare(folders: list[Path], checked: dict[str, Checked], *, only: set[str]) -> Comparison:
    """Looks every kept head of the folders up in the log, and tells the chain in `checked` where it is not there.

    `only`: the chains that are asked about; empty for all. A file that cannot be read is told and passed over.
    Raises django.db.Error.
    """
    comparison = Comparison()
    for folder in folders:
        look = _Look(checked)
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix == ".jsonl" and path.name[0] != ".")
        except OSError as error:
            comparison.unreadable.append(f"{folder}: {error.strerror}")
            continue
        for path in files:
            try:
                for kept in heads.read(path):
                    if isinstance(kept, Foreign):
                        if len(comparison.foreign) < SHOWN:
                            comparison.foreign.append(str(kept))
                        else:
                            comparison.more += 1
                    elif not only or kept.chain in only:
                        comparison.heads += 1
                        comparison.newest = max(comparison.newest or kept.at, kept.at)
                        look.at(kept)
            except OSError as error:
                comparison.unreadable.append(f"{path}: {error.strerror}")
        look.up()
    return comparison


class _Look:
    """Looks heads up, some at a time, the older ones first."""

    def __init__(self, checked: dict[str, Checked]) -> None:
        self.checked = checked
        self.waiting: list[Kept] = []
        self.last: dict[str, tuple[int, str]] = {}
        self.agreed: dict[str, int] = {}

    def at(self, kept: Kept) -> None:
        if self.last.get(kept.chain) == (kept.seq, kept.digest):
            return  # nothing happened in that chain since the head before it
        self.last[kept.chain] = (kept.seq, kept.digest)
        self.waiting.append(kept)
        if len(self.waiting) >= _BATCH:
            self.up()

    def up(self) -> None:
        if not self.waiting:
            return
        places = reduce(or_, (Q(chain=kept.chain, seq=kept.seq) for kept in self.waiting))
        rows = Entry.objects.filter(places).order_by().values_list("chain", "seq", "digest")
        there = {(chain, seq): digest for chain, seq, digest in rows}
        for kept in self.waiting:
            digest = there.get((kept.chain, kept.seq))
            if digest == kept.digest:
                self.agreed[kept.chain] = kept.seq
            else:
                self._tell(kept, gone=digest is None)
        self.waiting.clear()

    def _tell(self, kept: Kept, *, gone: bool) -> None:
        chain = self.checked.setdefault(kept.chain, Checked(kept.chain))
        when = f"{kept.at:%Y-%m-%d %H:%M:%S} UTC ({kept.where})"
        if gone and not chain.entries:
            chain.tell(f"the chain is gone; it had {kept.seq} entries at {when}")
        elif gone:
            chain.tell(f"entry {kept.seq} is gone; it was the newest at {when}")
        else:
            first = self.agreed.get(kept.chain, 0) + 1
            places = f"entry {kept.seq}" if first == kept.seq else f"something in entries {first} to {kept.seq}"
            chain.tell(f"{places} was written anew; entry {kept.seq} was another one at {when}")

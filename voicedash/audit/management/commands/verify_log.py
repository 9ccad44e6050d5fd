"""`manage.py verify_log`: the proof that the log is as it was written, for people and for a monitor."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection

from voicedash.audit import comparison, guard, proof
from voicedash.audit.comparison import Comparison
from voicedash.audit.proof import Checked

WHOLE, FAULT, NOT_CHECKED = 0, 1, 2
_TRIES = 3  # chains that cannot be read before it is the database that cannot be


class Command(BaseCommand):
    help = (
        "Proves that the log is as it was written. The first line says OK, FAULT or NOT CHECKED, "
        "and so does the exit status: 0, 1 or 2."
    )
    requires_system_checks: list[str] = []  # their errors would end it with the status of a fault

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("chain", nargs="*", help="such as tenant-1 or sign-ins; without one, all of them")
        parser.add_argument(
            "--heads",
            metavar="DIR",
            type=Path,
            action="append",
            default=[],
            help="compare with the daily heads in this folder, too: copies that another system kept",
        )

    def handle(self, *args: Any, chain: list[str], heads: list[Path], **options: Any) -> None:
        report = Report()
        own = Path(settings.LOG_HEADS)
        try:
            report.look(chain, [*([own] if own.is_dir() else []), *heads])  # none were kept yet: nothing to compare
        except Error as error:
            report.problems.append(f"the database cannot be read: {str(error).strip()}")
        except OSError as error:
            report.problems.append(str(error))
        for line in report.lines():
            self.stdout.write(line)
        if report.status != WHOLE:
            self.stdout.flush()
            sys.exit(report.status)


class Report:
    """What was found, to be told in one line and in full."""

    def __init__(self) -> None:
        self.checked: dict[str, Checked] = {}
        self.compared = Comparison()
        self.others: list[str] = []
        self.problems: list[str] = []

    def look(self, chains: list[str], folders: list[Path]) -> None:
        """Checks the chains, all where none is named, and compares them with the heads. Raises django.db.Error."""
        for chain in chains or proof.chains():
            try:
                self.checked[chain] = proof.check(chain)
            except Error as error:  # perhaps what somebody put into this very chain
                self.problems.append(f"{chain} cannot be read: {str(error).strip()}")
                if len(self.problems) >= _TRIES:
                    raise
        self.compared = comparison.compare(folders, self.checked, only=set(chains))
        self.problems += self.compared.unreadable
        self.others = [
            f"the database does not refuse changes: trigger {name} is gone, off or not as it was made"
            for name in guard.missing(connection)
        ]
        if not chains:
            self.others += proof.nameless()
        for checked in self.checked.values():
            if chains and not checked.entries and not checked.faults:
                checked.tell("there is no such chain")

    @property
    def faults(self) -> int:
        foreign = len(self.compared.foreign) + self.compared.more
        return sum(len(chain.faults) + chain.more for chain in self.checked.values()) + foreign + len(self.others)

    @property
    def status(self) -> int:
        return FAULT if self.faults else NOT_CHECKED if self.problems else WHOLE

    def lines(self) -> list[str]:
        """The line for a monitor, then the details."""
        chains = list(self.checked.values())
        entries = sum(chain.entries for chain in chains)
        newest = max((chain.newest for chain in chains if chain.newest), default=None)
        seen = f"{_many(len(chains), 'chain')}, {_many(entries, 'entry', 'entries')}"
        if newest:
            seen += f", newest {newest:%Y-%m-%d %H:%M:%S} UTC"
        seen += f"; {_many(self.compared.heads, 'kept head')} compared"
        if self.compared.newest:
            seen += f", newest {self.compared.newest:%Y-%m-%d %H:%M:%S} UTC"
        details = self._details(chains)
        if self.status == WHOLE:
            return [f"OK: {seen}"]
        if self.status == NOT_CHECKED:
            return [f"NOT CHECKED: {details[0]}", *details[1:], f"Seen, and no fault in it: {seen}."]
        if sum(chain.unknown_keys for chain in chains) == entries > 0:
            details.append("No entry was signed with a key of VOICEDASH_LOG_KEYS: are these the keys of this log?")
        return [f"FAULT: {_many(self.faults, 'fault')}: {details[0]}", *details, f"Seen: {seen}."]

    def _details(self, chains: list[Checked]) -> list[str]:
        lines = []
        for chain in chains:
            lines += [str(fault) for fault in chain.faults]
            if chain.more:
                lines.append(f"{chain.chain}: and {_many(chain.more, 'more fault')}")
        lines += self.others
        lines += self.compared.foreign
        if self.compared.more:
            lines.append(f"and {_many(self.compared.more, 'more line')} of such files")
        return lines + self.problems


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"

"""`manage.py rotate_keys`: another sealing key while voicedash runs, and the proof that the old one may go."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseProblem
from django.db import connection

from voicedash.tenants import keys, rotation
from voicedash.tenants.rotation import Survey, named


class Command(BaseCommand):
    help = (
        "Seals every Bandwidth secret anew with the first sealing key. May run while voicedash serves, and again at "
        "any time. docs/operate.md, Keys, has the order of a whole rotation."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--new", action="store_true", help="first make a new key and put it in front, in voicedash's own file"
        )
        what.add_argument(
            "--check", action="store_true", help="only say which key opens what; 0 when the first one opens everything"
        )
        what.add_argument(
            "--drop", action="store_true", help="take out of voicedash's own file every key that no account needs"
        )
        parser.add_argument(
            "--one-node", action="store_true", help="with --new on PostgreSQL: no other machine serves this database"
        )

    def handle(
        self, *args: Any, new: bool, check: bool, drop: bool, one_node: bool, verbosity: int, **options: Any
    ) -> None:
        try:
            if check:
                self._check()
            elif drop:
                self._drop()
            else:
                if new:
                    self._new(one_node=one_node)
                self._reseal()
        except keys.CannotWrite as error:
            raise CommandError(str(error)) from None
        except DatabaseProblem as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}") from None

    def _new(self, *, one_node: bool) -> None:
        if connection.vendor == "postgresql" and not one_node:
            raise CommandError(
                "Nothing was changed. Other machines that serve this database would not have the new key, and could "
                "not press any more. Is this the only one: add --one-node. Are there others: give all of them the "
                "keys as VOICEDASH_KEYS, in the order of docs/operate.md, Keys."
            )
        self._say(f"A new key, {keys.add()}, is the first in {keys.place()}. Running processes take it up.")

    def _reseal(self) -> None:
        result = rotation.reseal_all(self._say)
        first = keys.fingerprint(keys.current()[0])
        told = f"{_accounts(len(result.done))} sealed anew with the first key, {first}; {result.before} were already"
        self._say(told + (f"; {result.unset} without a secret." if result.unset else "."))
        if result.left:
            raise CommandError(
                f"{_accounts(len(result.left))} left as they were:\n"
                + "\n".join(f"  {named(account)}: {why}" for account, why in result.left)
                + "\nBring the missing key back and run this again, or enter the secret again in the administration."
            )
        if len(keys.current()) > 1:
            self._say("Next: rotate_keys --check.")

    def _check(self) -> None:
        found = rotation.survey()
        self._say(f"Keys: {keys.place()}")
        for number, key in enumerate(found.keys):
            opened = found.needing[key]
            if number == 0:
                self._say(f"  {key} (first, seals): opens {_accounts(len(opened))}")
            elif opened:
                self._say(f"  {key}: STILL NEEDED by {_accounts(len(opened))}: {', '.join(map(named, opened))}")
            else:
                self._say(f"  {key}: not needed")
        self._tell_others(found)
        if found.still_needed:
            raise CommandError("Drop no key yet: run rotate_keys first.")
        if found.lost:
            raise CommandError(
                "No key that is here opens every secret. Bring the missing key back, or enter the secrets again."
            )
        spare = found.keys[1:]
        self._say(
            f"The first key alone opens everything. {' and '.join(spare)} may be dropped."
            if spare
            else "The first key alone opens everything, and there is no other."
        )

    def _drop(self) -> None:
        try:
            gone = rotation.drop()
        except rotation.StillNeeded as error:
            told = [
                f"  {key} is needed by {', '.join(map(named, accounts))}"
                for key, accounts in error.survey.still_needed.items()
            ]
            raise CommandError(
                "Nothing was dropped:\n" + "\n".join(told) + "\nRun rotate_keys first, then this again."
            ) from None
        self._say(
            f"Dropped from {keys.place()}: {' and '.join(gone)}. Backups from before, and copies of the database "
            "from before an upgrade (before-*.sqlite3 in the data folder), need them: keep them with those."
            if gone
            else f"{keys.place()} holds one key only: there is nothing to drop."
        )
        found = rotation.survey()
        self._tell_others(found)

    def _tell_others(self, found: Survey) -> None:
        for account, why in found.lost:
            self._say(f"  {named(account)}: CANNOT BE OPENED: {why}")
        if found.unset:
            self._say(f"  no secret is set: {', '.join(map(named, found.unset))}")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _accounts(number: int) -> str:
    return "1 account" if number == 1 else f"{number} accounts"

"""`manage.py backup DIR`: a copy of the database that can be restored, made while people press; the keys apart."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseProblem

from voicedash.live import backups
from voicedash.tenants import keys


class Command(BaseCommand):
    help = "Makes DIR/voicedash-<time>/ with the database, a manifest and RESTORE.txt. May run while voicedash serves."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path)
        parser.add_argument(
            "--keys", dest="keys_folder", metavar="DIR2", type=Path, help="copy the keys there, apart from the database"
        )

    def handle(self, *args: Any, folder: Path, keys_folder: Path | None, **options: Any) -> None:
        try:
            made = backups.make(folder, keys_folder=keys_folder)
        except backups.CannotBackUp as error:
            raise CommandError(f"No backup was made. {error}") from error
        except DatabaseProblem as error:
            raise CommandError(f"No backup was made. The database cannot be read: {str(error).strip()}") from error
        size = made.manifest["file"]["bytes"]
        rows = sum(made.manifest["rows"].values())
        self.stdout.write(
            f"{made.folder}: {rows} rows, {size / 1_000_000:.1f} MB. Its {backups.STEPS} tells the way back."
        )
        if made.keys:
            self.stdout.write(f"{made.keys}: the keys. Keep them apart: who has both opens every secret.")
        else:
            self.stdout.write(
                f"The keys were NOT copied: they are in {keys.place()}. Without them the secrets in this backup are "
                "lost. Keep a copy elsewhere (--keys DIR2 makes one)."
            )
        if lost := made.manifest["keys"]["secrets that no key opened"]:
            self.stderr.write(f"{lost} of its secrets can be opened by no key that is here: see rotate_keys --check.")

"""`manage.py restore BACKUP`: puts a backup into an empty place, after looking at everything that could go wrong."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseProblem

from voicedash.live import backups, restoring


class Command(BaseCommand):
    help = "Restores a backup into an empty database. Its RESTORE.txt has all steps, of which this is one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="BACKUP", type=Path, help="a folder that `backup` made")
        parser.add_argument(
            "--without-keys", action="store_true", help="although keys that it needs are not here: they are lost"
        )

    def handle(self, *args: Any, folder: Path, without_keys: bool, **options: Any) -> None:
        try:
            restoring.restore(folder, self._say, without_keys=without_keys)
        except (restoring.CannotRestore, backups.CannotBackUp) as error:
            raise CommandError(f"Not restored. {error}") from error
        except DatabaseProblem as error:
            raise CommandError(f"Not restored. The database cannot be used: {str(error).strip()}") from error
        self._say(
            "Restored. Next: verify_log --heads OLD/log-heads, rotate_keys --check, then serve and press Fetch calls."
        )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

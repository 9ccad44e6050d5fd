"""`manage.py log_heads`: keeps the heads of the log now, beside what `serve` keeps every day."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from voicedash.audit import heads


class Command(BaseCommand):
    help = "Adds the head of every chain of the log to the file of the day in VOICEDASH_LOG_HEADS."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            lines = heads.write()
        except (OSError, Error) as error:
            raise CommandError(f"The heads could not be kept: {str(error).strip()}") from error
        self.stdout.write(f"{len(lines)} heads added below {settings.LOG_HEADS}.")

"""`manage.py provision FILE.toml`: the first admin, and every tenant, from a file that can be kept with the others."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError

from voicedash.tenants import accounts
from voicedash.tenants.models import BandwidthAccount
from voicedash.tenants.provisioning import ProvisioningError, provision


class Command(BaseCommand):
    help = "Sets tenants, Bandwidth accounts, people and reasons up from a TOML file. May be run again at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--prune",
            action="store_true",
            help="remove members, reasons and accounts that the file does not name, in the tenants that it names",
        )
        parser.add_argument(
            "--adopt",
            metavar="USERNAME",
            action="append",
            default=[],
            help="let this person, who exists already, become admin or join a tenant, as the file says; may be given "
            "several times. Only for people whose password you trust: if the file gives them one, it takes the place "
            "of theirs and ends their sessions, else password and sessions stay",
        )
        parser.add_argument("--check", action="store_true", help="then try every account's sign-in at Bandwidth")

    def handle(self, *args: Any, file: Path, prune: bool, check: bool, adopt: list[str], **options: Any) -> None:
        try:
            text = file.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"cannot read {file}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
        try:
            lines = provision(text, prune=prune, folder=file.resolve().parent, adopt=adopt)
        except ProvisioningError as error:
            told = "\n".join(f"  {file.name}, {problem}" for problem in error.problems)
            raise CommandError(f"Nothing was changed:\n{told}") from None
        except (OperationalError, ProgrammingError) as error:
            raise CommandError(
                f"Stopped: the database cannot be used ({str(error).strip()}). If it is new, run `manage.py migrate` "
                "first. What was done already stays: run this again for the rest."
            ) from None
        for line in lines:
            self.stdout.write(line)
        if not [line for line in lines if not line.startswith("warning:")]:
            self.stdout.write("Nothing to change.")
        for account in BandwidthAccount.objects.select_related("tenant") if check else []:
            result = accounts.check_account(account)
            self.stdout.write(f"{account.tenant.slug}: account {account}: {result.label}. {accounts.told(result)}")

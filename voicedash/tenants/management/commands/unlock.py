"""`manage.py unlock USERNAME`: lets somebody in again after ten wrong passwords, the only superuser among them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from voicedash.tenants import signing_in
from voicedash.tenants.models import User


class Command(BaseCommand):
    help = "Ends the lock of an account, which ten wrong passwords in a row bring for half an hour."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        try:
            user = User.objects.filter(username__iexact=username).first()
            if user is None:
                raise CommandError(f"There is no user {username}.")
            who = f"{user.name} ({user.username})" if user.name else user.username
            if not user.is_active:
                raise CommandError(f"{who} is not locked but inactive: an admin makes them active again.")
            if user.failed_sign_ins == 0 and user.locked_until is None:
                self.stdout.write(f"{who} was not locked, and has no wrong password to forget.")
                return
            signing_in.unlock(user, actor=None)
        except Error as error:
            raise CommandError(f"Nothing was changed: the database cannot be used ({str(error).strip()}).") from error
        self.stdout.write(f"{who} can sign in again.")

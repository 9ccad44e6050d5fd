"""Signing in: no sign-up, no hint at who exists, and a lock after ten failures that does not slide."""

import secrets
from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import filter_users_by_username
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest

from voicedash.audit import log
from voicedash.tenants import changes
from voicedash.tenants.board import database_time
from voicedash.tenants.models import User

FAILURES = 10  # the tenth in a row locks
LOCK = timedelta(minutes=30)  # full ones, from that failure on

_NOT_LOCKED = Q(locked_until=None) | Q(locked_until__lte=Now())


class Adapter(DefaultAccountAdapter):
    """allauth's hooks, with our lock: allauth's own counts in a sliding window and forgets."""

    # One sentence for a wrong password, an unknown, a closed and a locked account.
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": (
            "Wrong username or password. After ten wrong tries in a row an account is locked for half an hour."
        ),
        "too_many_login_attempts": "Too many tries from this address. Wait a minute, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """The user with this password, if the account is open. Raises ValidationError past the address's limit."""
        person = _named(str(credentials.get("username", "")))
        if person is None or not may_try(person):
            # The hash is computed all the same, and can match nothing: the time that this takes, and the
            # address's count of failures, tell no more than the message does.
            credentials["password"] = secrets.token_urlsafe()
        user = super().authenticate(request, **credentials)
        if isinstance(user, User) and succeed(user):
            return user
        fail(person)
        return None

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        with transaction.atomic():
            super().login(request, user)
            log.append(log.SIGN_INS, "user.signed_in", at=database_time(), actor=user.pk)

    def logout(self, request: HttpRequest) -> None:
        actor = request.user.pk
        with transaction.atomic():
            super().logout(request)
            log.append(log.SIGN_INS, "user.signed_out", at=database_time(), actor=actor)

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        user.set_password(password)
        assert isinstance(user, User)
        with transaction.atomic():
            user.save(update_fields=["password"])
            changes.tell_of_user(user, "changed", at=database_time(), actor=user.pk, fields=["password"])


def may_try(user: User) -> bool:
    """Whether the account is open now: active, and not locked by the database's clock."""
    return user.is_active and User.objects.filter(_NOT_LOCKED, pk=user.pk).exists()


def succeed(user: User) -> bool:
    """Ends the row of failures; False where the account was locked while the password was looked at."""
    return bool(User.objects.filter(_NOT_LOCKED, pk=user.pk).update(failed_sign_ins=0, locked_until=None))


def fail(user: User | None) -> None:
    """Counts a failed try of `user` (None: nobody has that name); the tenth in a row locks.

    A try during the lock is logged and changes nothing; the first after its end counts as one.
    """
    pk = user.pk if user else 0  # nobody's: the same statements run, in the same time
    with transaction.atomic():
        # One conditional update: it holds the row until commit, so tries at the same moment queue up.
        counted = User.objects.filter(_NOT_LOCKED, pk=pk).update(
            failed_sign_ins=Case(When(locked_until=None, then=F("failed_sign_ins") + 1), default=Value(1)),
            locked_until=None,
        )
        now = database_time()
        locked = counted and User.objects.filter(pk=pk, failed_sign_ins__gte=FAILURES).update(locked_until=now + LOCK)
        data = {} if counted else {"why": "locked" if user else "unknown"}
        log.append(log.SIGN_INS, "user.sign_in_failed", at=now, actor=pk or None, data=data)
        if locked:
            log.append(log.SIGN_INS, "user.locked", at=now, actor=pk)


def unlock(user: User, *, actor: int | None) -> None:
    """Opens a locked account again, by an admin."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(failed_sign_ins=0, locked_until=None)
        changes.tell_of_user(user, "unlocked", at=database_time(), actor=actor)


def _named(username: str) -> User | None:
    """The one user of that name, large or small letters: as allauth's backend looks for it."""
    found = [user for user in filter_users_by_username(username) if isinstance(user, User)]
    return found[0] if len(found) == 1 else None

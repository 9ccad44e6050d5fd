"""The first admin's way in: a link that works once, for an hour, while nobody could sign in as superuser."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from voicedash.audit import log
from voicedash.tenants import changes
from voicedash.tenants.board import database_time
from voicedash.tenants.models import SetupLink, User

GOOD_FOR = timedelta(hours=1)
_ONLY = 1  # the key of the one row: a new link takes the old one's place, on however many nodes they are made


class Closed(Exception):
    """The link does not work (any more). Which of the reasons it is, nobody is told."""


def has_admin() -> bool:
    """Whether somebody could sign in as superuser: active, with a password."""
    admins = User.objects.filter(is_active=True, is_superuser=True)
    return admins.exclude(Q(password="") | Q(password__startswith="!")).exists()  # "!": Django's mark of none


def make_link() -> str | None:
    """The token of a new link, known only to who is given it now; None where there is an admin.

    The one made before stops working.
    """
    if has_admin():
        return None
    token = secrets.token_urlsafe(32)  # 256 bits
    with transaction.atomic(durable=True):
        now = database_time()
        SetupLink.objects.bulk_create(
            [SetupLink(pk=_ONLY, digest=_digest(token), expires_at=now + GOOD_FOR)],
            update_conflicts=True,
            unique_fields=["pk"],
            update_fields=["digest", "expires_at"],
        )
        log.append(log.SIGN_INS, "setup.link_made", at=now)
    return token


def is_open(token: str) -> bool:
    """Whether the link works now."""
    links = SetupLink.objects.filter(pk=_ONLY, digest=_digest(token), expires_at__gt=database_time())
    return links.exists() and not has_admin()


def use_link(token: str, admin: User) -> None:
    """Uses the link up and saves `admin`, a user not saved yet with name and password set, as superuser.

    Of two at once one wins. Raises Closed; nothing has been changed then.
    """
    with transaction.atomic(durable=True):
        now = database_time()
        used, _ = SetupLink.objects.filter(pk=_ONLY, digest=_digest(token), expires_at__gt=now).delete()
        if not used or has_admin():
            raise Closed
        admin.is_staff = admin.is_superuser = True
        admin.save(force_insert=True)
        log.append(log.SIGN_INS, "setup.link_used", at=now, actor=admin.pk)
        changes.tell_of_user(admin, "added", at=now, actor=admin.pk)


def _digest(token: str) -> str:
    # The token is as long as the digest and random: nothing slower than this is needed.
    return hashlib.sha256(token.encode()).hexdigest()

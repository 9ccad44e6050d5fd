"""Who may do what: roles, and the one answer to "may this session see this tenant now"."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from voicedash.tenants import reads
from voicedash.tenants.models import Membership, Role, Tenant, User

SEES = frozenset({Role.VIEWER, Role.SUPERVISOR, Role.MANAGER})  # agents wait for calls of their own
PRESSES = frozenset({Role.SUPERVISOR, Role.MANAGER})
MANAGES = frozenset({Role.MANAGER})
READS_LOG = PRESSES
READS_SIGN_INS = MANAGES
AT_ONCE = 500  # sessions, users or members of one query

_MEMBERSHIP = "WHERE tenants_membership.user_id = %s AND tenants_tenant.slug = %s ORDER BY tenants_membership.id"


class TenantRequest(HttpRequest):
    """A request to `/t/<tenant>/…`, as TenantMiddleware hands it to a view. Only for type checkers."""

    user: User
    tenant: Tenant
    membership: Membership


class Refusal(StrEnum):
    """Why somebody does not see a tenant."""

    SIGNED_OUT = "signed-out"
    NOT_YOURS = "not-yours"
    ROLE = "role"


def user_of(request: HttpRequest) -> User | AnonymousUser:
    """Who is signed in, as `django.contrib.auth.get_user` has it, for every request that asks.

    Only the plain case is answered here: a session without a user, or whose password was changed, is Django's to end.
    """
    pk = _signed_in(request.session)
    user = reads.first(User, "WHERE tenants_user.id = %s", pk) if pk else None
    return user if user and _is_still(user, request.session) else get_user(request)


def member_in(request: HttpRequest, slug: str) -> Membership | None:
    """The membership in the tenant `slug` of who is signed in, with both, in one statement.

    None where that is not plain: `user_of` and `membership_of` know why.
    """
    pk = _signed_in(request.session)
    found = reads.first(Membership, _MEMBERSHIP, pk, slug, along=("user", "tenant")) if pk else None
    return found if found and _is_still(found.user, request.session) else None


def _signed_in(session: SessionBase) -> int | None:
    """The key of the user that a session names."""
    pk = str(session.get(SESSION_KEY, ""))
    return int(pk) if pk.isdigit() and session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS else None


def _is_still(user: User, session: SessionBase) -> bool:
    """Whether a user may still use what was opened with the password of then."""
    told = str(session.get(HASH_SESSION_KEY, ""))
    return user.is_active and constant_time_compare(told, user.get_session_auth_hash())


def refusal(user: User | None, membership: Membership | None) -> Refusal | None:
    """May this person see the tenant of this membership now? None: yes. Pages and streams ask here, and only here."""
    if user is None or not user.is_active:
        return Refusal.SIGNED_OUT
    if membership is None or membership.user_id != user.pk:
        return Refusal.NOT_YOURS
    return None if membership.role in SEES else Refusal.ROLE


def membership_of(user: User, slug: str) -> Membership | None:
    """The membership of `user` in the tenant `slug`, with the tenant; None for a stranger."""
    return reads.first(Membership, _MEMBERSHIP, user.pk, slug, along=("tenant",))


def require(membership: Membership, roles: frozenset[Role]) -> None:
    """Raises PermissionDenied (a 403 with a sentence) unless the member's role is one of `roles`."""
    if membership.role in roles:
        return
    needed = " or ".join(role.label.lower() for role in Role if role in roles)
    raise PermissionDenied(f"This needs the role {needed}; yours at {membership.tenant} is {membership.role}.")


@dataclass(frozen=True)
class Seat:
    """A browser's session before the board of a tenant."""

    session: str  # its key
    slug: str


@dataclass(frozen=True)
class Sight:
    """What a seat may see now."""

    refusal: Refusal | None
    user: int = 0
    tenant: int = 0
    presses: bool = False


def sights(seats: Iterable[Seat]) -> dict[Seat, Sight]:
    """What each seat may see now, in a number of queries that hardly grows with theirs. Prolongs no session.

    A seat whose session ended or expired, whose user was closed or changed the password, is signed out.
    """
    asked = set(seats)
    people = _people({seat.session for seat in asked})
    members = {
        (member.user_id, member.tenant.slug): member
        for users in _chunks({user.pk for user in people.values()})
        for member in Membership.objects.select_related("tenant").filter(user__in=users).order_by()
    }
    seen = {}
    for seat in asked:
        user = people.get(seat.session)
        member = members.get((user.pk, seat.slug)) if user else None
        why = refusal(user, member)
        if why or not user or not member:
            seen[seat] = Sight(why or Refusal.SIGNED_OUT)
        else:
            seen[seat] = Sight(None, user.pk, member.tenant_id, member.role in PRESSES)
    return seen


def _people(keys: set[str]) -> dict[str, User]:
    """Who is signed in by which session, by the rules of `django.contrib.auth.get_user`; without its writes."""
    signed_in: dict[str, dict[str, Any]] = {}
    for some in _chunks(keys):
        for session in Session.objects.filter(session_key__in=some, expire_date__gt=timezone.now()):
            told = session.get_decoded()
            if told.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS:
                signed_in[session.session_key] = told
    pks = {str(told.get(SESSION_KEY)) for told in signed_in.values()}
    users = {
        str(user.pk): user
        for some in _chunks({pk for pk in pks if pk.isdigit()})
        for user in User.objects.filter(pk__in=some)
    }
    people = {}
    for key, told in signed_in.items():
        user = users.get(str(told.get(SESSION_KEY)))
        if user and _same_password(user, str(told.get(HASH_SESSION_KEY, ""))):
            people[key] = user
    return people


def _same_password(user: User, told: str) -> bool:
    """Whether the password is still the one that the session was opened with."""
    if constant_time_compare(told, user.get_session_auth_hash()):
        return True
    return any(constant_time_compare(told, old) for old in user.get_session_auth_fallback_hash())


def _chunks(keys: Iterable[Any]) -> Iterator[list[Any]]:
    ordered = list(keys)
    for first in range(0, len(ordered), AT_ONCE):
        yield ordered[first : first + AT_ONCE]

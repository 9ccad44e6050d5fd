"""Who may do what: roles, and the one answer to "may this person see this tenant now"."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from voicedash.tenants.models import Membership, Role, Tenant, User

SEES = frozenset({Role.VIEWER, Role.SUPERVISOR, Role.MANAGER})  # agents wait for calls of their own
PRESSES = frozenset({Role.SUPERVISOR, Role.MANAGER})
MANAGES = frozenset({Role.MANAGER})


class TenantRequest(HttpRequest):
    """A request to `/t/<tenant>/…`, as TenantMiddleware hands it to a view. Only for type checkers."""

    user: User
    tenant: Tenant
    membership: Membership


def membership_of(user: User, slug: str) -> Membership | None:
    """The membership by which `user` sees the tenant `slug` now, with the tenant; None for a stranger."""
    if not user.is_active:
        return None
    return Membership.objects.select_related("tenant").filter(user=user, tenant__slug=slug).order_by("pk").first()


def require(membership: Membership, roles: frozenset[Role]) -> None:
    """Raises PermissionDenied (a 403 with a sentence) unless the member's role is one of `roles`."""
    if membership.role in roles:
        return
    needed = " or ".join(role.label.lower() for role in Role if role in roles)
    raise PermissionDenied(f"This needs the role {needed}; yours at {membership.tenant} is {membership.role}.")

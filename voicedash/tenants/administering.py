"""Which tenants a tenant admin administers, and which people with them."""

from django.db.models import Exists, OuterRef, Q

from voicedash.tenants.access import MANAGES
from voicedash.tenants.models import Membership, User

Tenants = frozenset[int]


def tenants_of(user_id: int | None) -> Tenants:
    """Keys of the tenants that this user administers now: an active member of the staff, and a manager there.

    A superuser administers everything, and needs none of this.
    """
    managing = Membership.objects.filter(user=user_id, user__is_active=True, user__is_staff=True, role__in=MANAGES)
    return frozenset(managing.values_list("tenant_id", flat=True))


def people(tenants: Tenants) -> Q:
    """Users who are members of one of `tenants`: whom their admins may know of."""
    return Q(pk__in=Membership.objects.filter(tenant__in=tenants).values("user"))


def wards(tenants: Tenants) -> Q:
    """Users whom the admins of `tenants` answer for: members there and nowhere else, with no rights in admin.

    With anybody else's password or name they would reach into another tenant, or rise above their own.
    """
    elsewhere = Membership.objects.filter(user=OuterRef("pk")).exclude(tenant__in=tenants)
    return Q(people(tenants), ~Exists(elsewhere), is_staff=False, is_superuser=False)


def is_ward(user: User, tenants: Tenants) -> bool:
    """Whether the admins of `tenants` answer for this user."""
    return User.objects.filter(wards(tenants), pk=user.pk).exists()

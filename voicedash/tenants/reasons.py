"""A tenant's usual reason, and those that a new tenant begins with where nobody names others."""

from voicedash.tenants import reads
from voicedash.tenants.models import Reason, Tenant

SEEDS = (
    {"name": "Card details", "lease": 180, "prolong": 3, "default": True},
    {"name": "Health details", "lease": 300, "prolong": 3},
    # Who objects must not be recorded again because some time has passed.
    {"name": "Customer objects to recording", "lease": None, "prolong": 0},
    {"name": "Other", "lease": 180, "prolong": 1, "note": True},
)


_USUAL = 'WHERE tenants_reason.tenant_id = %s AND tenants_reason."default" ORDER BY tenants_reason.id'


def usual(tenant_id: int) -> Reason | None:
    """The reason of a pause for which nobody names one; None where the tenant has none. Raises DatabaseError."""
    return reads.first(Reason, _USUAL, tenant_id)


def seed(tenant: Tenant) -> list[Reason]:
    """Gives a new tenant its first reasons; under the tenant's lock."""
    return [Reason.objects.create(tenant=tenant, **seed) for seed in SEEDS]

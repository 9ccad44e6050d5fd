"""What is wrong with a provisioning file, or odd about it, that only the database knows."""

from voicedash.tenants.models import BandwidthAccount, User
from voicedash.tenants.provisioning_plan import Plan, PlannedTenant


def asleep(plan: Plan) -> list[str]:
    """Warns of those in the file who cannot sign in: who was made inactive stays so, whatever a file says."""
    named = {person.username.lower() for tenant in plan.tenants for person, _ in tenant.members}
    named |= {person.username.lower() for person in plan.admins}
    inactive = User.objects.filter(is_active=False).order_by("username").values_list("username", flat=True)
    return [
        f"warning: {username} is inactive and cannot sign in: an admin makes them active again"
        for username in inactive
        if username.lower() in named
    ]


def calls_to_lose(tenants: list[PlannedTenant]) -> list[str]:
    """Faults of a file that is applied with `--prune`: accounts that it leaves out, and that have calls."""
    problems = []
    for tenant in tenants:
        kept = [account.account_id for account in tenant.accounts]
        unnamed = BandwidthAccount.objects.filter(tenant__slug=tenant.slug).exclude(account_id__in=kept)
        for account in unnamed.filter(calls__isnull=False).distinct():
            problems.append(
                f"line {tenant.line}, account: {account.account_id} of {tenant.slug} is not in the file but has calls, "
                "which would go with it: put it back, or delete it in the admin pages"
            )
    return problems

"""Whom a provisioning file takes over: nobody who exists gains rights by it, unless the operator vouches for them.

Usernames are one for all tenants, and a tenant admin adds people with passwords of their own choice. Who took a
name before the file was applied would otherwise be made admin, or a member elsewhere, in the place of who was meant.
"""

from dataclasses import dataclass, field

from voicedash.tenants.models import Membership, User
from voicedash.tenants.provisioning_plan import Person, Plan


@dataclass
class Adoption:
    """`vouched` are usernames in small letters; `made` is who is new, or taken over, in this run: by key, with
    the password that they had then."""

    vouched: frozenset[str]
    made: dict[int, str] = field(default_factory=dict)

    def allows(self, user: User) -> bool:
        """Whether `user`, who exists, may gain rights."""
        return user.username.lower() in self.vouched or self.made.get(user.pk) == user.password

    def problems(self, plan: Plan) -> list[str]:
        """Each person who would gain rights without the operator's word, and each word that names nobody."""
        people = [person for tenant in plan.tenants for person, _ in tenant.members] + plan.admins
        unnamed = self.vouched - {person.username.lower() for person in people}
        users = {user.username.lower(): user for user in User.objects.filter(is_superuser=False)}
        found: list[tuple[int, str]] = []
        for person in plan.admins:
            user = users.get(person.username.lower())
            if user and not self.allows(user):
                found.append(_refusal(person, "a superuser"))
        for tenant in plan.tenants:
            for person, _ in tenant.members:
                user = users.get(person.username.lower())
                if user and not self.allows(user) and joins(user, tenant.slug):
                    found.append(_refusal(person, f"a member of {tenant.slug}"))
        return [f"--adopt: the file names no {name}" for name in sorted(unnamed)] + [said for _, said in sorted(found)]


def joins(user: User, slug: str) -> bool:
    """Whether a membership there gives `user` what they have not: superusers have everything."""
    return not user.is_superuser and not Membership.objects.filter(tenant__slug=slug, user=user).exists()


def _refusal(person: Person, becomes: str) -> tuple[int, str]:
    return person.line, (
        f"line {person.line}, username: {person.username} exists and would become {becomes}, with a password that "
        f"somebody else may know: if it is who you mean, say --adopt {person.username}"
    )

"""Sets tenants, accounts, people, reasons and lines up from a file, as often as one likes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from voicedash.tenants import accounts, board, changes, lines, provisioning_checks, reasons, sealing
from voicedash.tenants.adoption import Adoption, joins
from voicedash.tenants.board import Stamp
from voicedash.tenants.models import BandwidthAccount, Line, Membership, Reason, Tenant, User
from voicedash.tenants.provisioning_file import read
from voicedash.tenants.provisioning_plan import (
    Account,
    Person,
    PlannedReason,
    PlannedTenant,
    ProvisioningError,
)

__all__ = ["ProvisioningError", "provision"]

_STEPS = 15  # in a transaction: a new member is five rows, and a hundred at most are written under the lock


@dataclass
class _Writing:
    """One transaction on a tenant's rows, and what it did in lines."""

    tenant: Tenant
    stamp: Stamp
    lines: list[str] = field(default_factory=list)
    users: list[tuple[User, str, list[str]]] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(f"{self.tenant.slug}: {text}")


Step = Callable[[_Writing], None]


@dataclass
class _People:
    """Who may be written, and the hashes of the file's passwords by username in small letters."""

    adoption: Adoption
    hashes: dict[str, str] = field(repr=False)


def provision(text: str, *, prune: bool = False, folder: Path = Path(), adopt: Iterable[str] = ()) -> list[str]:
    """Makes the database hold what the file says; gives a line for each thing done, none where all was so.

    With `prune`, members, reasons and accounts of the tenants in the file that it does not name are removed; lines,
    too, where it names some. Relative paths in the file start from `folder`. Who exists already becomes superuser, or
    a member where they are none, only if `adopt` has their username; they then get the password that the file
    gives them, if it does. Raises ProvisioningError, with every fault by line and key; nothing has been
    changed then.
    """
    known = {name.lower() for name in User.objects.values_list("username", flat=True)}
    adoption = Adoption(frozenset(name.lower() for name in adopt))
    plan = read(text, folder=folder, known=known, adopted=adoption.vouched)
    if problems := adoption.problems(plan) + (provisioning_checks.calls_to_lose(plan.tenants) if prune else []):
        raise ProvisioningError(problems)
    # Hashing takes a third of a second a password: not under a lock.
    people = _People(adoption, {name: make_password(password) for name, password in plan.passwords.items()})
    done: list[str] = []
    for tenant in plan.tenants:
        done += _set_up(tenant, people, prune=prune)
    for admin in plan.admins:
        done += _set_up_admin(admin, people)
    done += provisioning_checks.asleep(plan)
    named = BandwidthAccount.objects.filter(tenant__slug__in=[tenant.slug for tenant in plan.tenants])
    if ends := accounts.basic_ends(timezone.localdate(), named):
        done.append(f"warning: {ends.sentence}")
    return done


def _set_up(plan: PlannedTenant, people: _People, *, prune: bool) -> list[str]:
    done: list[str] = []
    tenant = Tenant.objects.filter(slug=plan.slug).first()
    if tenant is None:
        with transaction.atomic(durable=True):
            tenant = Tenant.objects.create(slug=plan.slug, name=plan.name, time_zone=plan.time_zone, **plan.days)
            stamp = board.begin(tenant.pk)  # its board comes after it
            changes.tell(tenant, "added", at=stamp.now)
            seeded = [] if plan.reasons or prune else reasons.seed(tenant)
            for reason in seeded:
                changes.tell(reason, "added", at=stamp.now)
        done.append(f"{plan.slug}: tenant added")
        done += [f"{plan.slug}: {len(seeded)} reasons added, as the file names none"] if seeded else []
    steps: list[Step] = [partial(_tenant, plan)]
    steps += [partial(_account, account) for account in plan.accounts]
    usual = next((reason for reason in plan.reasons if reason.default), None)
    steps += [partial(_no_other_usual, usual)] if usual else []
    steps += [partial(_reason, reason) for reason in plan.reasons]
    steps += [partial(_member, person, role, people) for person, role in plan.members]
    steps += _prunings(tenant, plan) if prune else []
    return done + _write_all(tenant, steps) + _lines(tenant, plan, prune=prune)


def _lines(tenant: Tenant, plan: PlannedTenant, *, prune: bool) -> list[str]:
    done: list[str] = []
    if lines.compare(tenant.pk, plan.lines).to_do:
        writing = partial(board.writing, tenant.pk)
        added, changed = lines.take_in(tenant.pk, plan.lines, actor=None, writing=writing)
        done.append(f"{plan.slug}: lines: {added} added, {changed} changed")
    if prune and plan.lines:  # or a file about something else would empty what came by CSV
        unnamed = tenant.lines.exclude(address__in=[line.address for line in plan.lines])
        steps: list[Step] = [partial(_remove, line, f"line of {line.name} removed") for line in unnamed]
        done += _write_all(tenant, steps)
        if steps:
            lines.tell(tenant.pk)
    return done


def _write_all(tenant: Tenant, steps: list[Step]) -> list[str]:
    return [line for first in range(0, len(steps), _STEPS) for line in _write(tenant, steps[first : first + _STEPS])]


def _write(tenant: Tenant, steps: list[Step]) -> list[str]:
    with board.writing(tenant.pk) as stamp:
        writing = _Writing(Tenant.objects.get(pk=tenant.pk), stamp)
        for step in steps:
            step(writing)
        for user, did, fields in writing.users:  # last: see changes.tell_of_user
            changes.tell_of_user(user, did, at=stamp.now, fields=fields)
        if not writing.lines:
            transaction.set_rollback(True)  # nothing was new: no version either
    return writing.lines


def _update(row: Any, **wanted: Any) -> list[str]:
    """Saves the columns that are not as wanted; gives their names."""
    changed = [name for name, value in wanted.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, wanted[name])
    if changed:
        row.save(update_fields=changed)
    return changed


def _tenant(plan: PlannedTenant, writing: _Writing) -> None:
    if changed := _update(writing.tenant, name=plan.name, time_zone=plan.time_zone, **plan.days):
        changes.tell(writing.tenant, "changed", at=writing.stamp.now, fields=changed)
        writing.say(f"{' and '.join(changed)} changed")


def _account(plan: Account, writing: _Writing) -> None:
    wanted = {"auth": plan.auth, "client_id": plan.client_id, "records": plan.records}
    account, new = writing.tenant.accounts.get_or_create(account_id=plan.account_id, defaults=wanted)
    changed = [] if new else _update(account, **wanted)
    if not _holds(account, plan.secret):
        sealing.seal(account, plan.secret)
        account.save(update_fields=["sealed_secret"])
        changed.append("secret")
    if new or changed:
        changes.tell(account, "added" if new else "changed", at=writing.stamp.now, fields=[] if new else changed)
        writing.say(f"account {plan.account_id} " + ("added" if new else f"changed: {', '.join(changed)}"))


def _holds(account: BandwidthAccount, secret: str) -> bool:
    try:
        return sealing.open_secret(account) == secret
    except sealing.Unopenable:
        return False


def _no_other_usual(usual: PlannedReason, writing: _Writing) -> None:
    # Before the new one is set: at no moment may there be two.
    for reason in writing.tenant.reasons.filter(default=True).exclude(name=usual.name):
        changes.tell(reason, "changed", at=writing.stamp.now, fields=_update(reason, default=False))
        writing.say(f"reason {reason.name} is no longer the usual one")


def _reason(plan: PlannedReason, writing: _Writing) -> None:
    wanted = {"lease": plan.lease, "prolong": plan.prolong, "note": plan.note, "default": plan.default}
    reason, new = writing.tenant.reasons.get_or_create(name=plan.name, defaults=wanted)
    changed = [] if new else _update(reason, **wanted)
    if new or changed:
        changes.tell(reason, "added" if new else "changed", at=writing.stamp.now, fields=changed)
        writing.say(f"reason {plan.name} " + ("added" if new else f"changed: {', '.join(changed)}"))


def _member(person: Person, role: str, people: _People, writing: _Writing) -> None:
    found = _user(person, people, gains=lambda user: joins(user, writing.tenant.slug))
    if found is None:
        writing.say(_LEFT_OUT.format(person.username))
        return
    user, did, fields = found
    if did:
        if did == "added" or fields:
            writing.users.append((user, "added" if did == "added" else "changed", fields))
        writing.say(f"user {person.username} {_told(did, fields)}")
    member, new = Membership.objects.get_or_create(tenant=writing.tenant, user=user, defaults={"role": role})
    before = member.get_role_display().lower()
    changed = [] if new else _update(member, role=role)
    if new or changed:
        changes.tell(member, "added" if new else "changed", at=writing.stamp.now, fields=changed)
        writing.say(f"{person.username} is {role} now" + (f", was {before}" if changed else ""))


_LEFT_OUT = "{} left out: somebody else took that name, or set the password, a moment ago. Run this again"


def _user(
    person: Person, people: _People, *, gains: Callable[[User], bool], **rights: bool
) -> tuple[User, str, list[str]] | None:
    """The user, "added", "adopted", "changed" or "", and the columns that changed; None who must not gain rights.

    `gains` says whether a user who exists does so here. It has been judged before anything was
    written: it is judged again, for names are taken and passwords set meanwhile.
    """
    password = people.hashes.get(person.username.lower(), "")
    user = User.objects.filter(username__iexact=person.username).first()
    wanted: dict[str, Any] = {
        name: value for name, value in (("name", person.name), ("email", person.email)) if value is not None
    }
    if user is None:
        user = User.objects.create(username=person.username, password=password, **wanted, **rights)
        people.adoption.made[user.pk] = password
        return user, "added", []
    gaining = gains(user)
    if gaining and not people.adoption.allows(user):
        return None
    adopted = gaining and user.pk not in people.adoption.made
    if adopted and password:
        wanted["password"] = password  # it ends their sessions, too
    changed = _update(user, **wanted, **rights)
    if adopted:
        people.adoption.made[user.pk] = user.password
    return user, "adopted" if adopted else "changed" if changed else "", changed


def _told(did: str, fields: list[str]) -> str:
    if did != "adopted":
        return did
    if "password" in fields:
        return "adopted, with the password of the file: signed out everywhere"
    return "adopted, with the password they have"


def _set_up_admin(person: Person, people: _People) -> list[str]:
    with transaction.atomic(durable=True):
        found = _user(person, people, gains=lambda user: not user.is_superuser, is_staff=True, is_superuser=True)
        if found is None:
            return [f"admin {_LEFT_OUT.format(person.username)}"]
        user, did, fields = found
        if not did:
            return []
        changes.tell_of_user(user, "changed" if did == "adopted" else did, at=board.database_time(), fields=fields)
    return [f"admin {person.username} {_told(did, fields)}"]


def _prunings(tenant: Tenant, plan: PlannedTenant) -> list[Step]:
    names = {person.username.lower() for person, _ in plan.members}
    members = [m for m in tenant.memberships.select_related("user") if m.user.username.lower() not in names]
    reasons = tenant.reasons.exclude(name__in=[reason.name for reason in plan.reasons])
    unnamed = tenant.accounts.exclude(account_id__in=[account.account_id for account in plan.accounts])
    steps: list[Step] = [
        partial(_remove, member, f"{member.user.username} is no longer a member") for member in members
    ]
    steps += [partial(_remove, reason, f"reason {reason.name} removed") for reason in reasons]
    steps += [partial(_remove, account, f"account {account.account_id} removed") for account in unnamed]
    return steps


def _remove(row: Membership | Reason | BandwidthAccount | Line, said: str, writing: _Writing) -> None:
    if not type(row)._default_manager.filter(pk=row.pk).exists():
        return  # somebody else has removed it since
    if isinstance(row, BandwidthAccount) and row.calls.exists():
        writing.say(f"account {row.account_id} kept: calls of it came in a moment ago")
        return
    changes.tell(row, "removed", at=writing.stamp.now)
    row.delete()
    writing.say(said)

"""The people of the tests, and the two tenants they work for."""

from dataclasses import dataclass

from django.db import transaction

from voicedash.bandwidth.fake import Fake
from voicedash.tenants import sealing
from voicedash.tenants.models import BandwidthAccount, Board, Membership, Reason, Role, Tenant, User

PASSWORD = "correct-horse-battery"


@dataclass
class Cast:
    """Ana, Mia and Vic work at Acme, Omar at Globex; Root runs the machine."""

    ana: User
    vic: User
    mia: User
    omar: User
    root: User
    acme: Tenant
    globex: Tenant
    acme_account: BandwidthAccount
    globex_account: BandwidthAccount
    card: Reason
    objects: Reason


def person(username: str, name: str) -> User:
    return User.objects.create_user(username, password=PASSWORD, name=name)


def tenant(slug: str, name: str, **fields: str) -> Tenant:
    made = Tenant.objects.create(slug=slug, name=name, **fields)
    Board.objects.create(tenant=made)
    return made


def account(of: Tenant, account_id: str, *, basic: bool = False, secret: str = "") -> BandwidthAccount:
    """A Bandwidth account with the credentials that `known_to` teaches the stand-in."""
    made = BandwidthAccount.objects.create(
        tenant=of,
        account_id=account_id,
        auth="basic" if basic else "oauth2",
        client_id=f"CLI-{account_id}",
        records="all",
    )
    sealing.seal(made, secret or f"secret-{account_id}")
    made.save(update_fields=["sealed_secret"])
    return made


def known_to(fake: Fake, made: BandwidthAccount) -> None:
    fake.add_account(
        made.account_id,
        client_id=made.client_id,
        secret=f"secret-{made.account_id}",
        username=made.client_id,
        password=f"secret-{made.account_id}",
    )


@transaction.atomic
def assemble() -> Cast:
    acme = tenant("acme", "Acme Support", time_zone="America/New_York")
    globex = tenant("globex", "Globex Care")
    people = {
        "ana": person("ana", "Ana Ruiz"),
        "vic": person("vic", "Vic Moor"),
        "mia": person("mia", "Mia Chen"),
        "omar": person("omar", "Omar Haddad"),
        "root": User.objects.create_superuser("root", password=PASSWORD, name="Root"),
    }
    for username, of, role in [
        ("ana", acme, Role.SUPERVISOR),
        ("vic", acme, Role.VIEWER),
        ("mia", acme, Role.MANAGER),
        ("omar", globex, Role.SUPERVISOR),
    ]:
        Membership.objects.create(tenant=of, user=people[username], role=role)
    return Cast(
        **people,
        acme=acme,
        globex=globex,
        acme_account=account(acme, "9900001"),
        globex_account=account(globex, "9900002"),
        card=Reason.objects.create(tenant=acme, name="Card details", lease=180, default=True),
        objects=Reason.objects.create(tenant=acme, name="Customer objects to recording", lease=None),
    )

"""A tenant admin, Tia of Acme, and a tenant that is not hers: every name and key of Zeta's is unmistakable."""

import re
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from tests import cast as people
from tests.cast import Cast
from voicedash.audit.models import Entry
from voicedash.calls.models import Attempt, Call, Command
from voicedash.live.models import Callbacks, Heard, OddCallback
from voicedash.tenants import board
from voicedash.tenants.models import (
    BandwidthAccount,
    CallbackCredential,
    Line,
    Membership,
    Reason,
    Role,
    SetupLink,
    Tenant,
    User,
)

FIRST = 770001  # the keys of Zeta's rows: found nowhere by chance
# What must stand on no page that Tia gets: names of Zeta, of Globex, and of those who work there.
NAMES = ["zeta", "770001", "zoltan", "gilda", "globex", "omar", "9900002", "9911111"]
_TOKEN = re.compile(r'(?<=name="csrfmiddlewaretoken" value=")\w+')


@dataclass
class Two:
    """Tia administers Acme. Sam works at Acme and at Zeta; Zoltan and Gilda, Zeta's own admin, only there."""

    cast: Cast
    tia: User
    sam: User
    zoltan: User
    gilda: User
    zeta: Tenant
    theirs: dict[type[Model], Model]  # a row of Zeta's of each model
    ours: dict[type[Model], Model]  # and one of Acme's


def person(username: str, name: str, **fields: Any) -> User:
    user = User(username=username, name=name, **fields)
    user.set_password(people.PASSWORD)
    user.save()
    return user


def make(cast: Cast) -> Two:
    tia = person("tia", "Tia Lund", is_staff=True)
    sam = person("sam", "Sam Shared", email="sam@zeta.example")
    Membership.objects.create(tenant=cast.acme, user=tia, role=Role.MANAGER)
    Membership.objects.create(tenant=cast.acme, user=sam, role=Role.VIEWER)
    ours = {
        User: cast.ana,
        Tenant: cast.acme,
        Membership: cast.ana.memberships.get(),
        BandwidthAccount: cast.acme_account,
        Reason: cast.card,
        Line: Line.objects.create(tenant=cast.acme, address="+19195550100", name="Ana Ruiz", team="Sales"),
    }
    ours |= asked(cast.acme_account, "c-acme", by=cast.ana) | called_back(cast.acme)
    zoltan = person("zoltan", "Zoltan Zeta", pk=FIRST)
    gilda = person("gilda", "Gilda Zeta", pk=FIRST + 10, is_staff=True)
    zeta = Tenant.objects.create(pk=FIRST, slug="zeta", name="Zeta Corp")
    with board.writing(zeta.pk):
        pass
    member = Membership.objects.create(pk=FIRST, tenant=zeta, user=zoltan, role=Role.SUPERVISOR)
    Membership.objects.create(pk=FIRST + 10, tenant=zeta, user=gilda, role=Role.MANAGER)
    Membership.objects.create(pk=FIRST + 20, tenant=zeta, user=sam, role=Role.MANAGER)
    account = BandwidthAccount.objects.create(
        pk=FIRST, tenant=zeta, account_id="9911111", name="Zeta line", client_id="CLI-zeta", sealed_secret="zeta-sealed"
    )
    reason = Reason.objects.create(pk=FIRST, tenant=zeta, name="Zeta reason", default=True)
    line = Line.objects.create(pk=FIRST, tenant=zeta, address="+19199911111", name="Zeta desk", team="Zeta team")
    theirs = {User: zoltan, Tenant: zeta, Membership: member, BandwidthAccount: account, Reason: reason, Line: line}
    theirs |= asked(account, "c-zeta", by=zoltan, pk=FIRST) | called_back(zeta, pk=FIRST)
    for row in theirs.values():
        history(row, by=gilda)
        history(row, by=tia)  # of a time when she was there, too
    history(sam, by=gilda)
    return Two(cast, tia, sam, zoltan, gilda, zeta, theirs, ours)


def asked(account: BandwidthAccount, call_id: str, *, by: User, **key: Any) -> dict[type[Model], Model]:
    """A call of the account, with a command and its attempt."""
    now = timezone.now()
    call = Call.objects.create(
        tenant_id=account.tenant_id, account=account, call_id=call_id, added_at=now, added_by=by, **key
    )
    command = Command.objects.create(
        call=call, wanted="paused", state="closed", by=by, asked_at=now, expires_at=now, version=1, **key
    )
    attempt = Attempt.objects.create(command=command, number=1, began_at=now, result="acknowledged", **key)
    return {Call: call, Command: command, Attempt: attempt}


def called_back(tenant: Tenant, **key: Any) -> dict[type[Model], Model]:
    """Credentials of a tenant for its callbacks, when some came, and one that changed nothing."""
    now = timezone.now()
    name = f"voicedash-{tenant.slug}"
    CallbackCredential.objects.create(tenant=tenant, username=name, digest="0" * 64, created_at=now, **key)
    Heard.objects.create(tenant=tenant, kind="initiate", last_at=now, **key)
    odd = OddCallback.objects.create(tenant=tenant, at=now, kind="unheard", why=f"odd at {tenant.slug}", **key)
    return {Callbacks: Callbacks.objects.get(pk=tenant.pk), OddCallback: odd}


def history(row: Model, *, by: User) -> None:
    """An entry of Django admin's own history, which keeps the row's name."""
    LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=str(row),
        action_flag=CHANGE,
        change_message="changed when Zeta was zeta",
    )


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows that admin could change, but for Django's own history of it."""
    models: list[Any] = [
        User, Tenant, Membership, BandwidthAccount, Reason, Line, Call, Command, Attempt, Entry, SetupLink,
        CallbackCredential, Heard, OddCallback,
    ]  # fmt: skip
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def address(model: type[Model], page: str, *keys: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=keys)


def silent(answer: Any, *, said: str = "") -> None:
    """The answer names nothing of the others'. `said`: what the address itself gave away."""
    text = _TOKEN.sub("", answer.content.decode()).lower()  # random letters that may spell any name
    text = text.replace(said.lower(), "") if said else text
    assert [name for name in NAMES if name in text] == [], (answer.wsgi_request.path, answer.status_code)

"""Who there is: users, tenants with their board, members, Bandwidth accounts, reasons for a pause, lines."""

import secrets
import zoneinfo

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class User(AbstractUser):
    """A person who signs in. The name is one field: people write theirs as they like."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(max_length=150, blank=True)
    failed_sign_ins = models.PositiveIntegerField(default=0, editable=False)
    locked_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "user"
        constraints = [
            # Signing in does not tell "Ana" from "ana"; with both, neither could.
            models.UniqueConstraint(
                Lower("username"),
                name="one_user_a_name_in_any_case",
                violation_error_message="There is a user of that name already.",
            )
        ]

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


def check_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError("%(name)s is not a time zone such as America/New_York.", params={"name": name})


def make_callback_key() -> str:
    return secrets.token_urlsafe(16)


class Tenant(models.Model):
    """A customer organisation; everything else belongs to exactly one."""

    slug = models.SlugField(max_length=50, unique=True, help_text="Its part of the address: /t/acme/")
    name = models.CharField(max_length=150)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_time_zone])
    keep_numbers_days = models.PositiveSmallIntegerField(
        default=90,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="Days after a call's end until its phone numbers are erased.",
    )
    keep_calls_days = models.PositiveSmallIntegerField(
        default=400,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="Days after a call's end until it is deleted with all that was asked about it. The log stays.",
    )
    callback_key = models.CharField(
        max_length=43,
        unique=True,
        editable=False,
        default=make_callback_key,
        help_text="In the address of its callbacks. No secret: it is in other people's settings and logs.",
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Board(models.Model):
    """The tenant's change counter and its one lock: see `tenants.board`."""

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True, related_name="board")
    version = models.BigIntegerField(default=0)
    # Rows of this version, or older ones, were deleted: who shows less cannot be told of them and reads the board anew.
    floor = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.tenant} at {self.version}"


class Role(models.TextChoices):
    VIEWER = "viewer", "Viewer"
    AGENT = "agent", "Agent"
    SUPERVISOR = "supervisor", "Supervisor"
    MANAGER = "manager", "Manager"


class Membership(models.Model):
    """A user in a tenant, with a role."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role, default=Role.VIEWER)

    class Meta:
        ordering = ["tenant", "user"]
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="one_membership_a_user_and_tenant")]
        verbose_name = "member"

    def __str__(self) -> str:
        return f"{self.user} · {self.tenant} · {self.get_role_display()}"


class BandwidthAccount(models.Model):
    """An account at Bandwidth and how voicedash signs in to it. The secret is sealed: `tenants.sealing`."""

    class Auth(models.TextChoices):
        OAUTH2 = "oauth2", "OAuth2 client credentials"
        BASIC = "basic", "Username and password (ends on 2 December 2026)"

    class Records(models.TextChoices):
        ALL = "all", "All calls are recorded"
        SOME = "some", "Some calls are recorded"
        UNKNOWN = "unknown", "Not known"

    class Check(models.TextChoices):
        NONE = "", "Not checked yet"
        OK = "ok", "Works"
        CREDENTIALS = "credentials", "Wrong credentials"
        ROLE = "role", "No voice role"
        ACCOUNT = "account", "Not this account id"
        UNREACHABLE = "unreachable", "Not reachable"
        SEALED = "sealed", "Secret cannot be opened"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="accounts")
    name = models.CharField(max_length=100, blank=True, help_text="What people call it; the account id if left empty.")
    account_id = models.CharField(
        "account id",
        max_length=10,
        validators=[RegexValidator(r"^\d{4,10}\Z", "Bandwidth's account ids are 4 to 10 digits.")],
    )
    auth = models.CharField("sign-in", max_length=10, choices=Auth, default=Auth.OAUTH2)
    client_id = models.CharField("client id or username", max_length=200)
    sealed_secret = models.TextField(blank=True, editable=False)
    records = models.CharField(max_length=10, choices=Records, default=Records.UNKNOWN)
    check_result = models.CharField(max_length=20, choices=Check, default=Check.NONE, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "account_id"], name="one_account_an_id_and_tenant")]
        verbose_name = "Bandwidth account"

    def __str__(self) -> str:
        return self.name or self.account_id


class CallbackCredential(models.Model):
    """With what Bandwidth signs in to us. The password is kept nowhere, only its digest: see `tenants.callbacks`."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="callback_credentials")
    username = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["tenant", "id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "username"], name="one_callback_credential_a_username_and_tenant")
        ]

    def __str__(self) -> str:
        return self.username


class Reason(models.Model):
    """Why a recording is paused, and for how long at most. Exactly one of a tenant's may be the usual one."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="reasons")
    name = models.CharField(max_length=60)
    lease = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Seconds until voicedash resumes the recording; empty: only a person does.",
    )
    prolong = models.PositiveSmallIntegerField(
        default=3, help_text="How often the pause may be prolonged by the same time without a note."
    )
    note = models.BooleanField(
        "note wanted", default=False, help_text="The board asks for one; the pause does not wait for it."
    )
    default = models.BooleanField("usual", default=False, help_text="The reason of a press that names none.")

    class Meta:
        ordering = ["tenant", "-default", "id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="one_reason_a_name_and_tenant"),
            models.UniqueConstraint(fields=["tenant"], condition=Q(default=True), name="one_usual_reason_a_tenant"),
        ]

    def __str__(self) -> str:
        return self.name


class Line(models.Model):
    """A number or SIP address of the tenant, in the form that `tenants.addresses` gives it, and the person on it."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="lines")
    address = models.CharField(
        "number or SIP address",
        max_length=200,
        help_text="Such as +1 919 555 0100 or ana@pbx.example. North American numbers may do without +1.",
    )
    name = models.CharField(max_length=100, help_text="Who is on it: what boards show instead of the number.")
    team = models.CharField(max_length=60, blank=True, help_text="Boards are ordered by it.")

    class Meta:
        ordering = ["tenant", "team", "name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "address"],
                name="one_line_an_address_and_tenant",
                violation_error_message="There is a line with this address already.",
            )
        ]
        indexes = [models.Index(fields=["tenant", "team"], name="lines_by_team")]

    def __str__(self) -> str:
        return f"{self.name} · {self.team}" if self.team else self.name


class SetupLink(models.Model):
    """The one link by which the first admin comes in: see `tenants.setup`. The token itself is kept nowhere."""

    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.expires_at}"


class Worker(models.Model):
    """A process that does what is due when no browser is open, and its newest sign of life: see `tenants.workers`."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=100, help_text="Where it runs: its machine and its process.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

"""Incidents and their calls. Django finds them through `calls.models`."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from voicedash.tenants.models import BandwidthAccount, Tenant


class Kind(models.TextChoices):
    """What is wrong, in the words of the list."""

    FAILED = "failed", "Not paused"
    UNCONFIRMED = "unconfirmed", "Not confirmed"
    LATE = "late", "Answered too late"
    OUTLIVED = "outlived", "Not resumed at its end"
    JOINED = "joined", "Joining leg not paused"
    EVIDENCE = "evidence", "Evidence against a pause"
    ACCOUNT = "account", "Account refused"
    UNFED = "unfed", "Calls do not come"
    WORKER = "worker", "No worker"


class How(models.TextChoices):
    """How an incident was closed."""

    ITSELF = "itself", "By itself"
    PERSON = "person", "By a person"


OPEN = Q(closed_at__isnull=True)
# What may still be put right: an open incident whose calls have all ended waits for a person's word alone.
LIVE = Q(closed_at__isnull=True, over_at__isnull=True)


class Incident(models.Model):
    """One cause of trouble, with its calls. Written only under the tenant's lock, by `calls.incidents`."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="incidents")
    kind = models.CharField(max_length=12, choices=Kind)
    cause = models.CharField(max_length=60, help_text="What is live of the same cause is one incident.")
    account = models.ForeignKey(BandwidthAccount, models.SET_NULL, null=True, related_name="+")
    since = models.DateTimeField(help_text="When the trouble began.")
    opened_at = models.DateTimeField()
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    taken_at = models.DateTimeField(null=True)
    over_at = models.DateTimeField(
        null=True, help_text="When its last call had ended that was not put right: only a person closes it then."
    )
    closed_at = models.DateTimeField(null=True)
    how = models.CharField(max_length=8, choices=How, blank=True, default="")
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    done = models.CharField("what was done", max_length=1000, blank=True, default="")
    version = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "cause"], condition=LIVE, name="one_live_incident_a_cause"),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="incidents_of_a_tenant"),
            models.Index(fields=["tenant", "version"], name="incidents_by_version"),
            models.Index(fields=["tenant", "over_at", "since"], condition=OPEN, name="open_incidents"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.since:%Y-%m-%d %H:%M:%S}"


class IncidentCall(models.Model):
    """A call of an incident. It outlives the call, which is deleted after its days."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="items")
    call = models.ForeignKey("calls.Call", models.SET_NULL, null=True, related_name="incident_items")
    known_as = models.CharField("call id", max_length=64)
    why = models.CharField(max_length=20, blank=True, help_text="What came of the pause that failed.")
    since = models.DateTimeField()
    newest_at = models.DateTimeField(help_text="When it went wrong last: only what was done after that puts it right.")
    right_at = models.DateTimeField(null=True, help_text="When it was put right; empty: it is not.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "call"], condition=Q(right_at__isnull=True), name="one_item_a_call_and_incident"
            )
        ]
        indexes = [
            models.Index(fields=["incident"], condition=Q(right_at__isnull=True), name="incident_calls_not_right"),
            models.Index(fields=["known_as"], name="incidents_by_call"),
        ]

    def __str__(self) -> str:
        return f"{self.known_as} of {self.incident}"

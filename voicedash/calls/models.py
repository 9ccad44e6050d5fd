"""Calls as we know them, and what was asked of Bandwidth about their recording."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from voicedash.tenants.models import BandwidthAccount, Reason, Tenant


class Recording(models.TextChoices):
    """What we may claim about the recording of a call (docs/truth.md)."""

    ASSUMED = "assumed", "Recording (assumed)"
    RECORDING = "recording", "Recording"
    PAUSED = "paused", "Paused"
    UNCONFIRMED = "unconfirmed", "Not confirmed: treat as recording"


class Call(models.Model):
    """One Bandwidth call leg. Written only by updates that name their columns, never by `save()` of a stale object."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="calls")
    account = models.ForeignKey(BandwidthAccount, models.CASCADE, related_name="calls")
    call_id = models.CharField("call id", max_length=64)
    parent_call_id = models.CharField(max_length=64, blank=True)
    # Bandwidth's word, unknown ones included; empty: typed in, not seen yet.
    state = models.CharField(max_length=40, blank=True)
    direction = models.CharField(max_length=20, blank=True)
    from_address = models.CharField("from", max_length=300, blank=True)
    to_address = models.CharField("to", max_length=300, blank=True)
    start_time = models.DateTimeField(null=True)
    answer_time = models.DateTimeField(null=True)
    end_time = models.DateTimeField(null=True)
    last_update = models.DateTimeField(null=True, help_text="Bandwidth's own time of what we know.")
    added_at = models.DateTimeField(help_text="When it came onto the board.")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True, help_text="When we learned that it had ended.")

    recording = models.CharField(max_length=12, choices=Recording, default=Recording.ASSUMED)
    recording_since = models.DateTimeField(null=True)
    acknowledged = models.ForeignKey(
        "Command", models.SET_NULL, null=True, related_name="+", help_text="The command whose acknowledgement we show."
    )
    last_pause = models.ForeignKey(
        "Command", models.SET_NULL, null=True, related_name="+", help_text="The newest pause that was claimed."
    )
    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "call_id"], name="one_call_an_id_and_tenant")]
        indexes = [
            models.Index(fields=["tenant", "ended_at"], name="calls_on_a_board"),
            models.Index(fields=["tenant", "version"], name="calls_by_version"),
        ]

    def __str__(self) -> str:
        return self.call_id


class Wanted(models.TextChoices):
    """The two states that Bandwidth's PUT knows."""

    PAUSED = "paused", "Pause"
    RECORDING = "recording", "Resume"


class Outcome(models.TextChoices):
    """What came of a command. The words of a row's `data-outcome`."""

    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    REFUSED = "refused", "Refused"
    UNKNOWN_CALL = "unknown_call", "Bandwidth does not know this call now"
    CREDENTIALS = "credentials", "Credentials refused"
    UNREACHABLE = "unreachable", "Bandwidth not reached"
    UNCONFIRMED = "unconfirmed", "Not confirmed"
    NOT_ASKED = "not_asked", "Not asked"


class Command(models.Model):
    """One wish to pause or resume one call: who, why, when, and what came of it."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        CLAIMED = "claimed", "Claimed"
        CLOSED = "closed", "Closed"

    class Source(models.TextChoices):
        PERSON = "person", "A person"
        SYSTEM = "system", "voicedash, after a late answer"
        REASSERT = "reassert", "voicedash, while a request is in doubt"

    call = models.ForeignKey(Call, models.CASCADE, related_name="commands")
    wanted = models.CharField(max_length=10, choices=Wanted)
    source = models.CharField(max_length=10, choices=Source, default=Source.PERSON)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reason = models.ForeignKey(Reason, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=State)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    asked_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    attempt_at = models.DateTimeField(null=True, help_text="When the running attempt was allowed to begin.")
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    took_ms = models.PositiveIntegerField(null=True, help_text="From the press to the end of the last attempt.")
    version = models.BigIntegerField(help_text="The board's version when it was claimed, or logged as waiting.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["call"], condition=Q(state="claimed"), name="one_claim_a_call"),
            models.UniqueConstraint(fields=["call"], condition=Q(state="waiting"), name="one_waiting_pause_a_call"),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=~Q(state="closed"), name="open_commands_by_expiry")]

    def __str__(self) -> str:
        return f"{self.get_wanted_display()} {self.call}"


class Attempt(models.Model):
    """One HTTP request of a command, or the one that a vanished sender may have made."""

    command = models.ForeignKey(Command, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    began_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField(null=True)
    result = models.CharField(max_length=20)
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status, when there was one.")
    reference = models.CharField(
        max_length=100, blank=True, help_text="Bandwidth's error id, which its support asks for."
    )
    doubt_until = models.DateTimeField(null=True, help_text="Until when it may still take effect without our knowing.")

    class Meta:
        ordering = ["command", "number"]
        indexes = [
            models.Index(fields=["doubt_until"], condition=Q(doubt_until__isnull=False), name="attempts_in_doubt")
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.result}"


class Fetch(models.Model):
    """How the newest *Fetch calls* of an account goes, for everyone who looks at the board."""

    account = models.OneToOneField(BandwidthAccount, models.CASCADE, related_name="fetch")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField()
    heard_at = models.DateTimeField(help_text="Newest sign of life; a fetch that is silent for long has died.")
    finished_at = models.DateTimeField(null=True)
    pages = models.PositiveIntegerField(default=0)
    read = models.PositiveIntegerField(default=0)
    live = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    ended = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True, help_text="In words for a person; empty: none.")

    def __str__(self) -> str:
        return f"Fetch of {self.account}"

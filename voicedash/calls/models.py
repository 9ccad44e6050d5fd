"""Calls as we know them, and what was asked of Bandwidth about their recording."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from voicedash.calls.incidents import models as incidents  # noqa: F401 (Django finds here what it is to know)
from voicedash.tenants.models import BandwidthAccount, Reason, Tenant

NO_PLACE = "03"  # of a call that nothing is known of: before the others that are on no line (`calls.naming`)


class Recording(models.TextChoices):
    """What we may claim about the recording of a call (docs/truth.md)."""

    ASSUMED = "assumed", "Recording (assumed)"
    RECORDING = "recording", "Recording"
    PAUSED = "paused", "Paused"
    UNCONFIRMED = "unconfirmed", "Not confirmed: treat as recording"


class Hidden(models.TextChoices):
    """Why a call left the boards without Bandwidth's word that it is over."""

    UNKNOWN = "unknown", "Bandwidth never knew this id"
    UNHEARD = "unheard", "nothing was heard of this id"
    FORGOTTEN = "forgotten", "over for more than a week"


class Conversation(models.Model):
    """Calls that their `parentCallId` ties together. A call that nothing ties to another has none (`calls.legs`)."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="conversations")
    root = models.CharField(max_length=64, help_text="Id of the call from which all came, whether we know it or not.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "root"], name="one_conversation_a_root_and_tenant"),
        ]

    def __str__(self) -> str:
        return self.root


class Call(models.Model):
    """One Bandwidth call leg. Written only by updates that name their columns, never by `save()` of a stale object."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="calls")
    account = models.ForeignKey(BandwidthAccount, models.CASCADE, related_name="calls")
    call_id = models.CharField("call id", max_length=64)
    parent_call_id = models.CharField(max_length=64, blank=True)
    conversation = models.ForeignKey(Conversation, models.SET_NULL, null=True, related_name="legs")
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
    # The same as `added_at` where it was over before we knew of it: such a call is on no board.
    ended_at = models.DateTimeField(null=True, help_text="When we learned that it had ended, or it was hidden.")
    hidden_why = models.CharField(max_length=10, choices=Hidden, blank=True)
    listed_at = models.DateTimeField(null=True, help_text="When Bandwidth's answer to a GET told of it first.")
    revived_at = models.DateTimeField(
        null=True, help_text="When Bandwidth obeyed for it after it had told that it was over."
    )

    recording = models.CharField(max_length=12, choices=Recording, default=Recording.ASSUMED)
    recording_since = models.DateTimeField(null=True)
    acknowledged = models.ForeignKey(
        "Command", models.SET_NULL, null=True, related_name="+", help_text="The command whose acknowledgement we show."
    )
    last_pause = models.ForeignKey(
        "Command", models.SET_NULL, null=True, related_name="+", help_text="The newest pause that was claimed."
    )
    asserted_at = models.DateTimeField(
        null=True, help_text="When the newest attempt began that Bandwidth acknowledged for the state we show."
    )
    contradicted_at = models.DateTimeField(
        null=True, help_text="When evidence spoke against the pause we showed, until it is asked for again."
    )
    contradicted_by = models.CharField(
        max_length=64, blank=True, default="", help_text="Id of the recording that spoke against a pause last."
    )
    pause_due_at = models.DateTimeField(
        null=True, help_text="Since when voicedash is to pause it by itself, as its conversation is."
    )
    not_known = models.BooleanField(
        default=False, help_text="Bandwidth answered a person's newest pause that it does not know this call."
    )
    numbers_erased_at = models.DateTimeField(null=True, help_text="When both numbers had been kept for their days.")
    # The lease of the pause that it shows, or that may have been done: written by `calls.ends` alone.
    lease_from = models.DateTimeField(null=True, help_text="When the pause began that it is for; empty: there is none.")
    lease_ends_at = models.DateTimeField(
        "ends", null=True, help_text="When voicedash resumes; empty: only a person does."
    )
    lease_due_at = models.DateTimeField(null=True, help_text="When the timer asks next: its end, or later after a try.")
    lease_seconds = models.PositiveIntegerField(null=True, help_text="How long it is kept when it is prolonged.")
    lease_limit = models.PositiveSmallIntegerField(default=0, help_text="How often it is prolonged without a note.")
    lease_prolonged = models.PositiveSmallIntegerField(default=0, help_text="How often it was.")
    lease_reason = models.CharField(
        max_length=60, blank=True, default="", help_text="Its reason, as it was called then."
    )
    version = models.BigIntegerField(default=0)

    # What the tenant's lines say of both sides, written by `calls.naming` alone, and the place in the list that follows
    # from it: a list of ten thousand is read by it a page at a time.
    person = models.CharField(max_length=100, blank=True, default="")
    team = models.CharField(max_length=60, blank=True, default="")
    other_person = models.CharField(max_length=100, blank=True, default="")
    names = models.CharField(max_length=300, blank=True, default="", help_text="All of them, as they are searched.")
    place = models.CharField(max_length=200, default=NO_PLACE, help_text="By team, person and start.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "call_id"], name="one_call_an_id_and_tenant")]
        indexes = [
            models.Index(fields=["tenant", "ended_at"], name="calls_on_a_board"),
            models.Index(fields=["tenant", "version"], name="calls_by_version"),
            models.Index(
                fields=["contradicted_at"], condition=Q(contradicted_at__isnull=False), name="calls_contradicted"
            ),
            models.Index(fields=["pause_due_at"], condition=Q(pause_due_at__isnull=False), name="calls_to_be_paused"),
            models.Index(
                fields=["lease_due_at"],
                condition=Q(ended_at__isnull=True, lease_due_at__isnull=False),
                name="leases_by_end",
            ),
            models.Index(
                fields=["tenant", "conversation"],
                condition=Q(ended_at__isnull=True, conversation__isnull=False),
                name="live_legs",
            ),
            models.Index(
                fields=["tenant", "ended_at"],
                condition=Q(ended_at__isnull=False, numbers_erased_at__isnull=True),
                name="ended_calls_with_numbers",
            ),
            # Along it a board counts, however many calls a tenant has had, and along the next it reads a page.
            models.Index(fields=["tenant", "id", "recording"], condition=Q(ended_at__isnull=True), name="live_calls"),
            models.Index(
                fields=["tenant", "place", "id"], condition=Q(ended_at__isnull=True), name="live_calls_in_order"
            ),
            models.Index(
                fields=["recording", "recording_since"], condition=Q(ended_at__isnull=True), name="live_calls_by_state"
            ),
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
        SYSTEM = "system", "voicedash, to put right what may be undone"
        REASSERT = "reassert", "voicedash, while a request is in doubt"
        TIMER = "timer", "voicedash, as the pause has ended"

    call = models.ForeignKey(Call, models.CASCADE, related_name="commands")
    wanted = models.CharField(max_length=10, choices=Wanted)
    source = models.CharField(max_length=10, choices=Source, default=Source.PERSON)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        help_text="Whom this pause was handed over to; empty: nobody.",
    )
    reason = models.ForeignKey(Reason, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    # What the reason said when it was claimed: it may be changed or deleted while the pause lasts.
    reason_name = models.CharField(max_length=60, blank=True, default="")
    lease = models.PositiveIntegerField(
        null=True, help_text="Seconds until the pause ends; empty: only a person ends it."
    )
    prolong = models.PositiveSmallIntegerField(default=0, help_text="How often it may be prolonged without a note.")
    note_wanted = models.BooleanField(default=False, help_text="Its reason asks for a note, and there is none yet.")
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
        indexes = [
            models.Index(fields=["expires_at"], condition=~Q(state="closed"), name="open_commands_by_expiry"),
            # For the deletion of a user; hardly any pause is handed over.
            models.Index(fields=["held_by"], condition=Q(held_by__isnull=False), name="pauses_handed_over"),
        ]

    def __str__(self) -> str:
        return f"{self.get_wanted_display()} {self.call}"

    @property
    def holder_id(self) -> int | None:
        """Whose it is now: whoever it was handed over to, else whoever asked for it."""
        return self.held_by_id or self.by_id


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


class Sync(models.Model):
    """How voicedash follows the calls of an account by itself: see `worker.sync`.

    What boards show of it, `trouble`, is written under the tenant's lock, the rest is not: no version tells of it.
    Times are the database's, of `since`, `newest_start`, `back_from`, `back_to` and `back_at` Bandwidth's.
    """

    account = models.OneToOneField(BandwidthAccount, models.CASCADE, related_name="sync")
    heard_at = models.DateTimeField("last heard", null=True, help_text="When its list was read to the end last.")
    trouble = models.CharField(max_length=300, blank=True, help_text="What boards say is wrong; empty: nothing.")
    why = models.CharField("why not", max_length=300, blank=True, help_text="Why the newest try failed, in words.")
    failures = models.PositiveIntegerField(default=0, help_text="Tries that failed, one after the other.")
    since = models.DateTimeField(null=True, help_text="Since when it is followed without a gap.")
    newest_start = models.DateTimeField(null=True, help_text="The newest start of a call that was listed.")
    deep_at = models.DateTimeField(null=True, help_text="When calls with late news were looked for last.")
    few = models.BooleanField(default=False, help_text="So few calls begin here that each look may go back far.")
    back_from = models.DateTimeField(null=True, help_text="From here …")
    back_to = models.DateTimeField(null=True, help_text="… to here the past is still to be listed, the newest first.")
    back_at = models.DateTimeField(
        null=True, help_text="Where in the piece of it that ends there it goes on; empty: at its beginning."
    )
    looked_to = models.BigIntegerField(default=0, help_text="The call that was asked about last by itself.")
    appeared = models.JSONField(default=list, help_text="Of the newest calls the seconds from their start until known.")

    class Meta:
        verbose_name = "sync"
        verbose_name_plural = "syncs"

    def __str__(self) -> str:
        return f"Sync of {self.account}"


class Bulk(models.Model):
    """One press on everyone at once: pause all, or resume all, of what a filter showed (`calls.bulk`)."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="bulks")
    wanted = models.CharField(max_length=10, choices=Wanted)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reason = models.ForeignKey(Reason, models.SET_NULL, null=True, related_name="+")
    # What the reason said when it was pressed, as on a command.
    reason_name = models.CharField(max_length=60, blank=True, default="")
    lease = models.PositiveIntegerField(null=True)
    prolong = models.PositiveSmallIntegerField(default=0)
    note_wanted = models.BooleanField(default=False)
    team = models.CharField(max_length=60, blank=True, help_text="Whose calls; empty: the whole floor.")
    seen = models.BigIntegerField(help_text="The board's version that it was pressed on: no newer pause is resumed.")
    of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="repeats")
    listed = models.JSONField(default=list, help_text="Keys of calls that are still to be made items of.")
    asked_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True, help_text="When it was stored: one that never was is shown nowhere.")
    holder = models.UUIDField(null=True, help_text="Who works it: nobody else claims for it.")
    heard_at = models.DateTimeField(null=True, help_text="The holder's newest sign of life.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["heard_at"], condition=Q(finished_at__isnull=True), name="bulks_at_work"),
            models.Index(fields=["tenant", "-id"], name="bulks_of_a_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.get_wanted_display()} all, {self.asked_at:%Y-%m-%d %H:%M:%S}"


class BulkItem(models.Model):
    """One call of a bulk. What came of it is its command's outcome; `outcome` where there was nothing to command."""

    bulk = models.ForeignKey(Bulk, models.CASCADE, related_name="items")
    call = models.ForeignKey(Call, models.CASCADE, related_name="+")
    command = models.ForeignKey(Command, models.SET_NULL, null=True, related_name="items")
    outcome = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bulk", "call"], name="one_item_a_call_and_bulk")]

    def __str__(self) -> str:
        return f"{self.call} in {self.bulk}"

"""The log as it is kept: entries in chains, and each chain's head."""

from django.db import models


class Head(models.Model):
    """The newest entry of a chain: a log that was cut off no longer ends where its head says."""

    chain = models.CharField(max_length=60, primary_key=True)
    seq = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="0" * 64)

    def __str__(self) -> str:
        return f"{self.chain} at {self.seq}"


class Entry(models.Model):
    """One thing that happened. Never changed, never erased: so it holds keys and call ids, no names, no numbers."""

    chain = models.CharField(max_length=60)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    verb = models.CharField(max_length=60)
    actor = models.BigIntegerField(null=True, help_text="Key of the user; empty: the system.")
    call_id = models.CharField("call", max_length=100, blank=True)
    data = models.JSONField(default=dict)
    key = models.CharField(max_length=8, help_text="Which key signed it.")
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "entries"
        constraints = [models.UniqueConstraint(fields=["chain", "seq"], name="one_entry_a_place_in_the_chain")]

    def __str__(self) -> str:
        return f"{self.chain} {self.seq}: {self.verb}"

"""Duties: what one worker at a time does for all tenants."""

from django.db import models


class Duty(models.Model):
    """A piece of work that comes again and again, and who is at it: see `worker.duties`. Times are the database's."""

    name = models.CharField(max_length=40, primary_key=True)
    due_at = models.DateTimeField()
    holder = models.UUIDField(null=True, help_text="The worker that took it last.")
    lease_until = models.DateTimeField(null=True, help_text="Until when nobody else takes it; empty: it is free.")
    fence = models.BigIntegerField(default=0, help_text="Counts its holders: who has an older number writes nothing.")

    class Meta:
        verbose_name_plural = "duties"

    def __str__(self) -> str:
        return self.name

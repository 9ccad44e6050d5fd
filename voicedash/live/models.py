"""What is kept of callbacks beside what they changed: when which kind came last, and those that changed nothing."""

from django.db import models

from voicedash.tenants.models import Tenant


class Callbacks(Tenant):
    """A tenant's page about its callbacks in Django admin."""

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "set up and credentials"


class Heard(models.Model):
    """When callbacks of a kind came last, a few seconds late. Of no board: written without the tenant's lock."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="callbacks_heard")
    kind = models.CharField(max_length=40)  # an eventType that we know, or one of `heard`'s own words
    last_at = models.DateTimeField()
    count = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["tenant", "-last_at"]
        verbose_name = "kind of callback"
        verbose_name_plural = "kinds of callbacks"
        constraints = [models.UniqueConstraint(fields=["tenant", "kind"], name="one_row_a_kind_and_tenant")]

    def __str__(self) -> str:
        return self.kind


class OddCallback(models.Model):
    """A callback that changed nothing, and why: the newest of a tenant, without numbers, addresses and names."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="odd_callbacks")
    at = models.DateTimeField()
    kind = models.CharField("event type", max_length=40, blank=True)
    why = models.CharField(max_length=200)
    call_id = models.CharField(max_length=64, blank=True)
    text = models.TextField("what it held", blank=True, help_text="… stands for what is not kept.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "callback that changed nothing"
        verbose_name_plural = "callbacks that changed nothing"
        indexes = [models.Index(fields=["tenant", "id"], name="odd_callbacks_of_a_tenant")]

    def __str__(self) -> str:
        return f"{self.kind or 'callback'}: {self.why}"

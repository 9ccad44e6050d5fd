"""What voicedash needs to ask again by itself, and to erase numbers."""

from django.db import migrations, models
from django.db.models import OuterRef, Q, Subquery


def take_from_commands(apps, editor):
    """What is shown as acknowledged was so by a request that began then: of the others no doubt can be dealt with."""
    calls, commands = apps.get_model("calls", "Call"), apps.get_model("calls", "Command")
    began = commands.objects.filter(pk=OuterRef("acknowledged")).values("attempt_at")[:1]
    live = calls.objects.filter(ended_at=None, recording__in=("paused", "recording"), acknowledged__isnull=False)
    live.update(asserted_at=Subquery(began))


class Migration(migrations.Migration):
    dependencies = [("calls", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="asserted_at",
            field=models.DateTimeField(
                help_text="When the newest attempt began that Bandwidth acknowledged for the state we show.", null=True
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="contradicted_at",
            field=models.DateTimeField(
                help_text="When evidence spoke against the pause we showed, until it is asked for again.", null=True
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="numbers_erased_at",
            field=models.DateTimeField(help_text="When both numbers had been kept for their days.", null=True),
        ),
        migrations.AlterField(
            model_name="command",
            name="source",
            field=models.CharField(
                choices=[
                    ("person", "A person"),
                    ("system", "voicedash, to put right what may be undone"),
                    ("reassert", "voicedash, while a request is in doubt"),
                ],
                default="person",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=Q(contradicted_at__isnull=False), fields=["contradicted_at"], name="calls_contradicted"
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=Q(ended_at__isnull=False, numbers_erased_at__isnull=True),
                fields=["tenant", "ended_at"],
                name="ended_calls_with_numbers",
            ),
        ),
        migrations.RunPython(take_from_commands, migrations.RunPython.noop),
    ]

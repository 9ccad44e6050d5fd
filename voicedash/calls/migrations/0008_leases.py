"""When a pause ends by itself: its lease on the call, and what its reason said on the command."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("calls", "0007_conversations"),
        ("tenants", "0008_lines"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="call",
            name="lease_due_at",
            field=models.DateTimeField(help_text="When the timer asks next: its end, or later after a try.", null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="lease_ends_at",
            field=models.DateTimeField(
                help_text="When voicedash resumes; empty: only a person does.", null=True, verbose_name="ends"
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="lease_from",
            field=models.DateTimeField(
                help_text="When the pause began that it is for; empty: there is none.", null=True
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="lease_limit",
            field=models.PositiveSmallIntegerField(default=0, help_text="How often it is prolonged without a note."),
        ),
        migrations.AddField(
            model_name="call",
            name="lease_prolonged",
            field=models.PositiveSmallIntegerField(default=0, help_text="How often it was."),
        ),
        migrations.AddField(
            model_name="call",
            name="lease_reason",
            field=models.CharField(
                blank=True, default="", help_text="Its reason, as it was called then.", max_length=60
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="lease_seconds",
            field=models.PositiveIntegerField(help_text="How long it is kept when it is prolonged.", null=True),
        ),
        migrations.AddField(
            model_name="command",
            name="lease",
            field=models.PositiveIntegerField(
                help_text="Seconds until the pause ends; empty: only a person ends it.", null=True
            ),
        ),
        migrations.AddField(
            model_name="command",
            name="note_wanted",
            field=models.BooleanField(default=False, help_text="Its reason asks for a note, and there is none yet."),
        ),
        migrations.AddField(
            model_name="command",
            name="prolong",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="How often it may be prolonged without a note."
            ),
        ),
        migrations.AddField(
            model_name="command",
            name="reason_name",
            field=models.CharField(blank=True, default="", max_length=60),
        ),
        migrations.AlterField(
            model_name="command",
            name="source",
            field=models.CharField(
                choices=[
                    ("person", "A person"),
                    ("system", "voicedash, to put right what may be undone"),
                    ("reassert", "voicedash, while a request is in doubt"),
                    ("timer", "voicedash, as the pause has ended"),
                ],
                default="person",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True), ("lease_due_at__isnull", False)),
                fields=["lease_due_at"],
                name="leases_by_end",
            ),
        ),
    ]

"""What following the calls of an account by itself needs to remember."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F


def take_from_states(apps, editor):
    """Until now only a listing told of a state."""
    apps.get_model("calls", "Call").objects.exclude(state="").update(listed_at=F("added_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("calls", "0003_live_calls"),
        ("tenants", "0006_keep_calls_days"),
    ]

    operations = [
        migrations.AddField(
            model_name="call",
            name="hidden_why",
            field=models.CharField(
                blank=True,
                choices=[
                    ("unknown", "Bandwidth never knew this id"),
                    ("unheard", "nothing was heard of this id"),
                    ("forgotten", "over for more than a week"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="listed_at",
            field=models.DateTimeField(help_text="When Bandwidth's answer to a GET told of it first.", null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="revived_at",
            field=models.DateTimeField(
                help_text="When Bandwidth obeyed for it after it had told that it was over.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="ended_at",
            field=models.DateTimeField(help_text="When we learned that it had ended, or it was hidden.", null=True),
        ),
        migrations.CreateModel(
            name="Sync",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "heard_at",
                    models.DateTimeField(
                        help_text="When its list was read to the end last.", null=True, verbose_name="last heard"
                    ),
                ),
                (
                    "trouble",
                    models.CharField(blank=True, help_text="What boards say is wrong; empty: nothing.", max_length=300),
                ),
                (
                    "why",
                    models.CharField(
                        blank=True,
                        help_text="Why the newest try failed, in words.",
                        max_length=300,
                        verbose_name="why not",
                    ),
                ),
                (
                    "failures",
                    models.PositiveIntegerField(default=0, help_text="Tries that failed, one after the other."),
                ),
                ("since", models.DateTimeField(help_text="Since when it is followed without a gap.", null=True)),
                (
                    "newest_start",
                    models.DateTimeField(help_text="The newest start of a call that was listed.", null=True),
                ),
                (
                    "deep_at",
                    models.DateTimeField(help_text="When calls with late news were looked for last.", null=True),
                ),
                (
                    "few",
                    models.BooleanField(
                        default=False, help_text="So few calls begin here that each look may go back far."
                    ),
                ),
                ("back_from", models.DateTimeField(help_text="From here …", null=True)),
                (
                    "back_to",
                    models.DateTimeField(
                        help_text="… to here the past is still to be listed, the newest first.", null=True
                    ),
                ),
                (
                    "looked_to",
                    models.BigIntegerField(default=0, help_text="The call that was asked about last by itself."),
                ),
                (
                    "appeared",
                    models.JSONField(
                        default=list, help_text="Of the newest calls the seconds from their start until known."
                    ),
                ),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sync", to="tenants.bandwidthaccount"
                    ),
                ),
            ],
            options={
                "verbose_name": "sync",
                "verbose_name_plural": "syncs",
            },
        ),
        migrations.RunPython(take_from_states, migrations.RunPython.noop),
    ]

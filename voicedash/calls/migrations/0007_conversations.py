"""Legs of one conversation, and what is to be paused as its conversation is."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("calls", "0006_names"),
        ("tenants", "0007_callbacks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="call",
            name="not_known",
            field=models.BooleanField(
                default=False, help_text="Bandwidth answered a person's newest pause that it does not know this call."
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="pause_due_at",
            field=models.DateTimeField(
                help_text="Since when voicedash is to pause it by itself, as its conversation is.", null=True
            ),
        ),
        migrations.CreateModel(
            name="Conversation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "root",
                    models.CharField(
                        help_text="Id of the call from which all came, whether we know it or not.", max_length=64
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="conversations", to="tenants.tenant"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="call",
            name="conversation",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="legs", to="calls.conversation"
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("pause_due_at__isnull", False)), fields=["pause_due_at"], name="calls_to_be_paused"
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("conversation__isnull", False), ("ended_at__isnull", True)),
                fields=["tenant", "conversation"],
                name="live_legs",
            ),
        ),
        migrations.AddConstraint(
            model_name="conversation",
            constraint=models.UniqueConstraint(fields=("tenant", "root"), name="one_conversation_a_root_and_tenant"),
        ),
    ]

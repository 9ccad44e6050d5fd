"""Says of reasons what their columns do, now that pauses end by themselves."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0008_lines"),
    ]

    operations = [
        migrations.AlterField(
            model_name="reason",
            name="lease",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Seconds until voicedash resumes the recording; empty: only a person does.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AlterField(
            model_name="reason",
            name="note",
            field=models.BooleanField(
                default=False,
                help_text="The board asks for one; the pause does not wait for it.",
                verbose_name="note wanted",
            ),
        ),
        migrations.AlterField(
            model_name="reason",
            name="prolong",
            field=models.PositiveSmallIntegerField(
                default=3, help_text="How often the pause may be prolonged by the same time without a note."
            ),
        ),
    ]

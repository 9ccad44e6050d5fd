"""The duties of workers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Duty",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField()),
                ("holder", models.UUIDField(help_text="The worker that took it last.", null=True)),
                (
                    "lease_until",
                    models.DateTimeField(help_text="Until when nobody else takes it; empty: it is free.", null=True),
                ),
                (
                    "fence",
                    models.BigIntegerField(
                        default=0, help_text="Counts its holders: who has an older number writes nothing."
                    ),
                ),
            ],
            options={"verbose_name_plural": "duties"},
        ),
    ]

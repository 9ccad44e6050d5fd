"""The heartbeats of the processes that do what is due."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_setup_link")]

    operations = [
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("name", models.CharField(help_text="Where it runs: its machine and its process.", max_length=100)),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
            ],
        ),
    ]

"""An index along which a board reads a page of live calls and counts them, however many calls a tenant has had."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0002_asked_again"), ("tenants", "0004_worker")]

    operations = [
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)),
                fields=["tenant", "id", "recording"],
                name="live_calls",
            ),
        ),
    ]

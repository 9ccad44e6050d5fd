"""Forgets times that no call can have, which could not be drawn; and how far a piece of the past was listed."""

from datetime import UTC, datetime

from django.db import migrations, models
from django.db.models import Q

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # as bandwidth/listing.py has them


def forget_impossible(apps, editor):
    calls = apps.get_model("calls", "Call").objects.using(editor.connection.alias)
    for name in ("start_time", "answer_time", "end_time", "last_update"):
        calls.filter(Q(**{f"{name}__lt": FIRST}) | Q(**{f"{name}__gte": LAST})).update(**{name: None})


class Migration(migrations.Migration):
    dependencies = [("calls", "0008_leases")]

    operations = [
        migrations.RunPython(forget_impossible, migrations.RunPython.noop),
        migrations.AddField(
            model_name="sync",
            name="back_at",
            field=models.DateTimeField(
                help_text="Where in the piece of it that ends there it goes on; empty: at its beginning.", null=True
            ),
        ),
    ]

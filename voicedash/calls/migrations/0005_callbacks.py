"""Which recording spoke against a pause, as the same callback may come twice."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0004_sync")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="contradicted_by",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Id of the recording that spoke against a pause last.",
                max_length=64,
            ),
        ),
    ]

"""For how long a tenant keeps its calls."""

import django.core.validators
from django.db import migrations, models

_DAYS = [django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3650)]


class Migration(migrations.Migration):
    dependencies = [("tenants", "0005_board_floor")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="keep_calls_days",
            field=models.PositiveSmallIntegerField(
                default=400,
                validators=_DAYS,
                help_text="Days after a call's end until it is deleted with all that was asked about it. The log stays.",
            ),
        ),
        migrations.AlterField(
            model_name="tenant",
            name="keep_numbers_days",
            field=models.PositiveSmallIntegerField(
                default=90,
                validators=_DAYS,
                help_text="Days after a call's end until its phone numbers are erased.",
            ),
        ),
    ]

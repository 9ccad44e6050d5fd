"""Whose a pause is, once it was handed over."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0011_incidents'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='command',
            name='held_by',
            field=models.ForeignKey(db_index=False, help_text='Whom this pause was handed over to; empty: nobody.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='command',
            index=models.Index(condition=models.Q(('held_by__isnull', False)), fields=['held_by'], name='pauses_handed_over'),
        ),
    ]

"""Entries are found by time, person, call, kind, reason, outcome, command and, of users, whom they are about."""

import voicedash.audit.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_append_only'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(models.F('chain'), models.F('at'), models.F('id'), name='entries_by_time'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(models.F('chain'), voicedash.audit.models.Actor('actor'), models.F('at'), models.F('id'), name='entries_by_actor'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(models.F('chain'), models.F('call_id'), models.F('at'), models.F('id'), name='entries_by_call'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(models.F('chain'), voicedash.audit.models.Kind('verb'), models.F('at'), models.F('id'), name='entries_by_kind'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(models.F('chain'), voicedash.audit.models.Told('data', 'reason'), models.F('at'), models.F('id'), name='entries_by_reason'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(models.F('chain'), voicedash.audit.models.Told('data', 'outcome'), models.F('at'), models.F('id'), name='entries_by_outcome'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(models.F('chain'), voicedash.audit.models.Told('data', 'command'), models.F('at'), models.F('id'), name='entries_by_command'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(models.F('chain'), voicedash.audit.models.Subject(), models.F('at'), models.F('id'), name='entries_by_subject'),
        ),
    ]

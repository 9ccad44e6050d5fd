"""Presses on everyone at once, and the calls of each."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0009_told_times'),
        ('tenants', '0009_reasons'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Bulk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wanted', models.CharField(choices=[('paused', 'Pause'), ('recording', 'Resume')], max_length=10)),
                ('reason_name', models.CharField(blank=True, default='', max_length=60)),
                ('lease', models.PositiveIntegerField(null=True)),
                ('prolong', models.PositiveSmallIntegerField(default=0)),
                ('note_wanted', models.BooleanField(default=False)),
                ('team', models.CharField(blank=True, help_text='Whose calls; empty: the whole floor.', max_length=60)),
                ('seen', models.BigIntegerField(help_text="The board's version that it was pressed on: no newer pause is resumed.")),
                ('asked_at', models.DateTimeField()),
                ('begun_at', models.DateTimeField(help_text='When its list was whole: nothing is asked before.', null=True)),
                ('holder', models.UUIDField(help_text='Who works it: nobody else claims for it.', null=True)),
                ('heard_at', models.DateTimeField(help_text="The holder's newest sign of life.", null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('of', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='repeats', to='calls.bulk')),
                ('reason', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tenants.reason')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bulks', to='tenants.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='BulkItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('outcome', models.CharField(blank=True, max_length=20)),
                ('bulk', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='calls.bulk')),
                ('call', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='calls.call')),
                ('command', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='items', to='calls.command')),
            ],
        ),
        migrations.AddIndex(
            model_name='bulk',
            index=models.Index(condition=models.Q(('finished_at__isnull', True)), fields=['heard_at'], name='bulks_at_work'),
        ),
        migrations.AddIndex(
            model_name='bulk',
            index=models.Index(fields=['tenant', '-id'], name='bulks_of_a_tenant'),
        ),
        migrations.AddConstraint(
            model_name='bulkitem',
            constraint=models.UniqueConstraint(fields=('bulk', 'call'), name='one_item_a_call_and_bulk'),
        ),
    ]

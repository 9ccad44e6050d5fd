"""Incidents and their calls, and the calls that nothing confirms found by since when."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0010_bulks'),
        ('tenants', '0009_reasons'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('failed', 'Not paused'), ('unconfirmed', 'Not confirmed'), ('late', 'Answered too late'), ('outlived', 'Not resumed at its end'), ('joined', 'Joining leg not paused'), ('evidence', 'Evidence against a pause'), ('account', 'Account refused'), ('unfed', 'Calls do not come'), ('worker', 'No worker')], max_length=12)),
                ('cause', models.CharField(help_text='What is live of the same cause is one incident.', max_length=60)),
                ('since', models.DateTimeField(help_text='When the trouble began.')),
                ('opened_at', models.DateTimeField()),
                ('taken_at', models.DateTimeField(null=True)),
                ('over_at', models.DateTimeField(help_text='When its last call had ended that was not put right: only a person closes it then.', null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('how', models.CharField(blank=True, choices=[('itself', 'By itself'), ('person', 'By a person')], default='', max_length=8)),
                ('done', models.CharField(blank=True, default='', max_length=1000, verbose_name='what was done')),
                ('version', models.BigIntegerField(default=0)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='IncidentCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('known_as', models.CharField(max_length=64, verbose_name='call id')),
                ('why', models.CharField(blank=True, help_text='What came of the pause that failed.', max_length=20)),
                ('since', models.DateTimeField()),
                ('newest_at', models.DateTimeField(help_text='When it went wrong last: only what was done after that puts it right.')),
                ('right_at', models.DateTimeField(help_text='When it was put right; empty: it is not.', null=True)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddIndex(
            model_name='call',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['recording', 'recording_since'], name='live_calls_by_state'),
        ),
        migrations.AddField(
            model_name='incident',
            name='account',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tenants.bandwidthaccount'),
        ),
        migrations.AddField(
            model_name='incident',
            name='closed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='incident',
            name='taken_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='incident',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='incidents', to='tenants.tenant'),
        ),
        migrations.AddField(
            model_name='incidentcall',
            name='call',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='incident_items', to='calls.call'),
        ),
        migrations.AddField(
            model_name='incidentcall',
            name='incident',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='calls.incident'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['tenant', '-id'], name='incidents_of_a_tenant'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['tenant', 'version'], name='incidents_by_version'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['tenant', 'over_at', 'since'], name='open_incidents'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True), ('over_at__isnull', True)), fields=('tenant', 'cause'), name='one_live_incident_a_cause'),
        ),
        migrations.AddIndex(
            model_name='incidentcall',
            index=models.Index(condition=models.Q(('right_at__isnull', True)), fields=['incident'], name='incident_calls_not_right'),
        ),
        migrations.AddIndex(
            model_name='incidentcall',
            index=models.Index(fields=['known_as'], name='incidents_by_call'),
        ),
        migrations.AddConstraint(
            model_name='incidentcall',
            constraint=models.UniqueConstraint(condition=models.Q(('right_at__isnull', True)), fields=('incident', 'call'), name='one_item_a_call_and_incident'),
        ),
    ]

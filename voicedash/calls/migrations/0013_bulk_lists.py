"""The list of a press on everyone is stored with it: one whose writer dies goes on."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0012_handed_over'),
    ]

    operations = [
        migrations.AddField(
            model_name='bulk',
            name='listed',
            field=models.JSONField(default=list, help_text='Keys of calls that are still to be made items of.'),
        ),
        migrations.AlterField(
            model_name='bulk',
            name='begun_at',
            field=models.DateTimeField(help_text='When it was stored: one that never was is shown nowhere.', null=True),
        ),
    ]

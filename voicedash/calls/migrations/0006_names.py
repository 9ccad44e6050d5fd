"""Who is on a call, by the tenant's lines, and its place in the list: by team, person and start."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0005_callbacks"), ("tenants", "0008_lines")]

    operations = [
        migrations.AddField(
            model_name="call", name="person", field=models.CharField(blank=True, default="", max_length=100)
        ),
        migrations.AddField(
            model_name="call", name="team", field=models.CharField(blank=True, default="", max_length=60)
        ),
        migrations.AddField(
            model_name="call", name="other_person", field=models.CharField(blank=True, default="", max_length=100)
        ),
        migrations.AddField(
            model_name="call",
            name="names",
            field=models.CharField(
                blank=True, default="", help_text="All of them, as they are searched.", max_length=300
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="place",
            field=models.CharField(default="03", help_text="By team, person and start.", max_length=200),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)),
                fields=["tenant", "place", "id"],
                name="live_calls_in_order",
            ),
        ),
    ]

"""What is kept of callbacks beside what they changed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [("tenants", "0007_callbacks")]

    operations = [
        migrations.CreateModel(
            name="Callbacks",
            fields=[],
            options={
                "verbose_name": "set up and credentials",
                "verbose_name_plural": "set up and credentials",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("tenants.tenant",),
        ),
        migrations.CreateModel(
            name="Heard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40)),
                ("last_at", models.DateTimeField()),
                ("count", models.BigIntegerField(default=0)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="callbacks_heard",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "kind of callback",
                "verbose_name_plural": "kinds of callbacks",
                "ordering": ["tenant", "-last_at"],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "kind"), name="one_row_a_kind_and_tenant")
                ],
            },
        ),
        migrations.CreateModel(
            name="OddCallback",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("kind", models.CharField(blank=True, max_length=40, verbose_name="event type")),
                ("why", models.CharField(max_length=200)),
                ("call_id", models.CharField(blank=True, max_length=64)),
                (
                    "text",
                    models.TextField(
                        blank=True, help_text="… stands for what is not kept.", verbose_name="what it held"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="odd_callbacks", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "callback that changed nothing",
                "verbose_name_plural": "callbacks that changed nothing",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["tenant", "id"], name="odd_callbacks_of_a_tenant")],
            },
        ),
    ]

"""Whose a number or SIP address of a tenant is."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0007_callbacks")]

    operations = [
        migrations.CreateModel(
            name="Line",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "address",
                    models.CharField(
                        help_text="Such as +1 919 555 0100 or ana@pbx.example. North American numbers may do without +1.",
                        max_length=200,
                        verbose_name="number or SIP address",
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="Who is on it: what boards show instead of the number.", max_length=100
                    ),
                ),
                ("team", models.CharField(blank=True, help_text="Boards are ordered by it.", max_length=60)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["tenant", "team", "name", "id"],
                "indexes": [models.Index(fields=["tenant", "team"], name="lines_by_team")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "address"),
                        name="one_line_an_address_and_tenant",
                        violation_error_message="There is a line with this address already.",
                    )
                ],
            },
        )
    ]

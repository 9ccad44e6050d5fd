"""Where a tenant's callbacks come to, and with what Bandwidth signs in there."""

import secrets

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import voicedash.tenants.models


def give_keys(apps, editor):
    tenants = apps.get_model("tenants", "Tenant").objects
    for pk in tenants.filter(callback_key=None).values_list("pk", flat=True):
        tenants.filter(pk=pk).update(callback_key=secrets.token_urlsafe(16))


def _key(**more):
    return models.CharField(
        max_length=43,
        unique=True,
        editable=False,
        help_text="In the address of its callbacks. No secret: it is in other people's settings and logs.",
        **more,
    )


class Migration(migrations.Migration):
    dependencies = [("tenants", "0006_keep_calls_days")]

    operations = [
        migrations.CreateModel(
            name="CallbackCredential",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("username", models.CharField(max_length=40)),
                ("digest", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="callback_credentials",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["tenant", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "username"), name="one_callback_credential_a_username_and_tenant"
                    )
                ],
            },
        ),
        # Three steps: a default would give every tenant the same key.
        migrations.AddField(model_name="tenant", name="callback_key", field=_key(null=True)),
        migrations.RunPython(give_keys, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="tenant",
            name="callback_key",
            field=_key(default=voicedash.tenants.models.make_callback_key),
        ),
    ]

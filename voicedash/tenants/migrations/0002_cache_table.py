"""The table of the database cache, so that `migrate` alone makes a database that serves."""

from django.apps.registry import Apps
from django.core.management import call_command
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def create(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    call_command("createcachetable", "cache", database=editor.connection.alias, verbosity=0)


def drop(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    editor.execute("DROP TABLE IF EXISTS cache")


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]

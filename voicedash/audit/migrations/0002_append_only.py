"""The database refuses to change, to take away and to replace what the log holds."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from voicedash.audit import guard


def put_on(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in guard.put_on(editor.connection.vendor):
        editor.execute(statement, None)


def take_off(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in guard.take_off(editor.connection.vendor):
        editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunPython(put_on, take_off)]

"""The environment that every platform has."""

from uuid import UUID

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PYTHON = UUID("6b1d3a5e-5d0c-4c5e-9a53-7f1f3f6f7a11")


def add_python(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("algorithms", "Environment").objects.create(
        id=PYTHON,
        name="python311",
        display_name="Python 3.11",
        description="Python 3.11 with pip packages from requirements.txt.",
        language="python3-1",
        recipe="python3",
        machine_type="cpu",
    )


def remove_python(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("algorithms", "Environment").objects.filter(id=PYTHON).delete()


class Migration(migrations.Migration):
    dependencies = [("algorithms", "0001_initial")]
    operations = [migrations.RunPython(add_python, remove_python)]

from typing import Any

from django.db import migrations


def add_internal(apps: Any, schema_editor: Any) -> None:
    """The platform itself, which is the default until an administrator says otherwise."""
    rows = apps.get_model("scm", "ScmConfiguration").objects
    rows.create(id="internal", provider="internal", is_default=True)


class Migration(migrations.Migration):
    dependencies = [("scm", "0001_configurations")]

    operations = [migrations.RunPython(add_internal, migrations.RunPython.noop)]

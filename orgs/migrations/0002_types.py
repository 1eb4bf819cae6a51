from typing import Any

from django.db import migrations

# The types that clients know by name (spec.md 2.8).
NAMES = ("basic", "legacy", "pro")


def add_types(apps: Any, schema_editor: Any) -> None:
    types = apps.get_model("orgs", "OrganizationType")
    types.objects.bulk_create(types(name=name) for name in NAMES)


class Migration(migrations.Migration):
    dependencies = [("orgs", "0001_organizations")]

    operations = [migrations.RunPython(add_types, migrations.RunPython.noop)]

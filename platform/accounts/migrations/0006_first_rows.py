from typing import Any

from django.db import migrations
from django.db.models.functions import Lower


def make_policy(apps: Any, schema_editor: Any) -> None:
    """The row that administrators find in the admin."""
    apps.get_model("accounts", "SignUpPolicy").objects.get_or_create(pk=1)


def verify_addresses(apps: Any, schema_editor: Any) -> None:
    """Accounts from before sign-up were made by administrators, who vouched for the addresses."""
    users = apps.get_model("accounts", "User").objects.filter(kind="user").exclude(email="")
    addresses = apps.get_model("account", "EmailAddress").objects
    rows = users.annotate(address=Lower("email")).values_list("pk", "address")
    for user_id, email in rows.iterator(chunk_size=1000):
        addresses.get_or_create(
            user_id=user_id, email=email, defaults={"verified": True, "primary": True}
        )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_sign_up"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [
        migrations.RunPython(make_policy, migrations.RunPython.noop),
        migrations.RunPython(verify_addresses, migrations.RunPython.noop),
    ]

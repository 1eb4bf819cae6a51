"""Sources are looked at by themselves: when they were last is always known."""

import django.utils.timezone
from django.db import migrations, models
from django.db.models.functions import Now


def look_at_each(apps, schema_editor):
    rows = apps.get_model("algorithms", "RemoteRepository").objects
    rows.filter(fetched_at=None).update(fetched_at=Now())
    # Until now these waited for the next push.
    rows.filter(state="provider_internal_error", due_at=None).update(due_at=Now())


class Migration(migrations.Migration):
    dependencies = [("algorithms", "0027_queued_bytes")]

    operations = [
        migrations.RunPython(look_at_each, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="remoterepository",
            name="fetched_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AddIndex(
            model_name="remoterepository",
            index=models.Index(
                condition=models.Q(("due_at__isnull", True), ("state", "active")),
                fields=["fetched_at"],
                name="remote_not_looked_at",
            ),
        ),
    ]

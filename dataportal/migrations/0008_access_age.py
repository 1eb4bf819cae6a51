import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("dataportal", "0007_names_shown"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="dataaccess", name="access_age"),
        migrations.AddIndex(
            model_name="dataaccess",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["accessed_at"], name="access_age"
            ),
        ),
    ]

"""Settings of clients that the platform keeps and shows again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("algorithms", "0010_payload_of_queued_calls"),
    ]

    operations = [
        migrations.AddField(
            model_name="algorithm",
            name="insights_enabled",
            field=models.BooleanField(null=True),
        ),
        migrations.AddField(
            model_name="algorithm",
            name="royalty_microcredits",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="version",
            name="insights_enabled",
            field=models.BooleanField(null=True),
        ),
        migrations.AddField(
            model_name="version",
            name="royalty_microcredits",
            field=models.BigIntegerField(null=True),
        ),
    ]

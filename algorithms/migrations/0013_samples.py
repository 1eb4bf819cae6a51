"""Sample inputs of builds with their outputs, and which README a summary was made from."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("algorithms", "0012_approvals"),
    ]

    operations = [
        migrations.AddField(
            model_name="algorithm",
            name="readme_digest",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.CreateModel(
            name="Sample",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("input", models.TextField()),
                ("output", models.TextField(blank=True)),
                ("call_id", models.UUIDField(null=True)),
                ("is_stale", models.BooleanField(default=False)),
                (
                    "build",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sample",
                        to="algorithms.build",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["call_id"], name="algorithms__call_id_d5880b_idx")
                ],
            },
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dataportal", "0005_data_accesses")]

    operations = [
        migrations.RenameField("hostedfile", "md5", "digest"),
        migrations.AlterField("hostedfile", "digest", models.CharField(max_length=40)),
    ]

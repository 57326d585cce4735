from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0002_attempts")]
    operations = [
        migrations.AddField("person", "handed", models.BooleanField(default=False)),
        migrations.RemoveField("person", "language"),
    ]

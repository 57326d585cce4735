"""A fax is followed to its end; those of before are with the fax server, as far as is known."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("writing", "0003_drafts_since"),
    ]

    operations = [
        migrations.AddField(
            model_name="sent",
            name="job",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.RunSQL(
            "update writing_sent set state = 'taken' where way = 'fax' and state = 'done'",
            "update writing_sent set state = 'done' where way = 'fax' and state = 'taken'",
        ),
    ]

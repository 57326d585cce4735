"""What is signed does not change, whoever asks."""

from django.db import migrations

MAKE = """
create function writing_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'a signed version does not change: write an addendum';
end $$;
create trigger writing_version_stays before update or delete on writing_version
    for each row execute function writing_refuse();
create trigger writing_versions_stay before truncate on writing_version
    for each statement execute function writing_refuse();
"""
UNMAKE = """
drop trigger writing_version_stays on writing_version;
drop trigger writing_versions_stay on writing_version;
drop function writing_refuse;
"""


class Migration(migrations.Migration):
    """Triggers on the versions."""

    dependencies = [("writing", "0001_initial")]
    operations = [migrations.RunSQL(MAKE, UNMAKE)]

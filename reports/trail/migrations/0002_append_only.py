"""The function by which alone an entry comes to be, and triggers against everything else.

It belongs to the owner of the tables and runs with his rights (``security definer``); the web's
role may call it and read. Each entry's digest covers the one before, so one that was changed or
taken out by whoever owns the database shows too.
"""

from django.db import migrations

MAKE = r"""
create function trail_append(
    action text, outcome text, person text, address text, patient_id text, study text, detail jsonb
) returns void language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    last text;
    now_ timestamptz := clock_timestamp();
begin
    -- One at a time: two entries must not have the same one before them.
    perform pg_advisory_xact_lock(7213);
    select digest into last from public.trail_event order by id desc limit 1;
    last := coalesce(last, '');
    insert into public.trail_event
        (at, action, outcome, person, address, patient_id, study, detail, previous, digest)
    values (now_, action, outcome, person, address, patient_id, study, detail, last,
        public.trail_digest(last, now_, action, outcome, person, address, patient_id, study, detail));
end $$;

create function trail_digest(
    last text, at timestamptz, action text, outcome text, person text, address text,
    patient_id text, study text, detail jsonb
) returns text language sql stable set search_path = pg_catalog, public
    set timezone = 'UTC' as $$
    select encode(sha256(convert_to(jsonb_build_array(
        last, to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), action, outcome, person, address,
        patient_id, study, detail)::text, 'UTF8')), 'hex')
$$;

create function trail_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'an entry of the trail does not change';
end $$;

create trigger trail_stays before update or delete on trail_event
    for each row execute function trail_refuse();
create trigger trail_is_not_emptied before truncate on trail_event
    for each statement execute function trail_refuse();
revoke all on function trail_append from public;
"""
UNMAKE = """
drop trigger trail_stays on trail_event;
drop trigger trail_is_not_emptied on trail_event;
drop function trail_refuse;
drop function trail_append;
drop function trail_digest;
"""


class Migration(migrations.Migration):
    """Append only."""

    dependencies = [("trail", "0001_initial")]
    operations = [migrations.RunSQL(MAKE, UNMAKE)]

"""The trail's functions look for nothing but in PostgreSQL's own schema.

A schema of temporary things is searched first, before all that are named, unless it is named itself:
by ``pg_temp.timestamptz`` the web's role gave entries a time of its own making (PostgreSQL, CREATE
FUNCTION, "Writing SECURITY DEFINER Functions Safely"). Their own names have their schema already.
"""

from django.db import migrations

FUNCTIONS = (
    "trail_append(text, text, text, text, text, text, jsonb)",
    "trail_digest(text, timestamptz, text, text, text, text, text, text, jsonb)",
    "trail_refuse()",
)
SAFE = "".join(
    f"alter function public.{each} set search_path = pg_catalog, pg_temp;\n" for each in FUNCTIONS
)
BEFORE = "".join(
    f"alter function public.{each} set search_path = pg_catalog, public;\n" for each in FUNCTIONS
)


class Migration(migrations.Migration):
    """No other change."""

    dependencies = [("trail", "0002_append_only")]
    operations = [migrations.RunSQL(SAFE, BEFORE)]

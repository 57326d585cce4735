"""What the web's own role may do in the database: less than the owner, and nothing to the trail."""

from __future__ import annotations

from django.apps import apps
from django.db import connections

EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")
WEB = "reports"


def grant(alias: str = "owner") -> None:
    """Give the web's role exactly its rights, by the owner's connection."""
    connection = connections[alias]
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(f"revoke all on all tables in schema public from {quote(WEB)}")
        for model in apps.get_models(include_auto_created=True):
            may = ", ".join(getattr(model, "web_may", EVERYTHING))
            cursor.execute(f"grant {may} on {quote(model._meta.db_table)} to {quote(WEB)}")
        cursor.execute(f"grant select on django_migrations to {quote(WEB)}")
        cursor.execute(f"grant usage on all sequences in schema public to {quote(WEB)}")
        cursor.execute(f"grant execute on function public.trail_append to {quote(WEB)}")

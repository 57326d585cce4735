"""``python3 -m reports prepare``: bring the database to this version's form, as its owner."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from reports.trail.rights import grant


class Command(BaseCommand):
    """Tables, and the web's rights."""

    help = "Make the tables and the rights of the web's role; run as the database's owner."

    def handle(self, *_args: Any, **options: Any) -> None:
        """Idempotent: a second run changes nothing."""
        call_command("migrate", database="owner", interactive=False, verbosity=options["verbosity"])
        grant()

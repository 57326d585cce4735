"""``python3 -m reports trail_check``: whether the audit trail is whole."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reports.trail.check import check


class Command(BaseCommand):
    """Exit 1 names the first entry that does not fit."""

    help = "Check the chain of the audit trail; note its last digest elsewhere."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """What it found."""
        found = check()
        if found.broken:
            raise CommandError(f"{found.broken}; {found.entries} entries before it fit")
        self.stdout.write(f"{found.entries} entries, whole; the last one: {found.last or 'none'}")

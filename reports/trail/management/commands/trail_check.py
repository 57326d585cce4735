"""``python3 -m reports trail_check [--noted DIGEST]``: whether the audit trail is whole."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reports.trail.check import check


class Command(BaseCommand):
    """Exit 1 names the first entry that does not fit."""

    help = "Check the chain of the audit trail; note its last digest elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What somebody wrote down when it was last checked."""
        parser.add_argument("--noted", default="", help="the digest that was the last one then")

    def handle(self, *_args: Any, **options: Any) -> None:
        """What it found."""
        found = check(str(options["noted"]))
        if found.broken:
            raise CommandError(f"{found.broken}; {found.entries} entries fit")
        self.stdout.write(f"{found.entries} entries, whole; the last one: {found.last or 'none'}")

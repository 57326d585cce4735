"""``python3 -m reports sign-check``: whether what was signed is still what it was."""  # noqa: N999

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from reports.writing.models import Version
from reports.writing.sign import check


class Command(BaseCommand):
    """All digests, and the chain."""

    help = "Verify the digest of every signed version and their chain; 1 and the first if not."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Name the first that is wrong, or count those that are right."""
        if wrong := next(check(), ""):
            self.stderr.write(wrong)
            sys.exit(1)
        self.stdout.write(f"{Version.objects.count()} signed versions, all as they were signed")

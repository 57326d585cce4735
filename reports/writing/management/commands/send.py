"""``python3 -m reports send``: give what waits to the archive and the fax server."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from reports.documents.send import everything, follow_faxes

PAUSE = 5.0
ASKED = 3
"""In one of so many rounds."""


class Command(BaseCommand):
    """Stays, or one round."""

    help = "Send what waits, for good; --once for one round."

    def add_arguments(self, parser: CommandParser) -> None:
        """The one option."""
        parser.add_argument("--once", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        """A round every few seconds; what was faxed is asked after in some of them."""
        for turn in count():
            tried = everything()
            if turn % ASKED == 0:
                follow_faxes(timezone.now())
            if options["once"]:
                self.stdout.write(f"{tried} tried")
                return
            close_old_connections()
            time.sleep(PAUSE)

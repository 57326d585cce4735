"""``python3 -m reports send``: give what waits to the archive and the fax server."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from reports.documents.send import everything

PAUSE = 5.0


class Command(BaseCommand):
    """Stays, or one round."""

    help = "Send what waits, for good; --once for one round."

    def add_arguments(self, parser: CommandParser) -> None:
        """The one option."""
        parser.add_argument("--once", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        """A round every few seconds."""
        while True:
            tried = everything()
            if options["once"]:
                self.stdout.write(f"{tried} tried")
                return
            close_old_connections()
            time.sleep(PAUSE)

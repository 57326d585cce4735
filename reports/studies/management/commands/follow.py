"""``python3 -m reports follow``: keep the list as the archive is."""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections

from reports import archive
from reports.studies import follow

log = logging.getLogger("reports.follow")
SECONDS = 5.0
COMPARE = 300.0
"""How often the whole list is compared: studies may be deleted by hand."""


class Command(BaseCommand):
    """Runs until it is ended; what is down is asked again."""

    help = "Follow the archive's changes into the reading list."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--once``: until nothing is left, then end."""
        parser.add_argument("--once", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        """A failure is written where pages see it, and told once in the journal."""
        source = archive.reader()
        growing: set[str] = set()
        said, due = "", 0.0
        while True:
            more, why = _round(source, growing)
            if not (more or why) and time.monotonic() >= due:
                due = time.monotonic() + COMPARE
                _again, why = _round(source, None)
            if why != said:
                log.warning("%s", why or "the archive answers again")
                said = why
            if options["once"] and not more:
                return
            if not more:
                time.sleep(SECONDS)


def _round(source: archive.Archive, growing: set[str] | None) -> tuple[bool, str]:
    """The next changes, or the whole list; whether there are more changes, and what went wrong."""
    try:
        if growing is None:
            follow.compare(source)
            return False, ""
        return follow.step(source, growing), ""
    except (archive.DownError, archive.MissingError) as error:
        why = str(error)
    except (KeyError, TypeError, ValueError) as error:  # an answer of another form
        why = f"the archive's answer is not understood: {error!r}"
    except DatabaseError as error:
        close_old_connections()
        return False, f"the database: {error}"
    follow.failed(why)
    return False, why
